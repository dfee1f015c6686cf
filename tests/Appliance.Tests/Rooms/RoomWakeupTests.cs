using System.Text;
using Appliance.Rooms;

namespace Appliance.Tests.Rooms;

/// <summary>Which workers are told that a room has got something, and which of them must be woken.</summary>
public sealed class RoomWakeupTests
{
    private const long Now = MemoryRoomLog.UnixMs;
    private const int Worker = 1;
    private const int Journal = RoomLogLayout.WorkerSlots;

    [Fact]
    public void Workers_with_clients_in_a_room_are_told_and_the_sleepers_named_once()
    {
        using var memory = new MemoryRoomLog(rooms: 130);
        var log = memory.Log;
        int slot = Enumerable.Range(0, 100).Select(room => Join(log, $"room{room}", Now, 5).Slot).Last();
        log.Ring(slot).CountMember(new(7), 1);
        int[] others = [7, 63, 64, RoomLogLayout.WorkerSlots - 1];
        foreach (int other in others)
        {
            log.Ring(slot).CountMember(new(other), 1);
            Assert.True(log.BeginSleep(new(other)));
        }

        Assert.True(log.BeginSleep(new(8)));
        Assert.Equal(others, Wake(log, slot, worker: 5));
        Assert.Empty(Wake(log, slot, worker: 5));
        Assert.All(others[1..], other => Assert.Equal([slot], Dirty(log, other)));
        Assert.Equal([slot], Dirty(log, 7));
        Assert.Empty(Dirty(log, 5));
        Assert.Empty(Dirty(log, 8));
        Assert.Empty(Dirty(log, 7));
    }

    [Fact]
    public void Worker_that_has_got_something_does_not_sleep()
    {
        using var memory = new MemoryRoomLog();
        memory.Ring.CountMember(new(Worker), 1);
        Assert.Empty(Wake(memory.Log, 0, worker: 0));
        Assert.False(memory.Log.BeginSleep(new(Worker)));
        memory.Log.EndSleep(new(Worker));
        Assert.Empty(Wake(memory.Log, 0, worker: 0));
        Assert.Equal([0], Dirty(memory.Log, Worker));
        Assert.True(memory.Log.BeginSleep(new(Worker)));
    }

    [Fact]
    public void Dirty_rooms_come_in_order_and_each_once()
    {
        using var memory = new MemoryRoomLog(rooms: 200);
        int[] slots = [.. Enumerable.Range(0, 199).Select(room => Join(memory.Log, $"room{room}").Slot)];
        foreach (int slot in slots.Reverse())
        {
            _ = Wake(memory.Log, slot, worker: 0);
            _ = Wake(memory.Log, slot, worker: 0);
        }

        Assert.Equal(slots.Order(), Dirty(memory.Log, Worker));
    }

    [Fact]
    public void New_process_of_a_worker_begins_with_nothing()
    {
        using var memory = new MemoryRoomLog(rooms: 2);
        _ = Join(memory.Log, "a");
        memory.Log.Ring(1).CountMember(new(2), 1);
        _ = memory.Log.BeginSleep(new(Worker));
        _ = Wake(memory.Log, 1, worker: 0);
        memory.Log.ResetWorker(new(Worker));
        Assert.Equal(1, memory.Log.Ring(1).MemberCount);
        Assert.Empty(Dirty(memory.Log, Worker));
        Assert.Empty(Wake(memory.Log, 1, worker: 2));
    }

    [Fact]
    public void Journal_is_told_of_everything_and_others_wait_for_it_if_they_must()
    {
        using var memory = new MemoryRoomLog();
        memory.Ring.CountMember(new(Worker), 1);
        memory.Log.Journal = JournalState.Kept;
        Assert.True(memory.Log.BeginSleep(new(Journal)) && memory.Log.BeginSleep(new(Worker)));
        Assert.Equal([Worker, Journal], Wake(memory.Log, 0, worker: 0));
        Assert.Equal([0], Dirty(memory.Log, Journal));
        Assert.Equal([0], Dirty(memory.Log, Worker));

        memory.Log.Journal = JournalState.Awaited;
        Assert.True(memory.Log.BeginSleep(new(Journal)) && memory.Log.BeginSleep(new(Worker)));
        Assert.Equal([Journal], Wake(memory.Log, 0, worker: Worker));
        Assert.Empty(Dirty(memory.Log, Worker));
        Assert.Equal([Worker], Wake(memory.Log, 0, Journal));
        Assert.Equal([0], Dirty(memory.Log, Worker));
    }

    /// <summary>Two writers, each of which goes on once its last message was heard: a lost bit or wake-up stops one for ever.</summary>
    [Fact]
    public void No_wake_up_is_lost()
    {
        const int Messages = 200_000;
        using var memory = new MemoryRoomLog(rooms: 2);
        var log = memory.Log;
        _ = Join(log, "a");
        log.Ring(0).CountMember(new(Worker), 1);
        int[] said = [0, 0];
        int[] heard = [0, 0];
        int woken = 0;
        bool stop = false;
        void Wait(Func<bool> until)
        {
            for (SpinWait spin = default; !until() && !Volatile.Read(ref stop);)
            {
                spin.SpinOnce(sleep1Threshold: -1);
            }
        }

        void Write(int slot)
        {
            for (int i = 1; i <= Messages && !Volatile.Read(ref stop); i++)
            {
                Volatile.Write(ref said[slot], i);
                if (Wake(log, slot, worker: slot + 2).Length > 0)
                {
                    Volatile.Write(ref woken, 1);
                }

                Wait(() => Volatile.Read(ref heard[slot]) == i);
            }
        }

        void Read()
        {
            while ((heard[0] < Messages || heard[1] < Messages) && !Volatile.Read(ref stop))
            {
                if (log.BeginSleep(new(Worker)))
                {
                    Wait(() => Volatile.Read(ref woken) == 1);
                    Volatile.Write(ref woken, 0);
                }

                log.EndSleep(new(Worker));
                for (int slot = log.TakeDirty(new(Worker), 0); slot >= 0; slot = log.TakeDirty(new(Worker), 0))
                {
                    Volatile.Write(ref heard[slot], Volatile.Read(ref said[slot]));
                }
            }
        }

        Thread[] threads = [new(Read), new(() => Write(0)), new(() => Write(1))];
        Array.ForEach(threads, thread => thread.Start());
        bool ended;
        int before;
        do
        {
            before = Volatile.Read(ref heard[0]) + Volatile.Read(ref heard[1]);
            ended = threads[0].Join(TimeSpan.FromSeconds(20));
        }
        while (!ended && Volatile.Read(ref heard[0]) + Volatile.Read(ref heard[1]) != before);
        Volatile.Write(ref stop, true);
        Array.ForEach(threads, thread => thread.Join());
        Assert.True(ended, "sleeps for ever");
    }

    /// <summary>Marks a room as one that has got something, and returns who must be woken.</summary>
    private static int[] Wake(RoomLog log, int slot, int worker)
    {
        var sleeping = default(WorkerSet);
        log.MarkDirty(slot, new(worker), nowNs: 1, ref sleeping);
        List<int> woken = [];
        while (sleeping.TryTake(out var sleeper))
        {
            woken.Add(sleeper.Index);
        }

        return [.. woken];
    }

    private static List<int> Dirty(RoomLog log, int worker)
    {
        List<int> slots = [];
        for (int slot = log.TakeDirty(new(worker), 0); slot >= 0; slot = log.TakeDirty(new(worker), slot))
        {
            slots.Add(slot);
        }

        return slots;
    }

    private static (RoomOpening Opening, int Slot) Join(RoomLog log, string name, long unixMs = Now, int worker = Worker)
    {
        var opening = log.Join(Encoding.UTF8.GetBytes(name), new(worker), unixMs, unixMs, out int slot);
        return (opening, slot);
    }
}
