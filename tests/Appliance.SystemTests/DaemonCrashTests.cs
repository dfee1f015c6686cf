using System.Diagnostics;
using System.Globalization;
using System.Net.Sockets;
using System.Text.RegularExpressions;
using Appliance.SystemTests.Harness;
using Xunit.Abstractions;

namespace Appliance.SystemTests;

/// <summary>Workers that die, in whatever instruction and however often: replaced, and the clients of the others notice nothing.</summary>
[Trait(PidNamespace.Trait, PidNamespace.Container)]
public sealed class DaemonCrashTests(ITestOutputHelper output)
{
    private const int Kills = 80;
    private const int Slots = 6;
    private const int Victims = 4;
    private const string Room = "room=crash&history=0";

    /// <summary>
    /// Four of six workers are killed at random moments while their clients write. On the fifth somebody writes all the time, on the
    /// sixth somebody only reads: what it gets, it gets because others wake its worker.
    /// </summary>
    [Fact]
    public async Task Workers_killed_under_load_are_replaced_and_others_notice_nothing()
    {
        await using var daemon = await ApplianceDaemon.StartAsync(
            Slots, "--announce", "off", "--max-rate", "0", "--ping", "3600", "--timeout", "7200");
        await using var writer = await daemon.JoinWorkerAsync(Victims, Room);
        await using var reader = await daemon.JoinWorkerAsync(Victims + 1, Room);
        using var enough = new CancellationTokenSource();
        var descriptors = daemon.Master.Descriptors.Count;
        var reading = Task.Run(() => ReadUntilEndAsync(reader));
        var writing = Task.Run(() => WriteAsync(writer, enough.Token));
        var victims = Enumerable.Range(0, Victims).Select(i => Task.Run(() => WriteAndReconnectAsync(daemon, i, enough.Token))).ToArray();

        var replacements = await KillAsync(daemon);
        await enough.CancelAsync();
        var failure = await Record.ExceptionAsync(() => Task.WhenAll([writing, .. victims]));
        Assert.True(failure is null, $"{failure} {daemon.Tail()}");
        for (var slot = 0; slot < Slots; slot++)
        {
            await using var last = await daemon.JoinWorkerAsync(slot, Room);
            _ = await last.SayAndReadAsync("done", $"last {slot}");
        }

        await writer.SayAsync("end", "the end");
        var seen = await reading;
        AssertNothingLost(seen);
        output.WriteLine($"{Kills} workers killed, {seen.Count} messages, replaced in {replacements.TotalMilliseconds:0} ms at most");
        Assert.Equal(descriptors, daemon.Master.Descriptors.Count);
        await daemon.WaitForLogLinesAsync(Kills, "died: signal 9");
        var status = await daemon.SucceedAsync("status");
        Assert.Equal(Kills, Regex.Matches(status, @"(?m)^ *[0-9]+ .* (?<restarts>[0-9]+)$", RegexOptions.ExplicitCapture, TimeSpan.FromSeconds(1))
            .Sum(row => int.Parse(row.Groups["restarts"].Value, CultureInfo.InvariantCulture)));
    }

    /// <summary>By its own fault, unlike by somebody's kill -9: the reason and a growing pause are in the log.</summary>
    [Theory]
    [InlineData("SEGV", 11)]
    [InlineData("ABRT", 6)]
    public async Task Worker_that_keeps_failing_is_restarted_with_growing_pauses(string signal, int number)
    {
        await using var daemon = await ApplianceDaemon.StartAsync(2, "--announce", "off");
        await using var ann = await daemon.JoinWorkerAsync(0);
        var other = daemon.Workers()[0];
        var pauses = new List<int>();
        for (var i = 0; i < 5; i++)
        {
            pauses.Add(await FailAsync());
            _ = await ann.SayAndReadAsync("still here");
        }

        output.WriteLine($"pauses: {string.Join(", ", pauses)} ms");
        Assert.Equal(0, pauses[0]);
        Assert.All(pauses.Zip(pauses.Skip(1)), pair => Assert.True(pair.First < pair.Second, $"{pair.First} ms, then {pair.Second} ms"));
        await using var bob = await daemon.JoinWorkerAsync(1);
        await bob.SayAsync("served again");
        _ = await ann.ReadMessageAsync("served again");
        Assert.Equal(other, daemon.Workers()[0]);

        async Task<int> FailAsync()
        {
            ProcessStatus? worker = null;
            await daemon.WaitUntilAsync("worker 1", () => (worker = daemon.Workers().GetValueOrDefault(1)) is not null);
            var own = worker!.OwnPid;
            await using (var client = await daemon.JoinWorkerAsync(1, "history=0"))
            {
                // A runtime may take the first SIGSEGV, which no instruction of its own has caused, for a false alarm.
                await daemon.WaitUntilAsync($"end of worker 1 by {signal}", () =>
                {
                    _ = Process.Start("sh", ["-c", $"kill -{signal} {worker!.Pid} 2>&-"]).WaitForExit(TimeLimit.Event);
                    return !worker.IsAlive;
                });
            }

            var line = await daemon.WaitForLogAsync($"worker 1, pid {own}, died: ");
            Assert.Contains($"died: signal {number};", line, StringComparison.Ordinal);
            var pause = Regex.Match(line, "starts in (?<ms>[0-9]+) ms", RegexOptions.ExplicitCapture, TimeSpan.FromSeconds(1));
            Assert.True(pause.Success, line);
            return int.Parse(pause.Groups["ms"].Value, CultureInfo.InvariantCulture);
        }
    }

    /// <summary>A worker that cannot be started is tried again: the system's limits do not end the others.</summary>
    [Fact]
    public async Task Limit_of_processes_ends_nothing_but_the_start_of_a_worker()
    {
        Assert.True(Environment.IsPrivilegedProcess, "Only root can become the user to whom the limit applies.");
        await using var daemon = new ApplianceDaemon();
        var chown = await CommandResult.RunAsync("chown", "nobody", daemon.StateDirectory, daemon.RunDirectory);
        Assert.True(chown.ExitCode == 0, chown.Error);
        await daemon.StartWorkersAsync(2, "--announce", "off", "--user", "nobody");
        await using var ann = await daemon.JoinWorkerAsync(0);
        await LimitProcessesAsync(daemon.Master, "1");
        await ApplianceDaemon.SignalAsync(daemon.Workers()[1], "KILL");
        _ = await daemon.WaitForLogAsync("EAGAIN");
        _ = await ann.SayAndReadAsync("still here");
        await LimitProcessesAsync(daemon.Master, null);
        await using var bob = await daemon.JoinWorkerAsync(1);
        _ = await bob.SayAndReadAsync("served again");
        _ = await ann.ReadMessageAsync("served again");
    }

    /// <summary>Whoever kills all that come, soon after each has begun, is not followed at full speed for ever; a second is the longest pause.</summary>
    [Fact]
    public async Task Worker_that_is_killed_again_and_again_is_restarted_with_growing_pauses()
    {
        await using var daemon = await ApplianceDaemon.StartAsync(1, "--announce", "off");
        for (var i = 0; i < 24; i++)
        {
            ProcessStatus? worker = null;
            await daemon.WaitUntilAsync("the worker", () => (worker = daemon.Workers().GetValueOrDefault(0)) is not null);
            await ApplianceDaemon.SignalAsync(worker!, "KILL");
            await daemon.WaitUntilAsync(
                "its death in the log", () => daemon.Log.Count(line => line.Contains("died: signal 9", StringComparison.Ordinal)) == i + 1);
        }

        var pauses = daemon.Log
            .Select(line => Regex.Match(line, "died: signal 9; the next one starts in (?<ms>[0-9]+) ms", RegexOptions.ExplicitCapture, TimeSpan.FromSeconds(1)))
            .Where(match => match.Success).Select(match => int.Parse(match.Groups["ms"].Value, CultureInfo.InvariantCulture)).ToArray();
        output.WriteLine($"pauses: {string.Join(", ", pauses)} ms");
        Assert.All(pauses[..20], pause => Assert.Equal(0, pause));
        Assert.All(pauses[20..].Zip(pauses[21..]), pair => Assert.True(pair.First < pair.Second, $"{pair.First} ms, then {pair.Second} ms"));
        Assert.DoesNotContain(daemon.Log, line => line.Contains("damaged", StringComparison.Ordinal));
    }

    /// <summary>Signals need no thread, and so nothing that the system could refuse: not to reload, not to reopen, not to end.</summary>
    [Theory]
    [InlineData("TERM")]
    [InlineData("INT")]
    [InlineData("QUIT")]
    public async Task Signals_are_taken_when_the_system_has_no_process_to_give(string end)
    {
        Assert.True(Environment.IsPrivilegedProcess, "Only root can become the user to whom the limit applies.");
        await using var daemon = new ApplianceDaemon();
        var chown = await CommandResult.RunAsync("chown", "nobody", daemon.StateDirectory, daemon.RunDirectory);
        Assert.True(chown.ExitCode == 0, chown.Error);
        await daemon.StartWorkersAsync(2, "--announce", "off", "--user", "nobody");
        await using var ann = await daemon.JoinWorkerAsync(0);
        var victim = daemon.Workers()[1];
        ProcessStatus[] processes = [daemon.Master, .. daemon.Workers().Values];
        foreach (var process in processes)
        {
            await LimitProcessesAsync(process, "1");
        }

        await ApplianceDaemon.SignalAsync(daemon.Master, "HUP");
        _ = await daemon.WaitForLogAsync("configuration reloaded");
        await ApplianceDaemon.SignalAsync(daemon.Master, "USR1");
        await daemon.WaitForLogLinesAsync(2, "log reopened");
        await ApplianceDaemon.SignalAsync(daemon.Master, "USR2");
        _ = await daemon.WaitForLogAsync("upgrade failed, this process goes on: ");
        _ = await ann.SayAndReadAsync("still here");
        await ApplianceDaemon.SignalAsync(victim, "KILL");
        _ = await daemon.WaitForLogAsync("worker 1, pid [0-9]+, died: signal 9");
        _ = await ann.SayAndReadAsync("and still");
        await ApplianceDaemon.SignalAsync(daemon.Master, end);
        if (end != "QUIT")
        {
            Assert.Equal(1001, await ann.Raw.ReadCloseAsync());
        }

        await ann.DisposeAsync();
        foreach (var process in processes)
        {
            await daemon.WaitForEndAsync(process);
        }

        Assert.False(File.Exists(daemon.PidFile), "The pid file is left behind.");
        Assert.DoesNotContain(daemon.Log, line => line.Contains("Exception", StringComparison.Ordinal));
    }

    /// <summary>Kills one of the first workers after the other; returns how long the longest replacement took.</summary>
    private static async Task<TimeSpan> KillAsync(ApplianceDaemon daemon)
    {
        var random = new Random(1);
        var longest = 0L;
        for (var i = 0; i < Kills; i++)
        {
            if (i % 30 == 0)
            {
                // Now and then all are to have come up and taken clients.
                for (var other = 0; other < Victims; other++)
                {
                    await (await daemon.JoinWorkerAsync(other, Room)).DisposeAsync();
                }
            }

            // In turn: one that is killed more than twenty times in a row has to wait.
            var slot = i % Victims;
            ProcessStatus? victim = null;
            await daemon.WaitUntilAsync($"worker {slot}", () => (victim = daemon.Workers().GetValueOrDefault(slot)) is not null);

            // The moment is to be a random one, and most often one in which the worker is at work.
            await Task.Delay(random.Next(30));
            using (var process = Process.GetProcessById(victim!.Pid))
            {
                process.Kill();
            }

            var killed = Stopwatch.GetTimestamp();
            await daemon.WaitUntilAsync($"a new worker {slot}", () => daemon.Workers().GetValueOrDefault(slot) is { } next && next.Pid != victim.Pid);
            longest = Math.Max(longest, Stopwatch.GetTimestamp() - killed);
        }

        return Stopwatch.GetElapsedTime(0, longest);
    }

    /// <summary>Sets how many processes and threads the user of a process may have, for the process to start one more; null: as many as ever.</summary>
    private static async Task LimitProcessesAsync(ProcessStatus process, string? processes)
    {
        // As the same user, which even root may have to be.
        var asNobody = "setpriv --reuid=nobody --regid=$(id -g nobody) --clear-groups prlimit";
        var hard = $"$({asNobody} --pid={process.Pid} --nproc --output=HARD --noheadings --raw)";
        var result = await CommandResult.RunAsync("sh", "-c", $"{asNobody} --pid={process.Pid} --nproc={processes ?? hard}:");
        Assert.True(result.ExitCode == 0, result.Error);
    }

    private static async Task<List<ChatMessage>> ReadUntilEndAsync(ChatClient reader)
    {
        var seen = new List<ChatMessage>();
        do
        {
            seen.Add(await reader.ReadAsync());
        }
        while (seen[^1].Message != "end");
        return seen;
    }

    private static async Task WriteAsync(ChatClient writer, CancellationToken enough)
    {
        for (var i = 0; !enough.IsCancellationRequested; i++)
        {
            _ = await writer.SayAndReadAsync(i.ToString(CultureInfo.InvariantCulture), "steady");
        }
    }

    /// <summary>Writes bursts through a worker that is killed again and again, each life under a name of its own.</summary>
    private static async Task WriteAndReconnectAsync(ApplianceDaemon daemon, int slot, CancellationToken enough)
    {
        const int Burst = 10;
        while (!enough.IsCancellationRequested)
        {
            try
            {
                var name = $"{Environment.CurrentManagedThreadId}.{Guid.NewGuid().ToString("N")[..9]}";
                await using var client = await daemon.JoinWorkerAsync(slot, Room);
                for (var i = 0; !enough.IsCancellationRequested; i++)
                {
                    var text = i.ToString(CultureInfo.InvariantCulture);
                    await client.SayAsync(text, name);
                    if (i % Burst == Burst - 1)
                    {
                        _ = await client.ReadUntilAsync(message => message.Name == name && message.Message == text);
                    }
                }
            }
            catch (Exception e) when (e is EndOfStreamException or SocketException)
            {
                // Its worker was killed.
            }
        }
    }

    private static void AssertNothingLost(List<ChatMessage> seen)
    {
        Assert.All(seen, message => Assert.Equal("usermsg", message.Type));
        Assert.All(seen.Zip(seen.Skip(1)), pair => Assert.True(pair.First.IdNumber + 1 == pair.Second.IdNumber, $"{pair.First} before {pair.Second}"));
        foreach (var sender in seen.Where(message => message.Message != "done" && message.Message != "end").GroupBy(message => message.Name))
        {
            Assert.Equal(Enumerable.Range(0, sender.Count()).Select(i => i.ToString(CultureInfo.InvariantCulture)), sender.Select(message => message.Message));
        }
    }
}
