namespace Appliance.SystemTests.Harness;

/// <summary>Where the binary under test lies.</summary>
public static class PublishedBinary
{
    /// <summary>Environment variable that names another binary, for example an installed one.</summary>
    public const string PathVariable = "APPLIANCE_BINARY";

    private static readonly Lazy<string> Found = new(Find);

    /// <summary>Absolute path of the published binary.</summary>
    /// <exception cref="FileNotFoundException">It is not published.</exception>
    public static string FilePath => Found.Value;

    private static string Find()
    {
        var named = Environment.GetEnvironmentVariable(PathVariable);
        if (!string.IsNullOrEmpty(named))
        {
            return File.Exists(named)
                ? Path.GetFullPath(named)
                : throw new FileNotFoundException($"{PathVariable} names '{named}', which does not exist.");
        }

        for (var folder = new DirectoryInfo(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
        {
            if (!File.Exists(Path.Combine(folder.FullName, "global.json")))
            {
                continue;
            }

            var path = Path.Combine(folder.FullName, "artifacts", "appliance");
            return File.Exists(path)
                ? path
                : throw new FileNotFoundException($"'{path}' is not there: run './build.sh publish' first, or set {PathVariable}.");
        }

        throw new FileNotFoundException(
            $"No global.json above '{AppContext.BaseDirectory}', so no repository root: set {PathVariable} to the binary to test.");
    }
}
