using Appliance.Ipc;
using Appliance.Native;

namespace Appliance.Tests.Ipc;

/// <summary>Room logs in System V segments, over restarts, other sizes, and other people's segments.</summary>
public sealed unsafe class RoomLogStoreTests
{
    private const int RecordBytes = 200;

    public static TheoryData<int, int> OtherSizes => new()
    {
        { 4, 256 << 10 },
        { 4, 64 << 10 },
        { 8, 128 << 10 },
        { 2, 128 << 10 },
    };

    [Fact]
    public void New_segment_is_made_for_its_owner_alone()
    {
        using var state = new StateDirectory();
        var log = state.Open();
        Assert.False(state.Report.Resumed);
        Assert.Equal((0, "L"), (log.RoomCount(), state.Segments()));
        Assert.Equal(log.Layout.SegmentBytes, Syscall.ShmSize(state.SegmentId));
    }

    [Fact]
    public void Log_is_resumed_where_it_ended()
    {
        using var state = new StateDirectory();
        var model = RingModel.Fill(state.Open(), "lobby", RecordBytes, 1000);
        state.Close();

        var log = state.Open(unixMs: StateDirectory.UnixMs + 1);
        Assert.Equal((true, 1, 0, false), (state.Report.Resumed, state.Report.Rooms, state.Report.DamagedRooms, state.Report.Resized));
        var ring = RingModel.Join(log, "lobby", RoomOpening.Found);
        Assert.Equal(model.NextId, ring.Header->NextId);
        Assert.Equal(new LogStart(ring.Head - RecordBytes, Gap: false), ring.StartAfter(model.NextId - 2, 5));
        Assert.Equal(model.Records[^1].Position, ring.Head - RecordBytes);
    }

    [Theory]
    [MemberData(nameof(OtherSizes))]
    public void Log_of_other_sizes_is_copied(int rooms, int ringBytes)
    {
        using var state = new StateDirectory();
        var first = state.Open(rooms: 3, ringBytes: 128 << 10);
        var model = RingModel.Fill(first, "lobby", RecordBytes, 1500);
        _ = RingModel.Fill(first, "other", 100, 3);
        byte[] last = BytesAfter(first.Ring(0), model.NextId - 21);
        state.Close();

        foreach (bool resized in (bool[])[true, false])
        {
            var log = state.Open(rooms, ringBytes);
            Assert.Equal((true, resized, 2, 0), (state.Report.Resumed, state.Report.Resized, state.Report.Rooms, state.Report.DamagedRooms));
            Assert.Single(state.Segments());
            var ring = RingModel.Join(log, "lobby", RoomOpening.Found);
            Assert.Equal(model.NextId, ring.Header->NextId);
            Assert.Equal(last, BytesAfter(ring, model.NextId - 21));
            state.Close();
        }
    }

    [Theory]
    [InlineData(0)]
    [InlineData(RoomLogLayout.Magic)]
    public void Segment_of_somebody_else_is_left_alone(ulong magic)
    {
        using var state = new StateDirectory();
        byte* foreign = state.MakeForeign('L');
        new Span<byte>(foreign, 8192).Fill(0x5A);
        *(ulong*)foreign = magic;
        byte[] before = new Span<byte>(foreign, 8192).ToArray();

        _ = RingModel.Fill(state.Open(), "lobby", RecordBytes, 3);
        Assert.Equal("LM", state.Segments());
        Assert.Equal(1, RoomLogStore.Purge(state.Path));
        Assert.Equal("L", state.Segments());
        Assert.Equal(before, new Span<byte>(foreign, 8192).ToArray());
    }

    [Fact]
    public void Log_is_found_when_a_segment_of_somebody_else_has_gone()
    {
        using var state = new StateDirectory();
        _ = state.MakeForeign('L');
        var model = RingModel.Fill(state.Open(), "lobby", RecordBytes, 3);
        state.Close();
        state.RemoveForeign('L');

        var log = state.Open();
        Assert.True(state.Report.Resumed);
        Assert.Equal(model.NextId, RingModel.Join(log, "lobby", RoomOpening.Found).Header->NextId);
        Assert.Single(state.Segments());
    }

    [Fact]
    public void Purge_removes_all_and_is_no_error_where_nothing_is()
    {
        using var state = new StateDirectory();
        Assert.Equal(0, RoomLogStore.Purge(state.Path));
        _ = state.Open();
        state.Close();
        Assert.Equal(1, RoomLogStore.Purge(state.Path));
        Assert.Equal("", state.Segments());
        _ = state.Open();
        Assert.False(state.Report.Resumed);
    }

    [Fact]
    public void State_directory_must_be_there() => Assert.Throws<SyscallException>(() => RoomLogStore.Open("/no/such/directory", new RoomLogLayout(1, 1), 0));

    private static byte[] BytesAfter(RoomRing ring, long id)
    {
        var start = ring.StartAfter(id, 0);
        Assert.False(start.Gap);
        List<byte> bytes = [];
        for (long at = start.Position; at < ring.Head;)
        {
            byte* piece = ring.Read(at, ring.Head, out int count);
            bytes.AddRange(new ReadOnlySpan<byte>(piece, count));
            at += count;
        }

        return [.. bytes];
    }
}
