using Appliance.Logging;
using Appliance.Protocols;

namespace Appliance.Operators;

/// <summary>
/// Tells in the log what was not understood: with its text, control characters escaped, and no more lines than <see cref="LineLimit"/> allows.
/// </summary>
public sealed class DropLog(EventLog log)
{
    private const int TextBytesMax = 200;

    private readonly LineLimit _limit = new(log, EventCatalogue.QueueDroppedMore);

    /// <summary>Messages that were dropped and not told yet.</summary>
    public int Untold => _limit.Untold;

    /// <summary>Messages that were ever dropped.</summary>
    public long Dropped { get; private set; }

    /// <summary>Takes note of a message that is dropped.</summary>
    public void Note(ReadOnlySpan<byte> text, string reason, long nowMs)
    {
        Dropped++;
        if (_limit.TryTake(nowMs))
        {
            bool cut = text.Length > TextBytesMax;
            log.Write(EventCatalogue.QueueDropped, reason, PrintableText.Escape(cut ? text[..TextBytesMax] : text) + (cut ? "…" : ""));
        }
    }

    /// <summary>Tells how many have no line of their own, once it is time.</summary>
    public void TellSum(long nowMs) => _limit.TellSum(nowMs);
}
