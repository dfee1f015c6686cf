using System.Diagnostics;
using Appliance.Native;
using Appliance.Rooms;

namespace Appliance.Tests.Rooms;

/// <summary>A lock whose holder dies, and what it leaves half done in a ring.</summary>
public sealed unsafe class SharedLockTests
{
    /// <summary>Takes the lock that lies at an offset of a segment, says so, and waits to be killed.</summary>
    private const string Holder = """
        #include <pthread.h>
        #include <stdio.h>
        #include <stdlib.h>
        #include <sys/shm.h>
        #include <unistd.h>

        int main(int count, char **arguments)
        {
            char *base = shmat(atoi(arguments[1]), 0, 0);
            if (count != 3 || base == (void *)-1 || pthread_mutex_lock((pthread_mutex_t *)(base + atol(arguments[2]))) != 0)
                return 1;
            puts("taken");
            fflush(stdout);
            pause();
        }
        """;

    /// <summary>How far an append has come when its process dies; the id that the next record gets.</summary>
    public static TheoryData<string, int> Stages => new()
    {
        { "nothing is done", 0 },
        { "the tail is advanced", 0 },
        { "the tail is advanced to the head", 0 },
        { "the index is written", 0 },
        { "the ids are counted", 0 },
        { "tail and ids are advanced", 0 },
        { "all is published", 3 },
    };

    [Fact]
    public void Lock_is_taken_and_given_back()
    {
        using var memory = new MemoryRoomLog();
        var shared = new SharedLock(memory.Log.HeaderOf(0)->Lock);
        for (int i = 0; i < 3; i++)
        {
            Assert.True(shared.Enter());
            shared.Exit();
        }
    }

    /// <summary>Its holder is stopped, or was never there: the word that says who it is was damaged. Whoever waits for ever helps nobody.</summary>
    [Theory]
    [InlineData(1)]
    [InlineData(0x3FFF_FFFF)]
    public void Holder_that_never_gives_it_back_is_not_waited_for(int holder)
    {
        using var memory = new MemoryRoomLog();
        byte* mutex = memory.Log.HeaderOf(0)->Lock;
        *(int*)mutex = holder;
        var failure = Assert.Throws<SyscallException>(() => new SharedLock(mutex).Enter());
        Assert.Equal(Errno.ETIMEDOUT, failure.Error);
    }

    [Fact]
    public void Taker_behind_a_thread_that_died_is_told_once()
    {
        using var memory = new MemoryRoomLog();
        var shared = new SharedLock(memory.Log.HeaderOf(0)->Lock);
        DieWith(shared);
        Assert.False(shared.Enter());
        shared.Exit();
        Assert.True(shared.Enter());
        shared.Exit();
    }

    [Fact]
    public void Taker_behind_a_process_that_was_killed_is_told_once()
    {
        using var state = new StateDirectory();
        var log = state.Open();
        string program = Path.Combine(state.Path, "holder");
        CCompiler.Build(Holder, program);
        long offset = (byte*)log.HeaderOf(0)->Lock - StateDirectory.BaseOf(log);
        new SharedLock(log.HeaderOf(0)->Lock).Initialize();
        var start = new ProcessStartInfo(program, [$"{state.SegmentId}", $"{offset}"]) { UseShellExecute = false, RedirectStandardOutput = true };
        using (var holder = Process.Start(start)!)
        {
            Assert.Equal("taken", holder.StandardOutput.ReadLine());
            holder.Kill();
            holder.WaitForExit();
        }

        var shared = new SharedLock(log.HeaderOf(0)->Lock);
        Assert.False(shared.Enter());
        shared.Exit();
        Assert.True(shared.Enter());
        shared.Exit();
    }

    [Fact]
    public void Damaged_lock_is_an_error()
    {
        using var memory = new MemoryRoomLog();
        new Span<byte>(memory.Log.HeaderOf(0)->Lock, Syscall.MutexBytes).Fill(0x7F);
        Assert.Throws<SyscallException>(() => new SharedLock(memory.Log.HeaderOf(0)->Lock).Enter());
    }

    [Theory]
    [MemberData(nameof(Stages))]
    public void Append_that_was_cut_short_is_as_never_begun_or_as_done(string stage, int done)
    {
        using var memory = new MemoryRoomLog();
        var ring = memory.Ring;
        var random = new Random(1);
        var model = new RingModel(ring);
        while (ring.Tail == 0)
        {
            model.Append(random, 1000);
        }

        long next = model.NextId;
        var (tail, head) = (ring.Tail, ring.Head);
        LeaveBehind(stage, ring);
        DieWith(new SharedLock(ring.Header->Lock));

        var start = ring.StartAfter(next - 1, 5);
        Assert.Equal(new LogStart(head, Gap: false), start);
        Assert.Equal(head + (done * RoomLogLayout.RecordBytesMin), ring.Head);
        Assert.InRange(ring.Tail, tail, head);
        Assert.Equal(ring.StartOfHistory(5) with { Gap = true }, ring.StartAfter(0, 5));
        Assert.Equal(ring.Tail, ring.BoundaryFrom(ring.Tail));

        Append(ring);
        Assert.Equal(next + done + 1, ring.Header->NextId);
        Assert.Equal(new LogStart(ring.Head - RoomLogLayout.RecordBytesMin, Gap: false), ring.StartAfter(next + done - 1, 5));
        Assert.Equal(0, RoomLogCheck.Mend(memory.Log, MemoryRoomLog.UnixMs));
    }

    /// <summary>The steps of an append of three records up to a stage, in the order in which they are stored.</summary>
    private static void LeaveBehind(string stage, RoomRing ring)
    {
        var header = ring.Header;
        long second = ring.PositionOf(header->FirstId + 1);
        switch (stage)
        {
            case "nothing is done":
                break;
            case "the tail is advanced":
                header->Tail = second;
                break;
            case "the tail is advanced to the head":
                header->Tail = header->Head;
                break;
            case "the index is written":
                WriteIndex(ring);
                break;
            case "the ids are counted":
                WriteIndex(ring);
                header->NextId += 3;
                break;
            case "tail and ids are advanced":
                header->Tail = second;
                WriteIndex(ring);
                header->NextId += 3;
                break;
            default:
                Append(ring);
                Append(ring);
                Append(ring);
                break;
        }
    }

    private static void WriteIndex(RoomRing ring)
    {
        for (int i = 0; i < 3; i++)
        {
            ring.WriteEntry(ring.Header->NextId + i, ring.Head + (i * RoomLogLayout.RecordBytesMin), RecordKind.System, default);
        }
    }

    private static void Append(RoomRing ring) => ring.Append(
        RingModel.Frame(RoomLogLayout.RecordBytesMin, new Random(1)), [new LogRecord(RoomLogLayout.RecordBytesMin, IdOffset: 2, RecordKind.Chat)]);

    /// <summary>A thread takes the lock and ends.</summary>
    private static void DieWith(SharedLock shared)
    {
        var thread = new Thread(() => Assert.True(shared.Enter()));
        thread.Start();
        thread.Join();
    }
}
