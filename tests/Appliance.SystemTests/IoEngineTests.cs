using System.Text.Json;
using Appliance.SystemTests.Harness;

namespace Appliance.SystemTests;

/// <summary>Messages reach the kernel together where that is allowed, and one by one where it is not: <c>--io</c>.</summary>
[Trait(TestEngine.Name, TestEngine.Any)]
public sealed class IoEngineTests
{
    /// <summary>
    /// Runs a program under a seccomp(2) filter that answers io_uring_setup(2), number 425 everywhere, with EPERM, as containers do it: load
    /// the number; if it is that, return the errno; allow everything else.
    /// </summary>
    private const string Forbid = """
        my $filter = pack('(SCCL)4', 0x20, 0, 0, 0, 0x15, 0, 1, 425, 0x06, 0, 0, 0x00050001, 0x06, 0, 0, 0x7fff0000);
        my $program = pack('Sx![q]P', 4, $filter);
        my ($prctl, $no_new_privs, $seccomp, $mode) = (PRCTL, 38, 22, 2);
        syscall($prctl, $no_new_privs, 1, 0, 0, 0) == 0 && syscall($prctl, $seccomp, $mode, $program, 0, 0) == 0 or die $!;
        exec @ARGV or die $!;
        """;

    private static readonly string PrctlNumber =
        System.Runtime.InteropServices.RuntimeInformation.ProcessArchitecture == System.Runtime.InteropServices.Architecture.X64 ? "157" : "167";

    private static readonly string[] Forbidden = ["perl", "-e", Forbid.Replace("PRCTL", PrctlNumber, StringComparison.Ordinal)];

    [Theory]
    [InlineData("auto", false, 2)]
    [InlineData("uring", false, 2)]
    [InlineData("epoll", false, 0)]
    [InlineData("auto", true, 0)]
    [InlineData("epoll", true, 0)]
    public async Task Engine_is_chosen_and_shown(string engine, bool forbidden, int workers)
    {
        await using var daemon = new ApplianceDaemon();
        await daemon.StartForegroundAsync(
            forbidden ? Forbidden : [], new Dictionary<string, string>(StringComparer.Ordinal), ["--proc=2", "--io", engine, .. MonitoringPort.Options]);
        var port = await MonitoringPort.OfAsync(daemon);
        await using var ann = await daemon.JoinWorkerAsync(0);
        await using var bob = await daemon.JoinWorkerAsync(1);
        await using var cid = await daemon.JoinWorkerAsync(1);
        _ = await ann.SayAndReadAsync("to all");
        Assert.Equal("to all", (await bob.ReadMessageAsync("to all")).Message);
        Assert.Equal("to all", (await cid.ReadMessageAsync("to all")).Message);
        var status = await port.WaitForStatusAsync(
            "both workers", status => Workers(status).Count(worker => worker.GetProperty("state").GetString() == "serving") == 2);
        Assert.Equal(workers, status.GetProperty("io_uring").GetInt32());
        Assert.All(Workers(status), worker => Assert.Equal(workers / 2, worker.GetProperty("io_uring").GetInt32()));
    }

    [Fact]
    public async Task Engine_that_the_kernel_forbids_is_refused_with_the_way_out()
    {
        await using var daemon = new ApplianceDaemon();
        var refused = await daemon.LaunchThroughAsync(Forbidden, "--proc=2", "--io", "uring");
        Assert.True(refused.ExitCode == 1, refused.ToString());
        Assert.Contains("--io uring: the kernel does not allow it (EPERM)", refused.Error, StringComparison.Ordinal);
        Assert.Contains("--io auto", refused.Error, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("auto", false, 0, "ok ")]
    [InlineData("auto", true, 0, "warn")]
    [InlineData("uring", true, 1, "FAIL")]
    [InlineData("epoll", true, 0, "ok ")]
    public async Task Check_tells_whether_the_kernel_allows_it(string engine, bool forbidden, int exitCode, string verdict)
    {
        await using var folder = new IpcFolder();
        string[] command =
        [
            .. forbidden ? Forbidden : [], PublishedBinary.FilePath, "--check", "--io", engine, "--listen", "127.0.0.1:0", "--metrics", "off",
            "--state-dir", folder.FullName, "--run-dir", folder.FullName,
        ];
        var check = await CommandResult.RunAsync(command[0], command[1..]);
        Assert.True(check.ExitCode == exitCode, check.ToString());
        Assert.StartsWith(
            verdict, Assert.Single(check.Output.Split('\n'), line => line.Contains("io_uring  ", StringComparison.Ordinal)), StringComparison.Ordinal);
    }

    private static JsonElement[] Workers(JsonElement status) => [.. status.GetProperty("per_worker").EnumerateArray()];
}
