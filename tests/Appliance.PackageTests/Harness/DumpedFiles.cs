namespace Appliance.PackageTests.Harness;

/// <summary>What <c>appliance dump</c> writes, for the tests of a class.</summary>
public sealed class DumpedFiles : IAsyncLifetime
{
    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("appliance-dump-");

    /// <summary>Path of a file, from the root of an installed system.</summary>
    public string this[string path] => Path.Combine(_folder.FullName, path);

    public async Task InitializeAsync() => _ = await Artifacts.SucceedAsync(Artifacts.Find("appliance"), "dump", _folder.FullName);

    public Task DisposeAsync()
    {
        _folder.Delete(recursive: true);
        return Task.CompletedTask;
    }
}
