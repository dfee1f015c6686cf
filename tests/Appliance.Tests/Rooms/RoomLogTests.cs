using System.Text;
using Appliance.Native;
using Appliance.Rooms;

namespace Appliance.Tests.Rooms;

/// <summary>Rooms by name, and the places they take.</summary>
public sealed unsafe class RoomLogTests
{
    private const long Now = MemoryRoomLog.UnixMs;
    private const int Worker = 1;

    [Fact]
    public void Room_is_made_once_and_found_by_its_name()
    {
        using var memory = new MemoryRoomLog(rooms: 4);
        Assert.Equal((RoomOpening.Created, 1), Join(memory.Log, "a"));
        Assert.Equal((RoomOpening.Created, 2), Join(memory.Log, "ab"));
        Assert.Equal((RoomOpening.Found, 1), Join(memory.Log, "a"));
        Assert.Equal((RoomOpening.Found, 0), Join(memory.Log, "lobby"));
        Assert.Equal(("ab", 2, 3), (Encoding.UTF8.GetString(memory.Log.NameOf(2)), memory.Log.Ring(1).MemberCount, memory.Log.RoomCount()));
        Assert.True(memory.Log.NameOf(3).IsEmpty);
    }

    [Fact]
    public void Longest_name_is_kept_whole()
    {
        using var memory = new MemoryRoomLog(rooms: 2);
        string name = new('x', RoomHeader.NameBytesMax);
        Assert.Equal((RoomOpening.Created, 1), Join(memory.Log, name));
        Assert.Equal((RoomOpening.Found, 1), Join(memory.Log, name));
        Assert.Equal(name, Encoding.UTF8.GetString(memory.Log.NameOf(1)));
    }

    [Fact]
    public void Rooms_with_clients_keep_their_places()
    {
        using var memory = new MemoryRoomLog(rooms: 3);
        foreach (string name in (string[])["lobby", "a", "b"])
        {
            _ = Join(memory.Log, name);
        }

        Assert.Equal(RoomOpening.TooMany, Join(memory.Log, "c", Now + (2 * RoomLog.IdleRoomKeptMs)).Opening);
        Assert.Equal((RoomOpening.Found, 2), Join(memory.Log, "b"));
    }

    [Fact]
    public void Empty_room_that_nobody_said_anything_in_gives_its_place_up()
    {
        using var memory = new MemoryRoomLog(rooms: 2);
        _ = Join(memory.Log, "lobby");
        _ = Join(memory.Log, "silent");
        Say(memory.Log, 1, isMessage: false);
        Assert.Equal(RoomOpening.TooMany, Join(memory.Log, "new").Opening);
        Leave(memory.Log, 1);
        Assert.Equal((RoomOpening.Created, 1), Join(memory.Log, "new"));
        Assert.Equal((0L, 0L), (memory.Log.Ring(1).Tail, memory.Log.Ring(1).Head));
    }

    [Fact]
    public void Empty_room_with_messages_is_kept_for_a_while()
    {
        using var memory = new MemoryRoomLog(rooms: 2);
        _ = Join(memory.Log, "lobby");
        _ = Join(memory.Log, "history");
        Say(memory.Log, 1, isMessage: true);
        Leave(memory.Log, 1);
        Assert.Equal(RoomOpening.TooMany, Join(memory.Log, "new", Now + RoomLog.IdleRoomKeptMs).Opening);
        Assert.Equal((RoomOpening.Created, 1), Join(memory.Log, "new", Now + RoomLog.IdleRoomKeptMs + 1));
        Assert.False(memory.Log.Ring(1).HasMessages);
    }

    /// <summary>The wall's clock may jump; how long a room has been empty is of the other one.</summary>
    [Theory]
    [InlineData(Now)]
    [InlineData(-Now)]
    [InlineData(10 * Now)]
    public void Empty_room_is_kept_for_as_long_whatever_the_clock_does(long step)
    {
        using var memory = new MemoryRoomLog(rooms: 2);
        _ = Join(memory.Log, "lobby", nowMs: 5000);
        _ = Join(memory.Log, "history", nowMs: 5000);
        Say(memory.Log, 1, isMessage: true);
        Leave(memory.Log, 1);
        Assert.Equal(RoomOpening.TooMany, Join(memory.Log, "new", Now + step, nowMs: 5000 + RoomLog.IdleRoomKeptMs).Opening);
        Assert.Equal((RoomOpening.Created, 1), Join(memory.Log, "new", Now + step, nowMs: 5001 + RoomLog.IdleRoomKeptMs));
    }

    /// <summary>A former server noted milliseconds since 1970.</summary>
    [Fact]
    public void Room_used_in_the_future_is_idle_from_now_on()
    {
        using var memory = new MemoryRoomLog(rooms: 2);
        _ = Join(memory.Log, "lobby", nowMs: 5000);
        _ = Join(memory.Log, "history", nowMs: Now);
        Say(memory.Log, 1, isMessage: true);
        Leave(memory.Log, 1);
        Assert.Equal(RoomOpening.TooMany, Join(memory.Log, "new", nowMs: 6000).Opening);
        Assert.Equal(RoomOpening.TooMany, Join(memory.Log, "new", nowMs: 6000 + RoomLog.IdleRoomKeptMs).Opening);
        Assert.Equal((RoomOpening.Created, 1), Join(memory.Log, "new", nowMs: 6001 + RoomLog.IdleRoomKeptMs));
    }

    [Fact]
    public void Room_that_was_left_first_goes_first()
    {
        using var memory = new MemoryRoomLog(rooms: 3);
        foreach (var (name, at) in (ReadOnlySpan<(string, long)>)[("lobby", Now + 20), ("a", Now + 5), ("b", Now + 10)])
        {
            Leave(memory.Log, Join(memory.Log, name, at).Slot);
        }

        Assert.Equal((RoomOpening.Created, 1), Join(memory.Log, "new", Now + 30));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Lobby_is_never_given_up(bool hasMessages)
    {
        using var memory = new MemoryRoomLog(rooms: 1);
        Leave(memory.Log, Join(memory.Log, "lobby").Slot);
        if (hasMessages)
        {
            Say(memory.Log, 0, isMessage: true);
        }

        Assert.Equal(RoomOpening.TooMany, Join(memory.Log, "new", Now + (1000 * RoomLog.IdleRoomKeptMs)).Opening);
        Assert.Equal((RoomOpening.Found, 0, hasMessages), (Join(memory.Log, "lobby").Opening, 0, memory.Log.Ring(0).HasMessages));
    }

    [Theory]
    [InlineData(1, 0)]
    [InlineData(2, 1)]
    [InlineData(4, 3)]
    public void Last_slot_is_kept_for_the_lobby(int rooms, int others)
    {
        using var memory = new MemoryRoomLog(rooms: rooms);
        memory.Log.Release(0);
        for (int i = 0; i < rooms; i++)
        {
            Assert.Equal(i < others ? RoomOpening.Created : RoomOpening.TooMany, Join(memory.Log, $"room{i}").Opening);
        }

        Assert.Equal((RoomOpening.Created, others), Join(memory.Log, "lobby"));
        Assert.True(memory.Log.IsLobby(others));
    }

    /// <summary>One search finds several rooms to give up; what has changed since it is seen.</summary>
    [Fact]
    public void Rooms_are_given_up_in_the_order_in_which_they_were_left()
    {
        const int Rooms = 200;
        using var memory = new MemoryRoomLog(rooms: Rooms + 1);
        for (int i = 0; i < Rooms; i++)
        {
            Leave(memory.Log, Join(memory.Log, $"old{i}", Now + i).Slot);
        }

        Assert.Equal(1, Join(memory.Log, "new0", Now + Rooms).Slot);
        Assert.Equal(RoomOpening.Found, Join(memory.Log, "old1", Now + Rooms).Opening);
        for (int i = 2; i < Rooms; i++)
        {
            Assert.Equal((RoomOpening.Created, i + 1), Join(memory.Log, $"new{i}", Now + Rooms));
        }

        Assert.Equal(RoomOpening.TooMany, Join(memory.Log, "one more", Now + Rooms).Opening);
        Leave(memory.Log, 2);
        Assert.Equal((RoomOpening.Created, 2), Join(memory.Log, "one more", Now + Rooms));
    }

    /// <summary>That there is no place is remembered: until somebody leaves, or a room is old enough, or the clock is set back, or a second at most.</summary>
    [Theory]
    [InlineData(0, RoomOpening.TooMany)]
    [InlineData(1, RoomOpening.TooMany)]
    [InlineData(RoomLog.IdleRoomKeptMs, RoomOpening.TooMany)]
    [InlineData(RoomLog.IdleRoomKeptMs + 1, RoomOpening.Created)]
    [InlineData(-1_000_000, RoomOpening.TooMany)]
    public void No_place_is_remembered_no_longer_than_it_is_true(long laterMs, RoomOpening expected)
    {
        using var memory = new MemoryRoomLog(rooms: 2);
        _ = Join(memory.Log, "history");
        Say(memory.Log, 1, isMessage: true);
        Leave(memory.Log, 1);
        Assert.Equal(RoomOpening.TooMany, Join(memory.Log, "new", Now + Math.Min(laterMs, RoomLog.IdleRoomKeptMs)).Opening);
        Assert.Equal(expected, Join(memory.Log, "new", Now + laterMs).Opening);
    }

    [Fact]
    public void Ids_of_a_name_never_repeat_whatever_the_clock_does()
    {
        using var memory = new MemoryRoomLog(rooms: 2);
        long last = 0;
        const long In2300 = 10_413_792_000_000;
        foreach (long clock in (long[])[Now, Now, Now - 1000, Now + 1, Now / 2, 0, 10 * Now, In2300, In2300, Now, 0, In2300 + 1])
        {
            int slot = Join(memory.Log, "a", clock).Slot;
            Assert.Equal(1, slot);
            Say(memory.Log, slot, isMessage: false);
            Say(memory.Log, slot, isMessage: false);
            var header = memory.Log.HeaderOf(slot);
            Assert.True(header->FirstId > last);
            last = header->NextId - 1;
            Leave(memory.Log, slot);
            Leave(memory.Log, Join(memory.Log, "another", clock).Slot);
        }
    }

    /// <summary>A machine without a clock of its own starts in 1970.</summary>
    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(-1)]
    [InlineData(999_999_999_999)]
    [InlineData(1_000_000_000_000)]
    [InlineData(9_000_000_000_000)]
    [InlineData(9_999_999_999_999)]
    [InlineData(10_000_000_000_000)]
    [InlineData(10_413_792_000_000)]
    [InlineData(253_402_300_799_999)]
    [InlineData(long.MaxValue / 1000)]
    [InlineData(long.MaxValue)]
    [InlineData(long.MinValue)]
    public void Id_has_sixteen_digits_and_is_exact_in_JavaScript_whatever_the_clock_says(long unixMs)
    {
        using var memory = new MemoryRoomLog(rooms: 2);
        int slot = Join(memory.Log, "a", unixMs).Slot;
        Say(memory.Log, slot, isMessage: true);
        var id = new ReadOnlySpan<byte>(memory.Log.Ring(slot).Read(10, 10 + RoomRing.IdDigits, out int count), count);
        Assert.Equal($"{memory.Log.HeaderOf(slot)->FirstId}", Encoding.ASCII.GetString(id));
        Assert.InRange(memory.Log.HeaderOf(slot)->FirstId, 1_000_000_000_000_000, (1L << 53) - 5_000_000_000_000);
    }

    [Fact]
    public void No_room_is_refused_because_another_one_was_damaged()
    {
        using var memory = new MemoryRoomLog(rooms: 2);
        int slot = Join(memory.Log, "a").Slot;
        _ = Join(memory.Log, "lobby");
        Say(memory.Log, slot, isMessage: true);
        ((ulong*)(StateDirectory.BaseOf(memory.Log) + memory.Log.Layout.DirectoryOffset))[slot] ^= 0x10;
        _ = Assert.Throws<InvariantException>(() => Join(memory.Log, "a"));
    }

    [Fact]
    public void Joiners_of_many_threads_agree()
    {
        const int Joiners = 4;
        const int Rooms = 64;
        using var memory = new MemoryRoomLog(rooms: Rooms);
        int[][] slots = new int[Joiners][];
        Thread[] threads = [.. Enumerable.Range(0, Joiners).Select(number => new Thread(() =>
            slots[number] = [.. Enumerable.Range(0, Rooms - 1).Select(room => Join(memory.Log, $"room{room}", Now, number).Slot)]))];
        Array.ForEach(threads, thread => thread.Start());
        Array.ForEach(threads, thread => thread.Join());

        Assert.All(slots, one => Assert.Equal(slots[0], one));
        Assert.Equal(Rooms - 1, slots[0].Distinct().Count());
        Assert.All(slots[0], slot => Assert.Equal(Joiners, memory.Log.Ring(slot).MemberCount));
    }

    /// <summary>The clock of the wall and the one that only grows show the same, unless the latter is told.</summary>
    private static (RoomOpening Opening, int Slot) Join(RoomLog log, string name, long unixMs = Now, int worker = Worker, long? nowMs = null)
    {
        var opening = log.Join(Encoding.UTF8.GetBytes(name), new(worker), unixMs, nowMs ?? unixMs, out int slot);
        return (opening, slot);
    }

    private static void Leave(RoomLog log, int slot) => log.Ring(slot).CountMember(new(Worker), -1);

    private static void Say(RoomLog log, int slot, bool isMessage) => log.Ring(slot).Append(
        RingModel.Frame(100, new Random(1)), [new LogRecord(100, IdOffset: 10, isMessage ? RecordKind.Chat : RecordKind.System)]);
}
