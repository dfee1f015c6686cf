namespace Appliance.Master;

/// <summary>Some connections that are to go from one worker to another; both are places in the list of counts.</summary>
/// <param name="From">Who gives.</param>
/// <param name="To">Who takes.</param>
/// <param name="Count">How many.</param>
public readonly record struct Move(int From, int To, int Count);

/// <summary>How connections are spread over workers.</summary>
public static class Balance
{
    /// <summary>The fullest worker has at most so many tenths of what the emptiest has.</summary>
    private const int TenthsMax = 12;

    /// <summary>Whether counts are close enough to each other: 1.2 to 1, or one apart.</summary>
    public static bool IsEven(IReadOnlyList<int> counts) =>
        counts.Count < 2 || counts.Max() - counts.Min() <= 1 || counts.Max() * 10L <= counts.Min() * (long)TenthsMax;

    /// <summary>The moves that make counts equal, to one: at most one fewer than there are workers. None if they are even.</summary>
    public static IReadOnlyList<Move> Plan(IReadOnlyList<int> counts)
    {
        List<Move> moves = [];
        if (IsEven(counts))
        {
            return moves;
        }

        // The fullest keep the remainder, so that no more than necessary moves.
        int[] order = new int[counts.Count];
        for (int worker = 0; worker < order.Length; worker++)
        {
            order[worker] = worker;
        }

        Array.Sort(order, (one, two) => counts[two] != counts[one] ? counts[two].CompareTo(counts[one]) : one.CompareTo(two));
        int total = counts.Sum();
        int[] surplus = new int[counts.Count];
        for (int rank = 0; rank < order.Length; rank++)
        {
            surplus[order[rank]] = counts[order[rank]] - (total / counts.Count) - (rank < total % counts.Count ? 1 : 0);
        }

        // The emptiest takes first.
        var takers = new Queue<int>();
        for (int rank = order.Length - 1; rank >= 0; rank--)
        {
            if (surplus[order[rank]] < 0)
            {
                takers.Enqueue(order[rank]);
            }
        }

        foreach (int giver in order)
        {
            while (surplus[giver] > 0)
            {
                int taker = takers.Peek();
                int count = Math.Min(surplus[giver], -surplus[taker]);
                moves.Add(new Move(giver, taker, count));
                surplus[giver] -= count;
                surplus[taker] += count;
                _ = surplus[taker] == 0 ? takers.Dequeue() : 0;
            }
        }

        return moves;
    }

    /// <summary>How many each of several takers gets of a worker's connections: in order, the rest to the last.</summary>
    public static IReadOnlyList<int> Split(int count, int takers)
    {
        int[] shares = new int[takers];
        for (int taker = 0; taker < takers; taker++)
        {
            shares[taker] = (count / takers) + (taker < count % takers ? 1 : 0);
        }

        return shares;
    }
}
