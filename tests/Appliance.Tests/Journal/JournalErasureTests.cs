using System.Text;
using Appliance.Chat;
using Appliance.Rooms;
using Appliance.Tests.Rooms;

namespace Appliance.Tests.Journal;

/// <summary>The text of a deleted message is in no file of the journal, whatever happens while it is written anew.</summary>
public sealed class JournalErasureTests : IDisposable
{
    private const string Secret = "secret-text-of-ann";

    private readonly JournalFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    /// <summary>While it is written, or by the next process, where the former one was killed before it could.</summary>
    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void File_is_written_anew_without_the_text(bool runs)
    {
        var rooms = _folder.NewRooms();
        long id;
        using (_folder.Begin(rooms, isNew: true))
        {
            id = Say(rooms, Secret);
            Await(() => Text().Contains(Secret, StringComparison.Ordinal));
            if (runs)
            {
                Delete(rooms, id);
                Await(() => !Text().Contains(Secret, StringComparison.Ordinal));
            }
        }

        if (!runs)
        {
            Assert.Contains(Secret, Text(), StringComparison.Ordinal);
            Delete(rooms, id);
            using (_folder.Begin(rooms, isNew: false))
            {
                Await(() => !Text().Contains(Secret, StringComparison.Ordinal));
            }
        }

        Assert.Equal(rooms.Header.Erasures, rooms.Header.JournalErasures);
        Assert.Equal(["rooms"], Files());
        Assert.Equal(2, _folder.Read(out var reader).Count);
        Assert.Empty(reader.Damaged);
        AssertTombstone(id);
    }

    /// <summary>The power was cut when the file had the deletion, and the text as well.</summary>
    [Fact]
    public void Deletion_in_the_file_is_done_when_rooms_are_filled_from_it()
    {
        var rooms = _folder.NewRooms();
        long id;
        using (_folder.Begin(rooms, isNew: true))
        {
            id = Say(rooms, Secret);
            Tell(rooms, id);
        }

        Assert.Contains(Secret, Text(), StringComparison.Ordinal);
        AssertTombstone(id);
        Assert.DoesNotContain(Secret, Text(), StringComparison.Ordinal);
        AssertTombstone(id);
    }

    private void AssertTombstone(long id)
    {
        var again = _folder.NewRooms();
        using (_folder.Begin(again, isNew: true))
        {
            var ring = RingModel.Join(again, "lobby", RoomOpening.Found);
            Assert.Equal(RecordKind.Tombstone, ring.KindIn(ring.IndexOf(id)));
            Assert.Equal((RecordKind.Event, id), (ring.KindIn(ring.IndexOf(id + 1)), ring.DetailsOf(id + 1).About));
            Await(() => again.Header.Erasures == again.Header.JournalErasures);
        }
    }

    private long Say(RoomLog rooms, string text)
    {
        long id = ErasureTests.Say(RingModel.Join(rooms, "lobby"), text);
        Wake(rooms);
        return id;
    }

    private void Delete(RoomLog rooms, long id)
    {
        Assert.Equal(ErasureOutcome.Done, RingModel.Join(rooms, "lobby", RoomOpening.Found).Erase(id));
        Tell(rooms, id);
    }

    private void Tell(RoomLog rooms, long id)
    {
        byte[] bytes = new byte[300];
        var ring = RingModel.Join(rooms, "lobby", RoomOpening.Found);
        _ = ErasureTests.Append(ring, bytes, ChatEncoder.WriteDelete(bytes, id, MemoryRoomLog.UnixMs), RecordKind.Event);
        Wake(rooms);
    }

    private void Wake(RoomLog rooms)
    {
        var wake = default(WorkerSet);
        rooms.MarkDirty(rooms.Find("lobby"u8), worker: new(0), nowNs: 1, ref wake);
        while (wake.TryTake(out var sleeper))
        {
            _folder.Wakeups.Set(sleeper);
        }
    }

    private string Text() => string.Concat(Files().Select(name => Encoding.UTF8.GetString(File.ReadAllBytes(Path.Combine(Folder, name)))));

    private string Folder => Path.GetDirectoryName(_folder.Path)!;

    private string[] Files() => [.. Directory.EnumerateFiles(Folder).Select(path => Path.GetFileName(path)).Order(StringComparer.Ordinal)];

    private static void Await(Func<bool> holds) => Assert.True(SpinWait.SpinUntil(() => Holds(holds), TimeSpan.FromSeconds(30)));

    /// <summary>A file that is just being renamed may be gone between the listing and the reading.</summary>
    private static bool Holds(Func<bool> holds)
    {
        try
        {
            return holds();
        }
        catch (FileNotFoundException)
        {
            return false;
        }
    }
}
