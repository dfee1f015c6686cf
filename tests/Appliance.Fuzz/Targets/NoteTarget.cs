using System.Text;
using Appliance.Fuzz.Driver;
using Appliance.Rooms;
using static Appliance.Fuzz.Driver.FuzzException;

namespace Appliance.Fuzz.Targets;

/// <summary>What came of reloads and reopenings, in memory that anything may have been written to; and as texts of any length.</summary>
internal sealed unsafe class NoteTarget : IFuzzTarget
{
    private const int NotesOffset = 1024;

    private readonly GuardedMemory _memory;
    private readonly RoomLog _log;

    public NoteTarget()
    {
        var layout = new RoomLogLayout(1, RoomLogLayout.RingBytesMin);
        _memory = new GuardedMemory(layout.SegmentBytes);
        _log = new RoomLog(_memory.Start, layout);
    }

    public static FuzzTarget Row { get; } = new(
        "notes",
        "reload notes: any memory is read, any text is written, cut between characters",
        () => new NoteTarget())
    {
        Words = ["!", "\xC3\xA4", "\xF0\x9F\x98\x80", "\0\x08\0\0", "\xFF\xFF\xFF\xFF"],
    };

    public void Run(ReadOnlySpan<byte> input)
    {
        int length = Math.Min(input.Length, sizeof(SegmentHeader) - NotesOffset);
        _memory.Span(sizeof(SegmentHeader)).Clear();
        input[..length].CopyTo(new Span<byte>(_memory.Start + NotesOffset, length));
        Require(ReloadNote.Read(_log).Text.Length <= SegmentHeader.ReloadTextBytesMax, "a note has its limit");
        Require((ReloadNote.ReadReopening(_log) ?? "").Length <= SegmentHeader.ReopenTextBytesMax, "a note has its limit");

        string text = Encoding.UTF8.GetString(input);
        ReloadNote.Write(_log, failed: true, text);
        var (failed, note) = ReloadNote.Read(_log);
        Require(
            failed
                && text.StartsWith(note, StringComparison.Ordinal)
                && !note.EndsWith('\uFFFD') == !(note.Length > 0 && text[note.Length - 1] == '\uFFFD'),
            "a note is the text, or its beginning");
        Require(note == text || Encoding.UTF8.GetByteCount(note) > SegmentHeader.ReloadTextBytesMax - 8, "no more is cut off than must be");
        ReloadNote.WriteReopening(_log, text);
        Require(
            text.StartsWith(ReloadNote.ReadReopening(_log) ?? "", StringComparison.Ordinal),
            "the note about the log is the text, or its beginning");
    }

    public void Dispose() => _memory.Dispose();
}
