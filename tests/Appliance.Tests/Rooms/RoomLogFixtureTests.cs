using System.Text;
using Appliance.Native;
using Appliance.Rooms;
using Appliance.Tests.Fixtures;

namespace Appliance.Tests.Rooms;

/// <summary>The layout of the room logs is frozen: what a release has written is read as it was meant, or left alone, by every later one.</summary>
public sealed unsafe class RoomLogFixtureTests
{
    private const uint Newest = RoomLogLayout.NewestVersion;
    private const uint Former = 5;
    private const uint Oldest = RoomLogLayout.OldestVersion;

    [Theory]
    [InlineData(Newest)]
    [InlineData(Former)]
    [InlineData(Oldest)]
    public void Image_is_written_as_it_was(uint version)
    {
        using var image = RoomLogImage.Write(version, Lines(version).Select(line => line.Split(" = ")[0]).ToHashSet(StringComparer.Ordinal));
        Fixture.AssertEqual(Pages(version), image.ToPages());
    }

    /// <summary>Fields that have come to it since then are zero.</summary>
    [Theory]
    [InlineData(Newest)]
    [InlineData(Former)]
    [InlineData(Oldest)]
    public void Every_field_of_the_image_is_read_as_it_was_meant(uint version)
    {
        using var image = RoomLogImage.Of(version, Fixture.Read(Pages(version)));
        string[] read = image.Describe().TrimEnd('\n').Split('\n');
        Assert.Empty(Lines(version).Except(read, StringComparer.Ordinal));
        Assert.All(read.Except(Lines(version), StringComparer.Ordinal), line => Assert.Matches("^[^=]+ = 0?$", line));
    }

    /// <summary>As a start finds it: after a release that had the same layout as it lies, after another one copied to today's.</summary>
    [Theory]
    [InlineData(Newest, false, "L", 1003)]
    [InlineData(Former, true, "*", 1001)]
    [InlineData(Oldest, true, "*", 1001)]
    public void Rooms_of_the_image_are_taken_over(uint version, bool copied, string segments, int behind)
    {
        using var directory = new StateDirectory();
        Put(directory, Pages(version), version, version);
        directory.Close();
        var log = directory.Open(RoomLogImage.Rooms, RoomLogImage.RingBytes);
        Assert.True(directory.Report is { Resumed: true, Rooms: 2, DamagedRooms: 0, Removed: 0 });
        Assert.Equal((copied, Newest, segments), (directory.Report.Resized, log.Layout.Version, directory.Segments()));
        var lobby = log.Ring(log.Find("lobby"u8));
        Assert.Equal((MemoryRoomLog.FirstId + 3, 3), (lobby.NextId, lobby.RecordCount));
        Assert.Equal(MemoryRoomLog.FirstId + behind, log.Ring(log.Find("Grüße"u8)).NextId);
    }

    /// <summary>As an upgrade finds it, whose rooms are in use: it goes on where it lies, and the next start copies it.</summary>
    [Theory]
    [InlineData(Former)]
    [InlineData(Oldest)]
    public void Rooms_of_an_older_image_are_used_where_they_lie(uint version)
    {
        using var directory = new StateDirectory();
        Put(directory, Pages(version), version, version);
        var log = RoomLogStore.Find(directory.Path)!;
        Assert.Equal(version, log.Layout.Version);
        var model = new RingModel(log.Ring(log.Find("lobby"u8)));
        while (log.Ring(log.Find("lobby"u8)).Head < 3 * RoomLogImage.RingBytes)
        {
            model.Append(new Random(1), 1000);
        }

        Assert.Equal(0, RoomLogCheck.Mend(log, MemoryRoomLog.UnixMs));
        _ = Syscall.ShmDetach(StateDirectory.BaseOf(log));
        directory.Close();
        var copied = directory.Open(RoomLogImage.Rooms, RoomLogImage.RingBytes);
        Assert.Equal((Newest, 0), (copied.Layout.Version, directory.Report.DamagedRooms));
        Assert.Equal(0, RoomLogCheck.Mend(copied, MemoryRoomLog.UnixMs));
        Assert.InRange(copied.Ring(copied.Find("lobby"u8)).RecordCount, RoomLogImage.RingBytes / 2 / 1000, RoomLogImage.RingBytes / 1000);
    }

    /// <summary>Of releases before and behind: their logs are theirs, and stay for them.</summary>
    [Theory]
    [InlineData("room-log-3.bin", Oldest, 3)]
    [InlineData("room-log-4.bin", Oldest, Oldest - 1)]
    [InlineData("room-log-6.bin", Newest, Newest + 1)]
    [InlineData("room-log-6.bin", Newest, Newest, (SegmentHeader.ReservedMark << 16) | 1)]
    public void Image_of_another_version_is_left_alone(string pages, uint like, uint version, uint reserved = 0)
    {
        using var directory = new StateDirectory();
        byte* foreign = Put(directory, pages, like, version);
        ((SegmentHeader*)foreign)->Reserved = reserved;
        Assert.Null(RoomLogStore.Find(directory.Path));
        byte[] before = new ReadOnlySpan<byte>(foreign, 64 << 10).ToArray();
        _ = directory.Open(RoomLogImage.Rooms, RoomLogImage.RingBytes);
        Assert.False(directory.Report.Resumed);
        Assert.Equal("L*", directory.Segments());
        Assert.Equal(before, new ReadOnlySpan<byte>(foreign, 64 << 10).ToArray());
        Assert.Equal(1, RoomLogStore.Purge(directory.Path));
        Assert.Equal("L", directory.Segments());
    }

    /// <summary>A room that a later release has marked is none of this one's.</summary>
    [Fact]
    public void Room_of_another_version_begins_anew()
    {
        using var directory = new StateDirectory();
        Put(directory, Pages(Newest), Newest, Newest);
        var log = RoomLogStore.Find(directory.Path)!;
        log.HeaderOf(1)->Reserved = 1;
        _ = Syscall.ShmDetach(StateDirectory.BaseOf(log));
        directory.Close();
        log = directory.Open(RoomLogImage.Rooms, RoomLogImage.RingBytes);
        Assert.Equal((1, 2), (directory.Report.DamagedRooms, directory.Report.Rooms));
        Assert.Equal((0u, 0), (log.HeaderOf(1)->Reserved, log.Ring(1).RecordCount));
    }

    private static string Pages(uint version) => $"room-log-{version}.bin";

    private static string[] Lines(uint version) => Encoding.UTF8.GetString(Fixture.Read($"room-log-{version}.txt")).TrimEnd('\n').Split('\n');

    private static byte* Put(StateDirectory directory, string pages, uint like, uint version)
    {
        using var image = RoomLogImage.Of(like, Fixture.Read(pages));
        byte* segment = directory.MakeForeign('L', image.Bytes.Length);
        image.Bytes.CopyTo(new Span<byte>(segment, image.Bytes.Length));
        ((SegmentHeader*)segment)->Version = version;
        return segment;
    }
}
