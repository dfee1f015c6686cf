using Appliance.SystemTests.Harness;

namespace Appliance.SystemTests;

/// <summary>Keys and lists of System V objects, beside those of PHP.</summary>
[Trait(TestEngine.Name, TestEngine.Any)]
public sealed class IpcCommandTests
{
    [Theory]
    [InlineData("A")]
    [InlineData("z")]
    [InlineData("~")]
    public async Task Key_is_that_of_ftok(string project)
    {
        await using var folder = new IpcFolder();
        var expected = await folder.PhpAsync($"printf('0x%08x', ftok($path, '{project}'));");
        var printed = await CommandResult.ApplianceAsync("ipc", "key", folder.FullName, project);
        Assert.Equal((0, $"{expected}\n", ""), (printed.ExitCode, printed.Output, printed.Error));
    }

    [Fact]
    public async Task Key_without_a_letter_is_that_of_A()
    {
        await using var folder = new IpcFolder();
        var printed = await CommandResult.ApplianceAsync("ipc", "key", folder.FullName);
        Assert.Equal(await folder.PhpAsync("printf(\"0x%08x\\n\", $key);"), printed.Output);
    }

    [Fact]
    public async Task List_tells_what_is_there_and_what_nobody_uses()
    {
        await using var folder = new IpcFolder();
        const string Make = "$s = shm_attach($key, 1000, 0640); $q = msg_get_queue($key, 0600); msg_send($q, 1, 'x'); $m = sem_get($key); sem_acquire($m); ";
        await using (var script = RunningProgram.Start(folder, Make + "echo \"made\\n\"; fgets(STDIN);"))
        {
            Assert.Equal("made", await script.ReadLineAsync());
            Assert.Equal(
                [
                    $"shm 0640 1000 - 1 {script.Pid} yes no PHP variables",
                    "queue 0600 8 1 - - - no -",
                    "sem 0666 - - - - - no PHP semaphore",
                ],
                await ListAsync(folder));
            await script.WriteLineAsync("");
            _ = await script.WaitAsync();
            Assert.Equal(
                [
                    $"shm 0640 1000 - 0 {script.Pid} no yes PHP variables",
                    "queue 0600 8 1 - - - yes -",
                    "sem 0666 - - - - - yes PHP semaphore",
                ],
                await ListAsync(folder));
        }

        // What belongs to a state directory is kept on purpose.
        Assert.Equal(
            [$"variables of {folder.FullName}", $"control queue of {folder.FullName}", $"semaphore of {folder.FullName}"],
            (await ListAsync(folder, "--state-dir", folder.FullName)).Select(line => string.Join(' ', line.Split(' ')[8..])));
    }

    [Fact]
    public async Task List_is_of_this_user_or_of_all()
    {
        await using var folder = new IpcFolder();
        _ = await folder.PhpAsync("shm_attach($key, 1000, 0600);");
        var key = await folder.PhpAsync("printf('\"key\":\"0x%08x\"', $key);");
        string[] asNobody = ["--reuid=65534", "--regid=65534", "--clear-groups", PublishedBinary.FilePath, "ipc", "list", "--json"];
        var own = await CommandResult.RunAsync("setpriv", asNobody);
        Assert.Equal((0, ""), (own.ExitCode, own.Error));
        Assert.DoesNotContain(key, own.Output, StringComparison.Ordinal);
        var all = await CommandResult.RunAsync("setpriv", [.. asNobody, "--all"]);
        Assert.Equal((0, ""), (all.ExitCode, all.Error));
        Assert.Contains(key, all.Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task List_knows_a_servers_room_log()
    {
        await using var daemon = await ApplianceDaemon.StartAsync(1);
        var list = await daemon.SucceedAsync("ipc", "list");
        Assert.Contains($"room log of {daemon.StateDirectory}", list, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(2, "ipc")]
    [InlineData(2, "ipc", "key")]
    [InlineData(2, "ipc", "key", "/", "AB")]
    [InlineData(2, "ipc", "key", "/", "\u00E9")]
    [InlineData(1, "ipc", "key", "/no/such/file", "A")]
    public async Task Wrong_use_is_told(int exitCode, params string[] arguments)
    {
        var result = await CommandResult.ApplianceAsync(arguments);
        Assert.Equal((exitCode, ""), (result.ExitCode, result.Output));
        Assert.StartsWith("appliance: ", result.Error, StringComparison.Ordinal);
        Assert.Single(result.Error.Split('\n', StringSplitOptions.RemoveEmptyEntries));
    }

    /// <summary>The lines of a folder's objects without the columns key, id and owner; columns are one space apart.</summary>
    private static async Task<IEnumerable<string>> ListAsync(IpcFolder folder, params string[] options)
    {
        var list = await CommandResult.ApplianceAsync(["ipc", "list", .. options]);
        Assert.Equal((0, ""), (list.ExitCode, list.Error));
        var key = await folder.PhpAsync("printf('0x%08x', $key);");
        return list.Output.Split('\n').Select(line => line.Split(' ', StringSplitOptions.RemoveEmptyEntries))
            .Where(cells => cells.Length > 1 && cells[1] == key)
            .Select(cells => string.Join(' ', [cells[0], .. cells[4..]]))
            .OrderBy(line => line[0] switch { 's' when line[1] == 'h' => 0, 'q' => 1, _ => 2 });
    }

    [Fact]
    public async Task Help_of_a_command_is_about_it_alone()
    {
        var family = await CommandResult.ApplianceAsync("ipc", "--help");
        Assert.Equal((0, ""), (family.ExitCode, family.Error));
        Assert.Contains("ipc key PATH", family.Output, StringComparison.Ordinal);
        Assert.DoesNotContain("--daemon", family.Output, StringComparison.Ordinal);
    }
}
