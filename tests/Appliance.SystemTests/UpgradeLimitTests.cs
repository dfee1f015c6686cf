using System.Text;
using Appliance.SystemTests.Harness;

namespace Appliance.SystemTests;

/// <summary>Whoever takes part in an upgrade stops in the middle of it: after <c>--upgrade-timeout</c> the old process goes on with every client.</summary>
public sealed class UpgradeLimitTests
{
    private const string Timeout = "3";

    /// <summary>A new process that comes as far as the last line of it, and then is stopped as by SIGSTOP.</summary>
    private const string NewProcess = """
        #!/usr/bin/perl
        use Socket; use POSIX ();
        open(my $channel, '+<&=', $ENV{APPLIANCE_FD}) or die;
        my ($message, $workers);
        do { sysread($channel, $message, 65536); $workers = $1 if $message =~ /^workers = (.*)$/m } until $message =~ /^B/;
        my $sendmsg = (POSIX::uname())[4] eq 'x86_64' ? 46 : 211;
        my @kept;
        sub tell_way {
            my ($text, $socket) = @_;
            my $vector = pack('P Q', $text, length $text);
            my $control = pack('Q l l l x4', 20, 1, 1, fileno($socket));
            my $header = pack('Q L x4 P Q P Q l x4', 0, 0, $vector, 1, $control, length $control, 0);
            syscall($sendmsg, fileno($channel), $header, 0) > 0 or die;
        }
        sub tell_ways {
            for my $number (split /,/, $workers) {
                socketpair(my $giving, my $taking, AF_UNIX, SOCK_SEQPACKET, 0) or die;
                tell_way("W$number", $giving);
                push @kept, $taking;
            }
        }

        """;

    public static TheoryData<string, string> Steps => new()
    {
        { "", "did not serve in time" },
        { "tell_ways();", "did not serve in time" },
        { "tell_ways(); syswrite($channel, 'C');", "not all connections could be given in time" },
        {
            "tell_ways(); syswrite($channel, 'C'); syswrite($channel, 'C'); tell_ways(); syswrite($channel, '?what');",
            "not all connections could be given in time"
        },
    };

    [Theory]
    [MemberData(nameof(Steps))]
    public async Task Old_process_goes_on_when_the_new_one_is_stopped(string steps, string reason)
    {
        await using var daemon = await StartAsync();
        await using var ann = await daemon.JoinWorkerAsync(0);
        await using var bob = await daemon.JoinWorkerAsync(1);
        var (master, workers) = (daemon.Master, daemon.Workers());
        daemon.ReplaceBinary(Encoding.UTF8.GetBytes($"{NewProcess}{steps} kill('STOP', $$); sleep 60;\n"));
        await AssertFailsAsync(daemon, reason);
        Assert.Equal(workers, daemon.Workers());
        Assert.Equal(master, daemon.Master);
        Assert.Equal((await ann.SayAndReadAsync("still here")).Id, (await bob.ReadMessageAsync("still here")).Id);
        await using var carol = await daemon.JoinAsync();
        _ = await carol.SayAndReadAsync("new here");

        daemon.ReplaceBinary(await File.ReadAllBytesAsync(PublishedBinary.FilePath));
        _ = await daemon.SucceedAsync("upgrade");
        Assert.Equal((await bob.SayAndReadAsync("and still")).Id, (await ann.ReadMessageAsync("and still")).Id);
    }

    /// <summary>Nobody is given away before every worker has shown that it will give: otherwise some would be lost with the new process.</summary>
    [Fact]
    public async Task Old_process_goes_on_when_a_worker_of_its_own_is_stopped()
    {
        await using var daemon = await StartAsync();
        await using var ann = await daemon.JoinWorkerAsync(0);
        await using var bob = await daemon.JoinWorkerAsync(1);
        var workers = daemon.Workers();
        await ApplianceDaemon.SignalAsync(workers[1], "STOP");
        await AssertFailsAsync(daemon, "does not answer, so its connections could not be given");
        await ApplianceDaemon.SignalAsync(workers[1], "CONT");
        Assert.Equal(workers, daemon.Workers());
        Assert.Equal((await bob.SayAndReadAsync("still here")).Id, (await ann.ReadMessageAsync("still here")).Id);
        _ = await daemon.SucceedAsync("upgrade");
        Assert.Equal((await bob.SayAndReadAsync("and still")).Id, (await ann.ReadMessageAsync("and still")).Id);
    }

    /// <summary>What is asked for in the middle of an upgrade is done by whoever is the server in the end.</summary>
    [Theory]
    [InlineData("")]
    [InlineData("tell_ways(); syswrite($channel, 'C');")]
    public async Task Reload_and_stop_in_the_middle_of_an_upgrade_that_fails_are_not_lost(string steps)
    {
        await using var daemon = await StartAsync();
        await using var ann = await daemon.JoinAsync();
        daemon.ReplaceBinary(Encoding.UTF8.GetBytes($"{NewProcess}{steps} kill('STOP', $$); sleep 60;\n"));
        await BeginUpgradeAsync(daemon);
        Assert.Equal("reloaded\n", await daemon.SucceedAsync("reload"));
        _ = await daemon.WaitForLogAsync("upgrade failed, this process goes on");
        _ = await ann.SayAndReadAsync("still here");

        await BeginUpgradeAsync(daemon);
        _ = await daemon.SucceedAsync("stop");
        Assert.Equal(1001, await ann.Raw.ReadCloseAsync());
    }

    [Fact]
    public async Task Reload_and_reopening_in_the_middle_of_an_upgrade_are_the_next_process_s()
    {
        await using var daemon = await StartAsync();
        await using var ann = await daemon.JoinAsync();
        var former = daemon.Master;
        var stopped = daemon.Workers()[0];
        await ApplianceDaemon.SignalAsync(stopped, "STOP");
        await ApplianceDaemon.SignalAsync(former, "USR2");
        _ = await daemon.WaitForLogAsync("appliance .* starting, pid (?!" + former.Pid + ")");
        File.Move(daemon.LogFile, daemon.LogFile + ".1");
        await ApplianceDaemon.SignalAsync(former, "USR1");
        _ = await daemon.WaitForLogAsync("log reopened");
        await ApplianceDaemon.SignalAsync(former, "HUP");
        _ = await daemon.WaitForLogAsync("SIGHUP received during an upgrade");
        await ApplianceDaemon.SignalAsync(stopped, "CONT");
        await daemon.WaitForEndAsync(former);

        // Both may be done in one turn, the reload first: its line is in the former file then.
        await daemon.WaitUntilAsync("a reload", () => File.ReadLines(daemon.LogFile + ".1").Concat(daemon.Log)
            .Any(line => line.Contains("configuration reloaded", StringComparison.Ordinal)));
        _ = await daemon.WaitForLogAsync("log reopened");
        var moved = (await File.ReadAllLinesAsync(daemon.LogFile + ".1")).Length;
        _ = await daemon.SucceedAsync("reload");
        Assert.Equal(moved, (await File.ReadAllLinesAsync(daemon.LogFile + ".1")).Length);
        _ = await ann.SayAndReadAsync("still here");
    }

    private static async Task<ApplianceDaemon> StartAsync()
    {
        var daemon = new ApplianceDaemon();
        daemon.CopyBinary();
        await daemon.StartWorkersAsync(2, "--announce", "off", "--drain", "1", "--upgrade-timeout", Timeout);
        return daemon;
    }

    private static async Task AssertFailsAsync(ApplianceDaemon daemon, string reason)
    {
        var failed = await daemon.RunCommandAsync("upgrade");
        Assert.Equal(1, failed.ExitCode);
        Assert.Contains(reason, failed.Error, StringComparison.Ordinal);
        Assert.Contains($"goes on, pid {daemon.Master.Pid}", failed.Error, StringComparison.Ordinal);
    }

    private static async Task BeginUpgradeAsync(ApplianceDaemon daemon)
    {
        var begun = daemon.EventsOf(1023).Count;
        await ApplianceDaemon.SignalAsync(daemon.Master, "USR2");
        await daemon.WaitUntilAsync("upgrade", () => daemon.EventsOf(1023).Count > begun);
    }
}
