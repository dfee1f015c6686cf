using System.Text;
using Appliance.Ipc;
using Appliance.Tests.Fixtures;

namespace Appliance.Tests.Ipc;

/// <summary>The layout of the room logs is frozen: what a release has written is read as it was meant, or left alone, by every later one.</summary>
public sealed unsafe class RoomLogFixtureTests
{
    private const string Pages = "room-log-4.bin";
    private const string Meaning = "room-log-4.txt";

    private static string[] Lines => Encoding.UTF8.GetString(Fixture.Read(Meaning)).TrimEnd('\n').Split('\n');

    [Fact]
    public void Image_is_written_as_it_was()
    {
        using var image = RoomLogImage.Write(Lines.Select(line => line.Split(" = ")[0]).ToHashSet(StringComparer.Ordinal));
        Fixture.AssertEqual(Pages, image.ToPages());
    }

    /// <summary>Fields that have come to it since then are zero.</summary>
    [Fact]
    public void Every_field_of_the_image_is_read_as_it_was_meant()
    {
        using var image = RoomLogImage.Of(Fixture.Read(Pages));
        string[] read = image.Describe().TrimEnd('\n').Split('\n');
        Assert.Empty(Lines.Except(read, StringComparer.Ordinal));
        Assert.All(read.Except(Lines, StringComparer.Ordinal), line => Assert.Matches("^[^=]+ = 0?$", line));
    }

    /// <summary>As a start finds it after a release that had the same layout.</summary>
    [Fact]
    public void Rooms_of_the_image_are_taken_over()
    {
        using var directory = new StateDirectory();
        Put(directory, Pages, version: null);
        var log = directory.Open(RoomLogImage.Rooms, RoomLogImage.RingBytes);
        Assert.True(directory.Report is { Resumed: true, Rooms: 2, DamagedRooms: 0, Removed: 0 });
        Assert.Equal("L", directory.Segments());
        Assert.Equal(MemoryRoomLog.FirstId + 3, log.Ring(log.Find("lobby"u8)).NextId);
        Assert.Equal(MemoryRoomLog.FirstId + 1001, log.Ring(log.Find("Grüße"u8)).NextId);
    }

    /// <summary>Of releases before and behind: their logs are theirs, and stay for them.</summary>
    [Theory]
    [InlineData("room-log-3.bin", 3)]
    [InlineData(Pages, RoomLogLayout.Version - 1)]
    [InlineData(Pages, RoomLogLayout.Version + 1)]
    public void Image_of_another_version_is_left_alone(string pages, uint version)
    {
        using var directory = new StateDirectory();
        byte* foreign = Put(directory, pages, version);
        Assert.Null(RoomLogStore.Find(directory.Path));
        byte[] before = new ReadOnlySpan<byte>(foreign, 64 << 10).ToArray();
        _ = directory.Open(RoomLogImage.Rooms, RoomLogImage.RingBytes);
        Assert.False(directory.Report.Resumed);
        Assert.Equal("LM", directory.Segments());
        Assert.Equal(before, new ReadOnlySpan<byte>(foreign, 64 << 10).ToArray());
        Assert.Equal(1, RoomLogStore.Purge(directory.Path));
        Assert.Equal("L", directory.Segments());
    }

    private static byte* Put(StateDirectory directory, string pages, uint? version)
    {
        using var image = RoomLogImage.Of(Fixture.Read(pages));
        byte* segment = directory.MakeForeign('L', image.Bytes.Length);
        image.Bytes.CopyTo(new Span<byte>(segment, image.Bytes.Length));
        ((SegmentHeader*)segment)->Version = version ?? ((SegmentHeader*)segment)->Version;
        if (version is null)
        {
            // Whoever wrote it has ended.
            directory.Close();
        }

        return segment;
    }
}
