using Appliance.Connections;
using Appliance.Delivery;
using Appliance.Rooms;
using Appliance.Tests.Connections;
using Appliance.Tests.Rooms;

namespace Appliance.Tests.Delivery;

/// <summary>A room's members are served in turn: whoever lacks something is looked at, whatever comes and goes in the middle of a round.</summary>
public sealed class AudienceTests : IDisposable
{
    private const int FrameBytes = 100;

    private readonly MemoryRoomLog _memory = new();
    private readonly WorkerSide _worker;
    private readonly Audience _room;

    public AudienceTests()
    {
        _worker = new WorkerSide(_memory, slot: 0);
        _room = new LocalRoom(0, _memory.Ring).Frames;
    }

    public void Dispose()
    {
        foreach (int fd in _room.Members.ToArray())
        {
            Leave(fd);
        }

        _worker.Dispose();
        _memory.Dispose();
    }

    [Fact]
    public void Room_without_news_serves_nobody()
    {
        Enter(3);
        Assert.False(_room.IsDirty);
        Assert.Empty(Take(10));
    }

    [Fact]
    public void A_round_goes_on_where_the_last_one_stopped()
    {
        Enter(5);
        Append(sinceNs: 1);
        Assert.Equal([0, 1], Take(2));
        Append(sinceNs: 2);
        Assert.Equal([2, 3, 4, 0, 1], Take(10));
        Assert.False(_room.IsDirty);

        Append(sinceNs: 3);
        Assert.Equal([2, 3, 4, 0, 1], Take(10));
    }

    [Fact]
    public void Whoever_takes_the_place_of_one_that_leaves_is_not_passed_over()
    {
        Enter(5);
        Append(sinceNs: 1);
        Assert.Equal([0, 1], Take(2));

        // 4 moves to a place that has been served.
        Leave(0);
        Assert.Equal([2, 3, 4, 1], Take(10));
        Assert.False(_room.IsDirty);
    }

    [Fact]
    public void Leaving_and_coming_make_no_room_dirty()
    {
        Enter(3);
        Leave(1);
        Enter(1, first: 7);
        Assert.False(_room.IsDirty);
    }

    [Fact]
    public void Room_that_all_have_left_in_the_middle_of_a_round_has_been_served()
    {
        Enter(2);
        Append(sinceNs: 1);
        Assert.Equal([0], Take(1));
        Leave(0);
        Leave(1);
        Assert.Empty(Take(10));
        Assert.False(_room.IsDirty);
    }

    /// <summary>Each member's wait counts from the oldest of what it lacks, not of what others lack.</summary>
    [Fact]
    public void Wait_counts_from_the_oldest_that_a_member_lacks()
    {
        Enter(4);
        long start = _room.View.Published;
        Append(sinceNs: 10);
        Assert.Equal(10, _room.Serve(start));
        Append(sinceNs: 20);
        Assert.Equal(10, _room.Serve(start));

        // The next round begins with those who have the first.
        Assert.Equal(20, _room.Serve(start + FrameBytes));
        Assert.Equal(new LogEnd(start + FrameBytes, _room.View.PublishedId - 1), _room.Served);
        Assert.Equal(long.MaxValue, _room.Serve(start + (2 * FrameBytes)));
    }

    /// <summary>What another worker has appended is served before the word of it comes.</summary>
    [Fact]
    public void End_that_was_looked_at_early_is_one_with_the_word_that_comes_later()
    {
        Enter(1);
        long start = _room.View.Published;
        AppendElsewhere();
        Assert.Equal(new LogEnd(start + FrameBytes, _room.View.PublishedId), _room.ReadEnd(sinceNs: 5));
        Assert.True(_room.MarkDirty(sinceNs: 7));
        Assert.Equal(5, _room.Serve(start));
        Assert.Equal(long.MaxValue, _room.Serve(start + FrameBytes));
    }

    /// <summary>It looks at all again, so nobody is passed over.</summary>
    [Fact]
    public void Whoever_comes_in_the_middle_of_a_round_takes_nobodys_turn()
    {
        Enter(5);
        Append(sinceNs: 1);
        Assert.Equal([0, 1], Take(2));
        Append(sinceNs: 2);
        Assert.Equal([2], Take(1));
        Enter(1, first: 7);
        Assert.Equal([3, 4, 7, 0, 1], Take(5));
        Assert.Equal([2], Take(10));
        Assert.False(_room.IsDirty);
    }

    [Fact]
    public void Room_is_full_until_those_who_lack_much_are_served()
    {
        Enter(2);
        long start = _room.View.Published;
        while (_room.View.Published - start < _room.View.BatchBytesMax)
        {
            Assert.False(_room.IsFull);
            Append(sinceNs: 1);
        }

        Assert.True(_room.IsFull);
        _ = _room.Serve(start);
        Assert.True(_room.IsFull);
        _ = _room.Serve(start + FrameBytes);
        Assert.False(_room.IsFull);
        _room.EndServing();
        Assert.Equal(_room.View.Published, _room.Served.Position);
    }

    private void Enter(int count, int first = 0)
    {
        for (int fd = first; fd < first + count; fd++)
        {
            _worker.Table[fd].MemberIndex = Connection.NoMember;
            _room.Add(fd, ref _worker.Table[fd]);
        }
    }

    private void Leave(int fd) => _room.Remove(ref _worker.Table[fd], _worker.Table);

    private void Append(long sinceNs)
    {
        AppendElsewhere();
        _ = _room.MarkDirty(sinceNs);
    }

    private void AppendElsewhere() => _room.View.Append(RingModel.Frame(FrameBytes, new Random(1)), [new LogRecord(FrameBytes, IdOffset: 60, RecordKind.Chat)]);

    private List<int> Take(int countMax)
    {
        List<int> taken = [];
        while (taken.Count < countMax && _room.TryTakeNext(out int fd))
        {
            taken.Add(fd);
        }

        return taken;
    }
}
