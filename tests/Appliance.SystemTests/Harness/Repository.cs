namespace Appliance.SystemTests.Harness;

/// <summary>The working copy that these tests were built from.</summary>
public static class Repository
{
    /// <summary>Absolute path of one of its files.</summary>
    /// <exception cref="FileNotFoundException">It is not there.</exception>
    public static string File(params string[] names)
    {
        for (var folder = new DirectoryInfo(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
        {
            var path = Path.Combine([folder.FullName, .. names]);
            if (System.IO.File.Exists(path))
            {
                return path;
            }
        }

        throw new FileNotFoundException($"'{Path.Combine(names)}' lies in no folder above '{AppContext.BaseDirectory}'.");
    }
}
