namespace Appliance.Bench.Load;

/// <summary>
/// What one sampled connection has got: each publisher's messages must come once, in order and without a gap, and the messages of all
/// publishers in one order on every connection.
/// </summary>
public sealed class SequenceCheck(int publishers)
{
    private const ulong Prime = 1099511628211;

    private readonly long[] _last = new long[publishers];

    /// <summary>Messages that were jumped over.</summary>
    public long Missing { get; private set; }

    /// <summary>Messages that came twice in a row.</summary>
    public long Repeated { get; private set; }

    /// <summary>Messages that came behind a later one of the same publisher.</summary>
    public long Reordered { get; private set; }

    /// <summary>Messages that came.</summary>
    public long Count { get; private set; }

    /// <summary>A digest of all messages in the order they came in.</summary>
    public ulong Order { get; private set; }

    /// <summary>Whether another connection of the same room got the messages in another order; one that has got fewer so far tells nothing.</summary>
    public bool Contradicts(SequenceCheck other) => Count == other.Count && Order != other.Order;

    /// <summary>Takes note of a message.</summary>
    public void Note(in BenchMessage message)
    {
        ref long last = ref _last[message.Publisher];
        long step = message.Sequence - last;
        Count++;
        Order = (Order * Prime) ^ ((ulong)message.Publisher << 48) ^ (ulong)message.Sequence;
        if (step > 0)
        {
            Missing += step - 1;
            last = message.Sequence;
        }
        else if (step == 0)
        {
            Repeated++;
        }
        else
        {
            Reordered++;
        }
    }
}
