using Appliance.Journal;
using Appliance.Rooms;
using Appliance.Tests.Rooms;

namespace Appliance.Tests.Journal;

/// <summary>After a power cut ids jump, so none is given out twice, and history and resuming know where.</summary>
public sealed class JournalEpochTests : IDisposable
{
    private readonly JournalFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Journal_that_may_lack_something_begins_an_epoch()
    {
        var rooms = _folder.NewRooms();
        long first, last;
        using (_folder.Begin(rooms, isNew: true))
        {
            first = _folder.Say(rooms, "lobby");
            last = _folder.Say(rooms, "lobby");
        }

        _folder.Spoil(bytes => JournalFormat.WriteHeader(bytes, new JournalHeader(5, IsComplete: false)));
        var again = _folder.NewRooms();
        using var journal = _folder.Begin(again, isNew: true);
        var ring = RingModel.Join(again, "lobby", RoomOpening.Found);
        Assert.True(ring.NextId > last + 1, "an id may be given out twice");
        Assert.Equal(new LogStart(0, Gap: true), ring.StartAfter(first - 1, 5));
        Assert.Equal(new LogStart(100, Gap: true), ring.StartAfter(first, 5));
        Assert.Equal(new LogStart(200, Gap: true), ring.StartAfter(last, 5));
        Assert.Equal(new LogStart(200, Gap: true), ring.StartAfter(last + 1, 5));
        long next = _folder.Say(again, "lobby");
        Assert.Equal(new LogStart(300, Gap: false), ring.StartAfter(next, 5));
        Assert.Equal(new LogStart(200, Gap: true), ring.StartAfter(next - 1, 5));
        Assert.Equal(0, ring.StartOfHistory(3).Position);
    }

    /// <summary>A power cut after every few messages: history does not begin anew each time.</summary>
    [Fact]
    public void Many_epochs_stay_in_history()
    {
        List<long> ids = [];
        for (int round = 0; round < 6; round++)
        {
            var rooms = _folder.NewRooms();
            using (_folder.Begin(rooms, isNew: true))
            {
                Assert.Equal(ids.Count * 100, round == 0 ? 0 : RingModel.Join(rooms, "lobby").Head);
                ids.AddRange([_folder.Say(rooms, "lobby"), _folder.Say(rooms, "lobby")]);
                var ring = RingModel.Join(rooms, "lobby");
                for (int i = 0; i < ids.Count; i++)
                {
                    Assert.Equal((i + 1) * 100, ring.StartAfter(ids[i], 5).Position);
                }

                Assert.Equal(0, ring.StartOfHistory(ids.Count).Position);
            }

            _folder.Spoil(bytes => JournalFormat.WriteHeader(bytes, new JournalHeader(5, IsComplete: false)));
        }

        Assert.Equal(ids.Order().Distinct(), ids);
    }

    /// <summary>In a room where nobody says anything after a power cut nothing but the header tells that ids have jumped.</summary>
    [Theory]
    [InlineData("always")]
    [InlineData("group")]
    [InlineData("off")]
    public void Ids_that_have_jumped_do_not_jump_back(string sync)
    {
        var rooms = _folder.NewRooms();
        long last;
        using (_folder.Begin(rooms, isNew: true))
        {
            _ = _folder.Say(rooms, "lobby");
            last = _folder.Say(rooms, "lobby");
        }

        _folder.Spoil(bytes => JournalFormat.WriteHeader(bytes, new JournalHeader(5, IsComplete: false)));
        long next = 0;
        for (int round = 0; round < 3; round++)
        {
            var again = _folder.NewRooms();
            using var journal = _folder.Begin(again, isNew: true, sync);
            var ring = RingModel.Join(again, "lobby", RoomOpening.Found);
            Assert.True(ring.NextId > last + 1, $"in round {round} an id may be given out twice");
            Assert.True(next == 0 || ring.NextId == next, $"in round {round} ids jump without a reason");
            Assert.Equal(new LogStart(200, Gap: true), ring.StartAfter(last, 5));
            next = ring.NextId;
        }
    }
}
