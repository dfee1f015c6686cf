using System.Globalization;
using System.Text;
using System.Text.RegularExpressions;
using Appliance.SystemTests.Harness;

namespace Appliance.SystemTests;

/// <summary>The binary on disk takes over with every live connection; when it cannot, the old process goes on.</summary>
public sealed class UpgradeTests
{
    private static readonly TimeSpan RegexLimit = TimeSpan.FromSeconds(1);

    /// <summary>What stands in the place of the binary, and what the command says then.</summary>
    public static TheoryData<string, string> Failures => new()
    {
        { "", "posix_spawn" },
        { "no program", "posix_spawn" },
        { "#!/bin/sh\nexit 1\n", "the new process ended" },
        { "#!/bin/sh\nkill -SEGV $$\n", "the new process ended" },
        { Saying("Xnot today"), "not today" },
        { Saying("C"), "does not take the connections of every worker" },
    };

    /// <summary>Three times in a row, so that both sets of slots are used again.</summary>
    [Theory]
    [InlineData(1)]
    [InlineData(3)]
    public async Task Chat_goes_on_in_the_new_processes(int workers)
    {
        await using var daemon = await ApplianceDaemon.StartAsync(workers, "--announce", "off");
        await using var ann = await daemon.JoinAsync();
        await using var bob = await daemon.JoinAsync();
        var former = daemon.Workers().Values.Append(daemon.Master).ToList();
        for (var round = 0; round < 3; round++)
        {
            var said = await daemon.SucceedAsync("upgrade");
            Assert.Equal($"upgraded, pid {daemon.Master.Pid}\n", said);
            await daemon.WaitUntilAsync("end of the former processes", () => former.TrueForAll(process => !process.IsAlive));
            former = [.. daemon.Workers().Values, daemon.Master];
            Assert.Equal(workers + 1, former.Count);

            await ann.SayAsync($"round {round}");
            var first = await ann.ReadMessageAsync($"round {round}");
            Assert.Equal(first.Id, (await bob.ReadMessageAsync($"round {round}")).Id);
            await using var carol = await daemon.JoinAsync();
            Assert.Equal(first.Id, (await carol.ReadMessageAsync($"round {round}")).Id);
        }

        Assert.DoesNotContain(daemon.Log, line => line.Contains(" ERR ", StringComparison.Ordinal));
        Assert.Matches($@"(?m)^ *0 +{daemon.Workers()[0].Pid} ", await daemon.SucceedAsync("status"));
    }

    /// <summary>Commands come from the queue all the time: whichever process takes one, it is done, and once.</summary>
    [Fact]
    public async Task No_command_of_the_queue_is_lost_or_done_twice()
    {
        const int Commands = 1500;
        await using var daemon = await ApplianceDaemon.StartAsync(2, "--announce", "off");
        await using var ann = await daemon.JoinAsync();
        var pushing = daemon.PhpAsync(
            $"$q = msg_get_queue($key); for ($i = 0; $i < {Commands}; $i++) {{ "
            + $"while (!@msg_send($q, 1, \"say $i\", false, false)) {{ usleep(1000); }} usleep(1000); }}");
        do
        {
            _ = await daemon.SucceedAsync("upgrade");
        }
        while (!pushing.IsCompleted);
        _ = await pushing;

        // What the former process has given back stands behind what came later.
        var missing = Enumerable.Range(0, Commands).Select(i => $"{i}").ToHashSet(StringComparer.Ordinal);
        while (missing.Count > 0)
        {
            var message = (await ann.ReadAsync()).Message ?? "";
            Assert.True(missing.Remove(message), $"'{message}' came twice.");
        }

        await ann.SayAsync("the end");
        Assert.Equal("the end", (await ann.ReadAsync()).Message);
    }

    /// <summary>What a client has half said goes with it: the rest of a frame, of a message, of a character, of a request.</summary>
    [Fact]
    public async Task Half_of_everything_goes_along()
    {
        await using var daemon = await ApplianceDaemon.StartAsync(2, "--announce", "off");
        await using var reader = await daemon.JoinAsync();
        var whole = ClientFrame.Text(ChatClient.Json("half a frame")).Encode();
        var euro = Encoding.UTF8.GetBytes(ChatClient.Json("half a character €"));
        var cut = Array.IndexOf(euro, (byte)0x82) + 1;
        Assert.True(cut > 0);
        List<(RawClient Client, ReadOnlyMemory<byte> Second, string Expected)> halves = [];
        for (var at = 1; at < whole.Length; at += 7)
        {
            var client = await RawClient.ConnectAsync(daemon.Address);
            _ = await client.UpgradeAsync("/?history=0");
            await client.SendAsync(whole.AsMemory(0, at));
            halves.Add((client, whole.AsMemory(at), "half a frame"));
        }

        var fragments = await RawClient.ConnectAsync(daemon.Address);
        _ = await fragments.UpgradeAsync("/?history=0");
        await fragments.SendAsync(new ClientFrame(Opcode.Text, euro.AsMemory(0, cut)) { Final = false });
        halves.Add((fragments, new ClientFrame(Opcode.Continuation, euro.AsMemory(cut)).Encode(), "half a character €"));

        ReadOnlyMemory<byte> request = RawClient.UpgradeRequest("/?history=0");
        var asking = await RawClient.ConnectAsync(daemon.Address);
        await asking.SendAsync(request[..(request.Length / 2)]);

        foreach (var (client, _, _) in halves.Append((asking, default, "")))
        {
            await client.WaitUntilReadAsync();
        }

        _ = await daemon.SucceedAsync("upgrade");
        foreach (var (client, second, expected) in halves)
        {
            await client.SendAsync(second);
            _ = await reader.ReadMessageAsync(expected);
            await client.DisposeAsync();
        }

        await asking.SendAsync(request[(request.Length / 2)..]);
        Assert.Equal(101, (await asking.ReadResponseAsync()).Status);
        await asking.DisposeAsync();
    }

    /// <summary>Megabytes that a client has half sent, and half of an answer that it has not read.</summary>
    [Fact]
    public async Task Large_messages_go_along()
    {
        await using var daemon = await ApplianceDaemon.StartAsync(1, "--echo");
        var message = new byte[3 << 20];
        new Random(1).NextBytes(message);
        var frame = ClientFrame.Binary(message).Encode();
        await using var sender = await RawClient.ConnectAsync(daemon.Address);
        _ = await sender.UpgradeAsync("/echo");
        await sender.SendAsync(frame.AsMemory(0, 2_000_000));
        await sender.WaitUntilReadAsync();

        await using var reader = await RawClient.ConnectAsync(daemon.Address, receiveBuffer: 4096);
        _ = await reader.UpgradeAsync("/echo");
        await reader.SendAsync(frame);
        await reader.WaitUntilReadAsync();

        _ = await daemon.SucceedAsync("upgrade");
        await sender.SendAsync(frame.AsMemory(2_000_000));
        Assert.Equal(message, (await sender.ReadFrameAsync()).Payload);
        Assert.Equal(message, (await reader.ReadFrameAsync()).Payload);
    }

    /// <summary>A client that does not read stands inside a frame of the log; it gets every message once, through several upgrades.</summary>
    [Fact]
    public async Task Cursor_inside_a_frame_goes_along()
    {
        const int Messages = 6000;
        await using var daemon = await ApplianceDaemon.StartAsync(2, "--announce", "off", "--max-rate", "0");
        await using var writer = await daemon.JoinAsync("history=0");
        var raw = await RawClient.ConnectAsync(daemon.Address, receiveBuffer: 4096);
        _ = await raw.UpgradeAsync("/?history=0");
        await using var slow = ChatClient.Over(raw);
        for (var i = 0; i < Messages; i++)
        {
            await writer.SayAsync($"{i} {new string('x', 90)}");
            if (i % 2000 == 1000)
            {
                _ = await daemon.SucceedAsync("upgrade");
            }
        }

        for (var i = 0; i < Messages; i++)
        {
            Assert.StartsWith($"{i} ", (await slow.ReadTypeAsync("usermsg")).Message, StringComparison.Ordinal);
        }
    }

    [Theory]
    [MemberData(nameof(Failures))]
    public async Task Old_process_goes_on_when_the_new_one_cannot(string binary, string reason)
    {
        await using var daemon = new ApplianceDaemon();
        daemon.CopyBinary();
        await daemon.StartWorkersAsync(2, "--announce", "off");
        await using var ann = await daemon.JoinAsync();
        var (master, workers) = (daemon.Master, daemon.Workers());
        if (binary.Length > 0)
        {
            daemon.ReplaceBinary(Encoding.UTF8.GetBytes(binary));
        }
        else
        {
            File.Delete(daemon.Binary);
        }

        var failed = await daemon.RunCommandAsync("upgrade");
        Assert.Equal(1, failed.ExitCode);
        Assert.Contains(reason, failed.Error, StringComparison.Ordinal);
        Assert.Contains($"goes on, pid {master.Pid}", failed.Error, StringComparison.Ordinal);
        _ = await ann.SayAndReadAsync("still here");
        Assert.Equal(master, daemon.Master);
        Assert.Equal(workers, daemon.Workers());

        daemon.ReplaceBinary(await File.ReadAllBytesAsync(PublishedBinary.FilePath));
        _ = await daemon.SucceedAsync("upgrade");
        Assert.NotEqual(master, daemon.Master);
        _ = await ann.SayAndReadAsync("and still");
    }

    [Fact]
    public async Task Configuration_that_is_wrong_by_now_is_a_reason_to_stay()
    {
        await using var daemon = new ApplianceDaemon();
        var file = Path.Combine(daemon.Folder, "appliance.conf");
        await File.WriteAllTextAsync(file, "proc = 2\nhistory = 5\n");
        Assert.Equal(0, (await daemon.LaunchAsync("--config", file)).ExitCode);
        await using var ann = await daemon.JoinAsync();
        await File.WriteAllTextAsync(file, "proc = 2\nhistory = many\n");
        var failed = await daemon.RunCommandAsync("upgrade");
        Assert.Equal(1, failed.ExitCode);
        Assert.Contains($"{file}:2: history: 'many'", failed.Error, StringComparison.Ordinal);
        _ = await ann.SayAndReadAsync("still here");

        // What can change at run time is taken over by the new processes.
        await File.WriteAllTextAsync(file, "proc = 3\nmax-message = 3\n");
        _ = await daemon.SucceedAsync("upgrade");
        Assert.Equal(3, daemon.Workers().Count);
        await ann.SayAsync("too long");
        Assert.Equal("too_long", (await ann.ReadTypeAsync("error")).Code);
    }

    /// <summary>What another release's master says that this one does not know: it is refused, and that one goes on.</summary>
    [Theory]
    [InlineData("version = 2\nlayout = 2", "the former process hands over in version 2, this one takes 1: restart instead")]
    [InlineData("version = 0\nlayout = 2", "the former process hands over in version 0, this one takes 1: restart instead")]
    [InlineData("version = 1\nlayout = 3", "the room log has layout 3, this version takes 4 to 6: restart instead")]
    [InlineData("version = 1\nlayout = 7", "the room log has layout 7, this version takes 4 to 6: restart instead")]
    [InlineData("version = 1", "'layout' is missing in the hand-over")]
    [InlineData("version = one", "'one' is no number")]
    [InlineData("version = 1\nlayout = 4", "a part of the hand-over has not arrived")]
    [InlineData("version = 1\nlayout = 5", "a part of the hand-over has not arrived")]
    public async Task Other_versions_are_refused(string head, string reason)
    {
        const string FormerMaster = """
            use Socket; $^F = 1000;
            socketpair(my $here, my $there, AF_UNIX, SOCK_SEQPACKET, 0) or die;
            syswrite($here, "V$ARGV[1]"); syswrite($here, "B");
            if (!fork()) { $ENV{APPLIANCE_ROLE} = "upgrade"; $ENV{APPLIANCE_FD} = fileno($there); exec($ARGV[0], "--master"); }
            close($there); sysread($here, my $answer, 4096); print $answer; wait(); exit($? >> 8);
            """;
        var refused = await CommandResult.RunAsync("perl", "-e", FormerMaster, PublishedBinary.FilePath, head);
        Assert.Equal((1, $"X{reason}"), (refused.ExitCode, refused.Output));
    }

    [Fact]
    public async Task Single_process_says_that_it_cannot()
    {
        await using var daemon = new ApplianceDaemon();
        Assert.Equal(0, (await daemon.LaunchAsync("--nofork")).ExitCode);
        var failed = await daemon.RunCommandAsync("upgrade");
        Assert.Equal(1, failed.ExitCode);
        Assert.Contains("--nofork", failed.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Socket_file_stays_with_the_server_and_goes_with_it()
    {
        await using var daemon = new ApplianceDaemon();
        daemon.ChoosePort();
        var path = Path.Combine(daemon.Folder, "socket");
        Assert.Equal(0, (await daemon.LaunchAsync("--proc=2", "--listen", $"unix:{path}", "--listen", $"127.0.0.1:{daemon.Port}")).ExitCode);
        for (var round = 0; round < 2; round++)
        {
            _ = await daemon.SucceedAsync("upgrade");
            await using var client = await RawClient.ConnectAsync(new System.Net.Sockets.UnixDomainSocketEndPoint(path));
            Assert.Equal(101, (await client.UpgradeAsync()).Status);
        }

        _ = await daemon.SucceedAsync("stop");
        Assert.False(File.Exists(path));
    }

    /// <summary>More and fewer workers, in an upgrade and without: nobody is cut off, and no worker has much more than another one.</summary>
    [Fact]
    public async Task Connections_are_evened_out_after_every_change()
    {
        const int Clients = 60;
        await using var daemon = new ApplianceDaemon();
        var file = Path.Combine(daemon.Folder, "appliance.conf");
        await File.WriteAllTextAsync(file, "proc = 2");
        Assert.Equal(0, (await daemon.LaunchAsync("--config", file, "--announce", "off")).ExitCode);
        List<ChatClient> clients = [];
        for (var i = 0; i < Clients; i++)
        {
            clients.Add(await daemon.JoinAsync("history=0"));
        }

        foreach (var (command, workers) in new[] { ("reload", 4), ("upgrade", 3), ("upgrade", 6), ("reload", 1), ("upgrade", 1), ("reload", 5) })
        {
            await File.WriteAllTextAsync(file, $"proc = {workers}");
            _ = await daemon.SucceedAsync(command);
            await daemon.WaitUntilAsync($"{Clients} connections spread over {workers} workers", () => IsEven(daemon, workers, Clients));
            await clients[0].SayAsync($"{command} {workers}");
            foreach (var client in clients)
            {
                _ = await client.ReadMessageAsync($"{command} {workers}");
            }
        }

        foreach (var client in clients)
        {
            await client.DisposeAsync();
        }
    }

    /// <summary>A program that says one thing to the old process and then nothing more.</summary>
    private static string Saying(string message) =>
        $"#!/usr/bin/perl\nopen(my $channel, '>&=', $ENV{{APPLIANCE_FD}}); syswrite($channel, '{message}'); sleep 60;\n";

    private static bool IsEven(ApplianceDaemon daemon, int workers, int clients)
    {
        var status = daemon.RunCommandAsync("status").GetAwaiter().GetResult().Output;
        var counts = Regex.Matches(status, @"(?m)^ *\d+ +\d+ +[a-z]+ +(?<connections>\d+) ", RegexOptions.ExplicitCapture, RegexLimit)
            .Select(row => int.Parse(row.Groups["connections"].Value, CultureInfo.InvariantCulture)).ToList();
        return counts.Count == workers && counts.Sum() == clients && counts.Max() <= 1.2 * counts.Min();
    }
}
