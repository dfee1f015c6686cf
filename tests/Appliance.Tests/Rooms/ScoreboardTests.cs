using Appliance.Metrics;
using Appliance.Rooms;

namespace Appliance.Tests.Rooms;

/// <summary>Figures reach who samples them in one piece, and survive who counted them.</summary>
public sealed class ScoreboardTests
{
    [Fact]
    public void Figures_go_on_from_those_of_the_former_process()
    {
        using var memory = new MemoryRoomLog();
        var figures = Scoreboard.Begin(memory.Log, new(3), pid: 77, unixMs: 5);
        Assert.Equal(0, figures.Requests);
        figures.Requests = 12;
        Scoreboard.EndTurn(memory.Log, new(3), figures, connections: 4, lagBytes: 9, nowNs: 1);
        memory.Log.ResetWorker(new(3));
        Assert.Equal(12, Scoreboard.Begin(memory.Log, new(3), pid: 78, unixMs: 6).Requests);
        var snapshot = Scoreboard.Read(memory.Log, new(3));
        Assert.Equal((12, 78, 0, 0), (snapshot.Figures.Requests, snapshot.Pid, snapshot.Connections, snapshot.LagBytes));
        Assert.Equal([3], Enumerable.Range(0, RoomLogLayout.WorkerSlots).Where(slot => Scoreboard.IsUsed(memory.Log, new(slot))));
    }

    /// <summary>What is under way counts up to now, and once only.</summary>
    [Fact]
    public void Turn_under_way_counts_as_busy()
    {
        using var memory = new MemoryRoomLog();
        ref var header = ref memory.Log.Worker(new(0));
        var figures = Scoreboard.Begin(memory.Log, new(0), pid: 77, unixMs: 5);
        long began = System.Diagnostics.Stopwatch.GetTimestamp() - 1_000_000_000;
        Assert.False(Scoreboard.BeginTurn(memory.Log, new(0), began));
        var during = Scoreboard.Read(memory.Log, new(0));
        Assert.Equal(during.AtNs - began, during.Figures.BusyNs);
        figures.BusyNs = 5;
        Scoreboard.EndTurn(memory.Log, new(0), figures, 0, 0, 0);
        Assert.Equal(5, Scoreboard.Read(memory.Log, new(0)).Figures.BusyNs);
    }

    /// <summary>What was told as busy before a worker died in its turn is not taken back.</summary>
    [Fact]
    public void Turn_of_a_dead_worker_stays_busy()
    {
        using var memory = new MemoryRoomLog();
        ref var header = ref memory.Log.Worker(new(0));
        _ = Scoreboard.Begin(memory.Log, new(0), pid: 77, unixMs: 5);
        _ = Scoreboard.BeginTurn(memory.Log, new(0), System.Diagnostics.Stopwatch.GetTimestamp() - 1_000_000_000);
        long told = Scoreboard.Read(memory.Log, new(0)).Figures.BusyNs;
        memory.Log.ResetWorker(new(0));
        long after = Scoreboard.Read(memory.Log, new(0)).Figures.BusyNs;
        Assert.True(after >= told, $"{after} after {told}");
        memory.Log.ResetWorker(new(0));
        Assert.Equal(after, Scoreboard.Begin(memory.Log, new(0), pid: 78, unixMs: 6).BusyNs);
        Assert.Equal(0u, header.Sequence % 2);
    }

    /// <summary>A sampler rests only behind a whole interval without a turn, and a turn that begins then learns of it.</summary>
    [Fact]
    public void Sampler_rests_while_nothing_turns()
    {
        using var memory = new MemoryRoomLog();
        ref var header = ref memory.Log.Worker(new(0));
        var figures = Scoreboard.Begin(memory.Log, new(0), pid: 77, unixMs: 5);
        Scoreboard.EndTurn(memory.Log, new(0), figures, connections: 1, lagBytes: 0, nowNs: 100);
        Assert.False(Scoreboard.TryRest(memory.Log, new(0)));
        Scoreboard.WriteAfter(memory.Log, new(0), new WorkerSnapshot { AtNs = 100 });
        Assert.False(Scoreboard.TryRest(memory.Log, new(0)));
        Scoreboard.WriteAfter(memory.Log, new(0), new WorkerSnapshot { AtNs = 101 });
        header.LagBytes = 1;
        Assert.False(Scoreboard.TryRest(memory.Log, new(0)));
        header.LagBytes = 0;
        Assert.True(Scoreboard.TryRest(memory.Log, new(0)));
        Assert.Equal(1, memory.Log.Header.SamplerRests);
        Assert.True(Scoreboard.BeginTurn(memory.Log, new(0), 500));

        Scoreboard.Resume(memory.Log, new(0), new ServerSnapshot { AtNs = 510, UnixMs = 7 });
        Assert.Equal((101, 510, 7), (Scoreboard.Before(memory.Log, new(0)).AtNs, Scoreboard.After(memory.Log, new(0)).AtNs, memory.Log.Header.After.UnixMs));
        Assert.Equal(0u, memory.Log.Header.SampleSequence % 2);
        Assert.False(Scoreboard.TryRest(memory.Log, new(0)));
        Assert.Equal(0, memory.Log.Header.SamplerRests);
        Assert.False(Scoreboard.BeginTurn(memory.Log, new(0), 520));
    }

    /// <summary>A worker that was killed while it published leaves figures that may be read, and its successor puts it right.</summary>
    [Fact]
    public void Killed_writer_holds_nobody_up()
    {
        using var memory = new MemoryRoomLog();
        memory.Log.Worker(new(0)).Sequence = 7;
        Assert.Equal(0, Scoreboard.Read(memory.Log, new(0)).Figures.Requests);
        _ = Scoreboard.Begin(memory.Log, new(0), pid: 1, unixMs: 1);
        Scoreboard.EndTurn(memory.Log, new(0), default, 0, 0, 0);
        Assert.Equal(0u, memory.Log.Worker(new(0)).Sequence % 2);
        memory.Log.Header.SampleSequence = 3;
        Scoreboard.BeginBorder(memory.Log);
        Scoreboard.EndBorder(memory.Log);
        Assert.Equal(0u, memory.Log.Header.SampleSequence % 2);
    }

    [Fact]
    public void Readers_see_whole_figures_while_a_turn_is_published()
    {
        using var memory = new MemoryRoomLog();
        bool stop = false;
        var figures = Scoreboard.Begin(memory.Log, new(0), pid: 77, unixMs: 5);
        var writer = new Thread(() =>
        {
            for (int i = 0; !Volatile.Read(ref stop); i++)
            {
                figures.Requests = figures.SentBytes = i;
                figures.Closed.Fill(i);
                Scoreboard.EndTurn(memory.Log, new(0), figures, 0, 0, 0);

                // No turn is shorter than its system call.
                Thread.SpinWait(i % 100);
            }
        });
        writer.Start();
        for (int i = 0; i < 20_000; i++)
        {
            var read = Scoreboard.Read(memory.Log, new(0)).Figures;
            Assert.Equal(read.Requests, read.SentBytes);
            Assert.Equal(read.Requests, read.Closed[^1]);
        }

        Volatile.Write(ref stop, true);
        writer.Join();
    }

    [Fact]
    public void Border_turns_the_end_into_the_beginning()
    {
        using var memory = new MemoryRoomLog();
        _ = Scoreboard.Begin(memory.Log, new(1), pid: 77, unixMs: 5);
        memory.Log.Header.After.AtNs = 10;
        Scoreboard.WriteAfter(memory.Log, new(1), new WorkerSnapshot { AtNs = 11 });
        Scoreboard.BeginBorder(memory.Log);
        memory.Log.Header.After.AtNs = 20;
        Scoreboard.WriteAfter(memory.Log, new(1), new WorkerSnapshot { AtNs = 21 });
        Scoreboard.EndBorder(memory.Log);
        var seen = (0L, 0L, 0L, 0L);
        Scoreboard.ReadInterval(
            memory.Log,
            () => seen =
                (memory.Log.Header.Before.AtNs, memory.Log.Header.After.AtNs,
                    Scoreboard.Before(memory.Log, new(1)).AtNs, Scoreboard.After(memory.Log, new(1)).AtNs));
        Assert.Equal((10, 20, 11, 21), seen);
    }

    /// <summary>Time from a mark to the look of the other worker is what a delivery's latency begins with.</summary>
    [Fact]
    public void First_mark_since_the_last_look_tells_since_when_a_worker_is_waited_for()
    {
        using var memory = new MemoryRoomLog();
        memory.Ring.CountMember(new(2), 1);
        var woken = default(WorkerSet);
        memory.Log.MarkDirty(0, worker: new(0), nowNs: 100, ref woken);
        memory.Log.MarkDirty(0, worker: new(1), nowNs: 200, ref woken);
        Assert.Equal(100, memory.Log.EndSleep(new(2)));
        Assert.Equal(0, memory.Log.EndSleep(new(2)));
        memory.Log.MarkDirty(0, worker: new(0), nowNs: 300, ref woken);
        Assert.Equal(300, memory.Log.EndSleep(new(2)));
    }
}
