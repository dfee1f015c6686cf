namespace Appliance.SystemTests.Harness;

/// <summary>
/// A folder whose keys belong to a test: commands of the binary and PHP scripts meet under them. What is left under them, and those of the
/// folders in it, at the end is removed, so a test that is about removal must look before.
/// </summary>
public sealed class IpcFolder : IAsyncDisposable
{
    private readonly DirectoryInfo _folder;

    /// <summary>Makes the folder.</summary>
    public IpcFolder()
    {
        // ftok knows only 16 bits of an inode: another's object may lie under the keys of a new folder.
        List<DirectoryInfo> made = [];
        do
        {
            made.Add(Directory.CreateTempSubdirectory("appliance-ipc-"));
        }
        while (SystemVObjects.OfDirectoryAsync(made[^1].FullName).GetAwaiter().GetResult().Count > 0);
        _folder = made[^1];
        made[..^1].ForEach(folder => folder.Delete());
    }

    /// <summary>The folder: <c>--path</c> of commands, <c>$path</c> of scripts.</summary>
    public string FullName => _folder.FullName;

    /// <summary>A path in the folder.</summary>
    public string File(string name) => Path.Combine(FullName, name);

    /// <summary>Runs a command of the binary on the folder's key with project A.</summary>
    public Task<CommandResult> RunAsync(params string[] arguments)
    {
        var end = Array.IndexOf(arguments, "--");
        end = end < 0 ? arguments.Length : end;
        return CommandResult.ApplianceAsync([.. arguments[..end], "--path", FullName, .. arguments[end..]]);
    }

    /// <summary>Runs a command that must succeed in silence on stderr, and returns what it printed.</summary>
    public async Task<string> SucceedAsync(params string[] arguments)
    {
        var result = await RunAsync(arguments);
        Assert.True((result.ExitCode, result.Error) == (0, ""), $"{string.Join(' ', arguments)}: {result}");
        return result.Output;
    }

    /// <summary>Runs a command that must succeed, whatever it has to remark.</summary>
    public async Task SucceedQuietlyAsync(params string[] arguments)
    {
        var result = await RunAsync(arguments);
        Assert.True(result.ExitCode == 0, $"{string.Join(' ', arguments)}: {result}");
    }

    /// <summary>Runs a PHP script that finds the folder in <c>$path</c> and its key in <c>$key</c>; a warning of PHP's fails the test.</summary>
    public Task<string> PhpAsync(string script) => PhpScript.RunAsync(FullName, script);

    /// <summary>Arguments of php for a script as <see cref="PhpAsync"/> runs it.</summary>
    public string[] PhpArguments(string script) => PhpScript.Arguments(FullName, script);

    /// <summary>Waits until so many wait for the folder's semaphore.</summary>
    public Task<bool> WaitForWaitingAsync(int count) => TimeLimit.GuardAsync($"{count} who wait", async limit =>
    {
        while (!(await SucceedAsync("sem", "stat", "--json")).Contains($"\"waiting\":{count},", StringComparison.Ordinal))
        {
            await Task.Delay(10, limit);
        }

        return true;
    });

    /// <summary>The objects that lie under the folder's keys.</summary>
    public Task<IReadOnlyList<SystemVObject>> ObjectsAsync() => SystemVObjects.OfDirectoryAsync(FullName);

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        foreach (var folder in Directory.EnumerateDirectories(FullName).Append(FullName))
        {
            foreach (var one in await SystemVObjects.OfDirectoryAsync(folder))
            {
                await SystemVObjects.RemoveAsync(one);
            }
        }

        _folder.Delete(recursive: true);
    }
}
