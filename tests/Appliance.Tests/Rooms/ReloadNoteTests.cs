using Appliance.Rooms;

namespace Appliance.Tests.Rooms;

/// <summary>What came of a reload, read by another process.</summary>
public sealed class ReloadNoteTests
{
    public static TheoryData<bool, string> Notes => new()
    {
        { false, "" },
        { false, "; changed, but in force only after a restart: listen" },
        { true, "a.conf:2: ping: '0' must be a number from 1 to 86400" },
        { true, "" },
        { false, "güte €🙂" },
    };

    [Theory]
    [MemberData(nameof(Notes))]
    public void Note_comes_back_and_counts(bool failed, string text)
    {
        using var memory = new MemoryRoomLog();
        ReloadNote.Write(memory.Log, !failed, "an older and longer note that must not shine through");
        ReloadNote.Write(memory.Log, failed, text);
        Assert.Equal((failed, text), ReloadNote.Read(memory.Log));
        Assert.Equal(2, memory.Log.Header.Reloads);
    }

    [Fact]
    public void Reopening_leaves_its_failure_or_nothing()
    {
        using var memory = new MemoryRoomLog();
        Assert.Null(ReloadNote.ReadReopening(memory.Log));
        ReloadNote.WriteReopening(memory.Log, "--log /gone/log: No such file or directory");
        Assert.Equal("--log /gone/log: No such file or directory", ReloadNote.ReadReopening(memory.Log));
        ReloadNote.WriteReopening(memory.Log, new string('x', 2 * SegmentHeader.ReopenTextBytesMax));
        Assert.Equal(new string('x', SegmentHeader.ReopenTextBytesMax), ReloadNote.ReadReopening(memory.Log));
        ReloadNote.WriteReopening(memory.Log, failure: null);
        Assert.Null(ReloadNote.ReadReopening(memory.Log));
        Assert.Equal((3, 0), (memory.Log.Header.Reopens, memory.Log.Header.Reloads));
    }

    [Theory]
    [InlineData("a")]
    [InlineData("é")]
    [InlineData("🙂")]
    public void Note_that_is_too_long_is_cut_at_a_character(string character)
    {
        using var memory = new MemoryRoomLog();
        string text = string.Concat(Enumerable.Repeat(character, SegmentHeader.ReloadTextBytesMax));
        ReloadNote.Write(memory.Log, failed: true, text);
        string read = ReloadNote.Read(memory.Log).Text;
        Assert.StartsWith(read, text, StringComparison.Ordinal);
        Assert.InRange(System.Text.Encoding.UTF8.GetByteCount(read), SegmentHeader.ReloadTextBytesMax - 5, SegmentHeader.ReloadTextBytesMax);
    }
}
