using Appliance.Ipc;
using Appliance.Logging;

namespace Appliance.Control;

/// <summary>
/// Tells in the log what was not understood: with its text, control characters escaped, at most ten lines a second. The rest is
/// counted and told in one line more.
/// </summary>
public sealed class DropLog(EventLog log)
{
    /// <summary>Lines of one second.</summary>
    public const int LinesPerSecond = 10;

    private const int TextBytesMax = 200;
    private const int WindowMs = 1000;

    private long _windowStartMs = long.MinValue / 2;
    private int _written;

    /// <summary>Messages that were dropped and not told yet.</summary>
    public int Untold { get; private set; }

    /// <summary>Messages that were ever dropped.</summary>
    public long Dropped { get; private set; }

    /// <summary>Takes note of a message that is dropped.</summary>
    public void Note(ReadOnlySpan<byte> text, string reason, long nowMs)
    {
        TellSum(nowMs);
        Dropped++;
        if (_written == LinesPerSecond)
        {
            Untold++;
            return;
        }

        _written++;
        bool cut = text.Length > TextBytesMax;
        log.Write(EventCatalogue.QueueDropped, reason, PrintableText.Escape(cut ? text[..TextBytesMax] : text) + (cut ? "…" : ""));
    }

    /// <summary>Once a second is over, tells how many were dropped in it that have no line of their own.</summary>
    public void TellSum(long nowMs)
    {
        if (nowMs - _windowStartMs < WindowMs)
        {
            return;
        }

        if (Untold > 0)
        {
            log.Write(EventCatalogue.QueueDroppedMore, Untold);
        }

        (_windowStartMs, _written, Untold) = (nowMs, 0, 0);
    }
}
