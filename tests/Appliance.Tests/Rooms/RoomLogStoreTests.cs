using Appliance.Native;
using Appliance.Rooms;

namespace Appliance.Tests.Rooms;

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
        Assert.Equal((0, "*"), (log.RoomCount(), state.Segments()));
        Syscall.PermissionsOf(SystemVKind.Memory, state.SegmentId, out var permissions).OrThrow("shmctl");
        Assert.Equal((state.Report.Key, 0x180u), (permissions.Key, permissions.Mode));
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(Path.Combine(state.Path, "rooms.key")));
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

    /// <summary>A segment with room for fewer takes the lobby first, then those that were used last.</summary>
    [Theory]
    [InlineData(1, "lobby")]
    [InlineData(2, "lobby c")]
    [InlineData(3, "lobby b c")]
    public void Log_with_fewer_rooms_keeps_the_lobby(int rooms, string expected)
    {
        using var state = new StateDirectory();
        var first = state.Open(rooms: 4);
        var lobby = RingModel.Fill(first, "lobby", RecordBytes, 3);
        foreach (var (name, usedMs) in (ReadOnlySpan<(string, long)>)[("a", 1), ("b", 2), ("c", 3)])
        {
            _ = RingModel.Join(first, name, RoomOpening.Created, StateDirectory.UnixMs + usedMs);
        }

        state.Close();
        var log = state.Open(rooms);
        Assert.Equal(expected, string.Join(' ', Enumerable.Range(0, rooms).Select(slot => System.Text.Encoding.ASCII.GetString(log.NameOf(slot)))));
        Assert.Equal(lobby.NextId, RingModel.Join(log, "lobby", RoomOpening.Found).NextId);
    }

    /// <summary>A server that did not promise a place for the lobby has left a segment in which every slot is another room's.</summary>
    [Theory]
    [InlineData(3, 3, " b c")]
    [InlineData(3, 4, "a b c ")]
    [InlineData(3, 2, " c")]
    [InlineData(1, 1, "")]
    public void Full_log_without_a_lobby_gets_a_place_for_it(int before, int after, string expected)
    {
        using var state = new StateDirectory();
        var first = state.Open(rooms: before);
        for (int slot = 0; slot < before; slot++)
        {
            byte[] name = [(byte)('a' + slot)];
            first.Create(slot, name, RoomLog.HashOf(name), StateDirectory.UnixMs);
            first.Ring(slot).Touch(slot);
        }

        state.Close();
        var log = state.Open(after);
        Assert.Equal(expected, string.Join(' ', Enumerable.Range(0, after).Select(slot => System.Text.Encoding.ASCII.GetString(log.NameOf(slot)))));
        _ = RingModel.Join(log, "lobby", RoomOpening.Created);
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
        Assert.Equal("L*", state.Segments());
        Assert.Equal(1, RoomLogStore.Purge(state.Path));
        Assert.Equal("L", state.Segments());
        Assert.Equal(before, new Span<byte>(foreign, 8192).ToArray());
    }

    /// <summary>What others made, were given, or may write is named and left alone, whatever is in it; the rooms go under a key of their own.</summary>
    [Theory]
    [InlineData(false, 65534, 0x180)]
    [InlineData(false, 0, 0x1B6)]
    [InlineData(false, 0, 0x1B0)]
    [InlineData(true, 65534, 0x180)]
    [InlineData(true, 0, 0x184)]
    public void Segment_that_others_may_use_is_not_taken_over(bool isDrawn, uint user, uint mode)
    {
        using var state = new StateDirectory();
        Assert.True(Environment.IsPrivilegedProcess, "Only root can give a segment away.");
        _ = RingModel.Fill(isDrawn ? state.Open() : state.OpenUnder('L'), "lobby", RecordBytes, 3);
        state.Close();
        int id = state.Change(isDrawn ? '*' : 'L', user, mode);
        Assert.Null(RoomLogStore.Find(state.Path));
        _ = state.Open();
        Assert.False(state.Report.Resumed);
        Assert.Contains($"mode 0{Convert.ToString(mode, 8)}", Assert.Single(state.Report.Foreign), StringComparison.Ordinal);
        Assert.Equal(1, RoomLogStore.Purge(state.Path));
        state.Close();
        Assert.Equal(0, Syscall.ShmAttachments(id));
        Assert.True(Syscall.ShmRemove(id).Ok, "The segment was removed, too.");
    }

    /// <summary>As a former release left it, alone or beside what a newer one made before that ran again.</summary>
    [Theory]
    [InlineData(false, 2, 1)]
    [InlineData(true, 2, 1)]
    [InlineData(true, 1, 2)]
    public void Log_of_a_former_release_goes_on(bool hasOther, long readyMs, long otherReadyMs)
    {
        using var state = new StateDirectory();
        if (hasOther)
        {
            var other = state.Open();
            other.Header.ReadyMs = otherReadyMs;
            _ = RingModel.Fill(other, "other", RecordBytes, 5);
        }

        var former = state.OpenUnder('L');
        former.Header.ReadyMs = readyMs;
        var model = RingModel.Fill(former, "lobby", RecordBytes, 3);
        state.Close();
        bool isFormers = !hasOther || readyMs > otherReadyMs;
        var log = state.Open();
        Assert.True(state.Report.Resumed);
        Assert.Equal(isFormers ? "L" : "*", state.Segments());
        Assert.Equal(isFormers ? model.NextId : 0, isFormers ? RingModel.Join(log, "lobby", RoomOpening.Found).Header->NextId : 0);
        Assert.Equal(1, RoomLogStore.Purge(state.Path));
    }

    /// <summary>A file of keys that is no such file, or lost, costs the rooms; it stops no start, and nothing behind it is touched.</summary>
    [Theory]
    [InlineData("")]
    [InlineData("0x1\0x2\n-1\n\0\0\0")]
    [InlineData("link")]
    public void File_of_keys_may_be_anything(string content)
    {
        using var state = new StateDirectory();
        string file = Path.Combine(state.Path, "rooms.key");
        string target = Path.Combine(state.Path, "target");
        File.WriteAllText(target, "untouched");
        if (content == "link")
        {
            File.CreateSymbolicLink(file, target);
        }
        else
        {
            File.WriteAllText(file, content);
        }

        _ = RingModel.Fill(state.Open(), "lobby", RecordBytes, 3);
        state.Close();
        _ = state.Open();
        Assert.True(state.Report.Resumed);
        Assert.Equal("untouched", File.ReadAllText(target));
        Assert.Null(new FileInfo(file).LinkTarget);
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
