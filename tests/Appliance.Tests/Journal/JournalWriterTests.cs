using Appliance.Journal;
using Appliance.Rooms;
using Appliance.Tests.Rooms;

namespace Appliance.Tests.Journal;

/// <summary>Rooms come back from their journal, with their ids and in their order, and what cannot come back is known.</summary>
public sealed class JournalWriterTests : IDisposable
{
    private readonly JournalFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData("always")]
    [InlineData("group")]
    [InlineData("off")]
    public void Rooms_come_back_and_ids_go_on(string sync)
    {
        var rooms = _folder.NewRooms();
        using (_folder.Begin(rooms, isNew: true, sync))
        {
            for (int i = 0; i < 300; i++)
            {
                _ = _folder.Say(rooms, $"room{i % 3}", 64 + (i % 50), isMessage: i % 5 != 0);
            }
        }

        var again = _folder.NewRooms();
        using (_folder.Begin(again, isNew: true, sync))
        {
            for (int i = 0; i < 3; i++)
            {
                AssertSame(RingModel.Join(rooms, $"room{i}", RoomOpening.Found), RingModel.Join(again, $"room{i}", RoomOpening.Found));
            }
        }

        Assert.Equal(300, _folder.Read(out _).Count);
    }

    /// <summary>Whatever is left of the last entries, rooms have what is whole, in its place, and no id is given out twice.</summary>
    [Fact]
    public void End_that_is_torn_anywhere_is_cut_off()
    {
        var rooms = _folder.NewRooms();
        var ids = new List<long>();
        using (_folder.Begin(rooms, isNew: true))
        {
            ids.AddRange(Enumerable.Range(0, 4).Select(_ => _folder.Say(rooms, "lobby")));
        }

        byte[] whole = File.ReadAllBytes(_folder.Path);
        int entry = (whole.Length - JournalFormat.HeaderBytes) / ids.Count;
        for (int length = whole.Length - (3 * entry); length < whole.Length; length++)
        {
            File.WriteAllBytes(_folder.Path, whole[..length]);
            int left = (length - JournalFormat.HeaderBytes) / entry;
            using var memory = new MemoryRoomLog(RoomLogLayout.RingBytesMin, rooms: 1);
            memory.Log.Release(0);
            using (_folder.Begin(memory.Log, isNew: true, "off"))
            {
                var ring = RingModel.Join(memory.Log, "lobby", RoomOpening.Found);
                Assert.Equal(left * 100, ring.Head);
                Assert.All(Enumerable.Range(0, left), i => Assert.Equal((i + 1) * 100, ring.StartAfter(ids[i], 5).Position));

                // Between two entries a cut does not show; such a file is one that a clean stop has left.
                bool isTorn = length != JournalFormat.HeaderBytes + (left * entry);
                Assert.Equal(!isTorn, ring.NextId == ids[left - 1] + 1);
                Assert.True(!isTorn || _folder.Say(memory.Log, "lobby") > ids[^1], "an id is given out twice");
            }

            Assert.InRange(_folder.Read(out var reader).Count, left, left + 1);
            Assert.Empty(reader.Damaged);
        }
    }

    /// <summary>Somebody turns it over like a log, or removes it: what rooms hold is in the one that is made.</summary>
    [Theory]
    [InlineData("always")]
    [InlineData("group")]
    public void File_that_is_moved_away_is_made_anew(string sync)
    {
        var rooms = _folder.NewRooms();
        using (_folder.Begin(rooms, isNew: true, sync))
        {
            _ = _folder.Say(rooms, "lobby");
            AwaitSynced(rooms, "lobby");
            File.Move(_folder.Path, _folder.Path + ".1");
            Assert.True(
                SpinWait.SpinUntil(
                    () =>
                    {
                        _ = _folder.Say(rooms, "lobby");
                        AwaitSynced(rooms, "lobby");
                        return File.Exists(_folder.Path);
                    },
                    TimeSpan.FromSeconds(30)),
                "no file");
        }

        var ring = RingModel.Join(rooms, "lobby");
        Assert.Equal(Math.Min(ring.RecordCount, _folder.Read(out var reader).Count), ring.RecordCount);
        Assert.Empty(reader.Damaged);
        Assert.Equal("rooms.1", Assert.Single(_folder.Others));
    }

    [Fact]
    public void Torn_end_is_cut_off_and_what_was_lost_is_said_again_under_other_ids()
    {
        var rooms = _folder.NewRooms();
        long last = 0;
        using (_folder.Begin(rooms, isNew: true))
        {
            for (int i = 0; i < 3; i++)
            {
                last = _folder.Say(rooms, "lobby");
            }
        }

        using (var file = new FileStream(_folder.Path, FileMode.Open))
        {
            file.SetLength(file.Length - 1);
        }

        var again = _folder.NewRooms();
        using (_folder.Begin(again, isNew: true))
        {
            Assert.Equal(200, RingModel.Join(again, "lobby").Head);
            Assert.True(_folder.Say(again, "lobby") > last);
        }

        Assert.Equal(3, _folder.Read(out var reader).Count);
        Assert.Empty(reader.Damaged);
        Assert.Empty(_folder.Others);
    }

    [Fact]
    public void Damaged_part_is_set_aside_and_the_rest_kept()
    {
        var rooms = _folder.NewRooms();
        using (_folder.Begin(rooms, isNew: true))
        {
            for (int i = 0; i < 5; i++)
            {
                _ = _folder.Say(rooms, "lobby");
            }
        }

        byte[] before = File.ReadAllBytes(_folder.Path);
        int entry = (before.Length - JournalFormat.HeaderBytes) / 5;
        int second = JournalFormat.HeaderBytes + entry;
        _folder.Spoil(bytes => bytes[second + 50] ^= 1);
        before[second + 50] ^= 1;
        var again = _folder.NewRooms();
        using (_folder.Begin(again, isNew: true))
        {
            Assert.Equal(400, RingModel.Join(again, "lobby").Head);
        }

        Assert.Equal("rooms.damaged", Assert.Single(_folder.Others));
        Assert.Equal(before[second..(second + entry)], File.ReadAllBytes(_folder.Path + ".damaged"));
        Assert.Equal(4, _folder.Read(out var reader).Count);
        Assert.Empty(reader.Damaged);
    }

    [Fact]
    public void Rooms_that_live_on_add_what_the_file_lacks()
    {
        var rooms = _folder.NewRooms();
        using (_folder.Begin(rooms, isNew: true))
        {
            _ = _folder.Say(rooms, "a");
        }

        rooms.ResetWorkers();
        long without = _folder.Say(rooms, "a");
        _ = _folder.Say(rooms, "b");
        for (int round = 0; round < 2; round++)
        {
            // The second time the rooms say of another file how far it is.
            using (_folder.Begin(rooms, isNew: false))
            {
                _ = _folder.Say(rooms, "b");
            }

            var read = _folder.Read(out _);
            Assert.Equal(4 + round, read.Distinct(StringComparer.Ordinal).Count());
            Assert.Equal(4 + round, read.Count);
            Assert.Contains($"a {without} 100 True", read, StringComparer.Ordinal);
            rooms.Header.JournalBytes = 0;
        }
    }

    [Fact]
    public void File_that_is_ahead_of_the_rooms_keeps_ids_from_repeating()
    {
        var rooms = _folder.NewRooms();
        long last = 0;
        using (_folder.Begin(rooms, isNew: true))
        {
            last = _folder.Say(rooms, "lobby");
        }

        var others = _folder.NewRooms();
        _ = RingModel.Join(others, "lobby", unixMs: StateDirectory.UnixMs - 1000);
        using (_folder.Begin(others, isNew: false))
        {
            Assert.True(_folder.Say(others, "lobby") > last);
        }
    }

    [Fact]
    public void Of_too_many_rooms_those_come_back_that_were_used_last()
    {
        // One place is the lobby's.
        var rooms = _folder.NewRooms(rooms: 6);
        using (_folder.Begin(rooms, isNew: true))
        {
            foreach (string room in (string[])["a", "b", "c", "d", "e", "a"])
            {
                _ = _folder.Say(rooms, room);
                AwaitSynced(rooms, room);
            }
        }

        var again = _folder.NewRooms(rooms: 4);
        using var journal = _folder.Begin(again, isNew: true);
        Assert.Equal(
            "a d e",
            string.Join(" ", Enumerable.Range(0, 3).Select(slot => System.Text.Encoding.UTF8.GetString(again.NameOf(slot))).Order(StringComparer.Ordinal)));
        Assert.Equal(200, RingModel.Join(again, "a").Head);
    }

    [Fact]
    public void More_than_a_ring_holds_is_journalled_and_the_newest_comes_back()
    {
        var rooms = _folder.NewRooms();
        var writer = _folder.Begin(rooms, isNew: true, "off");
        for (int i = 0; i < 3000; i++)
        {
            _ = _folder.Say(rooms, "lobby", 500);
            if (i % 50 == 0)
            {
                AwaitSynced(rooms, "lobby");
            }
        }

        writer.Dispose();
        Assert.Equal(3000, _folder.Read(out _).Count);
        var again = _folder.NewRooms();
        using var journal = _folder.Begin(again, isNew: true);
        AssertSame(RingModel.Join(rooms, "lobby"), RingModel.Join(again, "lobby"));
    }

    [Fact]
    public unsafe void Nobody_reads_what_is_not_on_disk_if_that_is_waited_for()
    {
        var rooms = _folder.NewRooms();
        var journal = _folder.Begin(rooms, isNew: true, "always");
        var ring = RingModel.Join(rooms, "lobby");
        Assert.Equal(JournalState.Awaited, rooms.Journal);
        ring.Append(JournalFormatTests.FrameOf(100), [new LogRecord(100, 60, RecordKind.Chat)]);
        Assert.Equal((100, 0), (ring.Head, ring.Published));
        _ = _folder.Say(rooms, "lobby");
        Assert.True(SpinWait.SpinUntil(() => ring.Published == 200, TimeSpan.FromSeconds(30)));
        Assert.Equal(ring.NextId, ring.PublishedId);
        Assert.Equal(0, rooms.TakeDirty(new(0), 0));
        journal.Stop(isLast: false);

        // Between two masters nobody publishes; the second one goes on where the first one stood.
        _ = _folder.Say(rooms, "lobby");
        Assert.Equal(200, ring.Published);
        using (var next = _folder.Make(rooms, "always"))
        {
            next.Continue();
            Assert.True(SpinWait.SpinUntil(() => ring.Published == 300, TimeSpan.FromSeconds(30)));
        }

        Assert.Equal(3, _folder.Read(out _).Count);
    }

    [Fact]
    public void Path_that_cannot_be_written_is_refused()
    {
        Directory.CreateDirectory(_folder.Path);
        _ = Assert.Throws<IOException>(() => _folder.Begin(_folder.NewRooms(), isNew: true));
    }

    private static unsafe void AwaitSynced(RoomLog rooms, string room)
    {
        var ring = RingModel.Join(rooms, room, RoomOpening.Found);
        Assert.True(SpinWait.SpinUntil(() => Volatile.Read(ref ring.Header->Synced) == ring.Head, TimeSpan.FromSeconds(30)));
    }

    private static unsafe void AssertSame(RoomRing expected, RoomRing actual)
    {
        Assert.Equal(expected.NextId, actual.NextId);
        Assert.Equal(expected.Header->LastMessageId, actual.Header->LastMessageId);
        long first = Math.Max(expected.Header->FirstId, actual.Header->FirstId);
        Assert.InRange(expected.NextId - first, 90, long.MaxValue);
        for (long id = first; id < expected.NextId; id++)
        {
            long there = expected.PositionOf(id);
            long here = actual.PositionOf(id);
            long length = expected.PositionOf(id + 1) - there;
            Assert.Equal(length, actual.PositionOf(id + 1) - here);
            Assert.Equal(expected.IndexOf(id) & 1, actual.IndexOf(id) & 1);
            for (int i = 0; i < length; i++)
            {
                Assert.Equal(expected.ByteAt(there + i), actual.ByteAt(here + i));
            }
        }
    }
}
