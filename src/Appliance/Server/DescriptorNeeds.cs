using Appliance.Config;
using Appliance.Loop;
using Appliance.Master;
using Appliance.Rooms;

namespace Appliance.Server;

/// <summary>How many descriptors the processes of a server need, by its settings: each may have as many as RLIMIT_NOFILE says.</summary>
internal static class DescriptorNeeds
{
    /// <summary>
    /// Stdin, stdout, stderr, those of the runtime, log, locks, epoll, wake-ups of the threads, io_uring, and three that are open for a moment.
    /// </summary>
    private const int Common = 24;

    /// <summary>Of the monitoring port: its socket, and a few who ask.</summary>
    private const int Monitoring = 4;

    /// <summary>Clients without which it is no use to serve.</summary>
    private const int ClientsLeast = 8;

    /// <summary>What the process with the most needs: a worker, or the master of many.</summary>
    public static long Least(Settings settings)
    {
        long own = Common + settings.Addresses.Count + FollowerTable.Wanted(settings).Sum(row => row.Descriptors);
        if (settings.NoFork)
        {
            return WithReserve(own + Monitoring + ClientsLeast);
        }

        // A worker has the wake-ups of all; the master has for each of them a wake-up, a channel, and its sockets.
        long worker = WithReserve(own + settings.WorkersMost + ClientsLeast);
        long master = own + Monitoring + (settings.WorkersMost * (2L + settings.Addresses.Count));
        return Math.Max(worker, master);
    }

    /// <summary>What an upgrade needs besides, for its time: a wake-up for every worker that either process may have.</summary>
    public static long OfUpgrade(Settings settings) => settings.NoFork ? 0 : Least(settings) + RoomLogLayout.Slots + (2L * settings.WorkersMost);

    /// <summary>What a worker needs for as many clients as the settings allow it.</summary>
    public static long Most(Settings settings) => Least(settings) + settings.MaxConnections + DescriptorBudget.ReserveMax;

    /// <summary>Raises the limit of this process as far as it may.</summary>
    /// <exception cref="IOException">That is not enough to serve.</exception>
    public static void Require(Settings settings)
    {
        long needed = Least(settings);
        int limit = DescriptorBudget.Raise();
        if (limit < needed)
        {
            int workers = settings.NoFork ? 1 : settings.WorkersMost;
            throw new IOException(
                FormattableString.Invariant($"a process here may have {limit} descriptors, and this configuration ({settings.Addresses.Count} addresses, ")
                + FormattableString.Invariant($"{workers} workers) needs {needed}, and one more for each client: ")
                + FormattableString.Invariant($"raise 'ulimit -Hn', LimitNOFILE= of the unit, or 'hard nofile' in limits.conf"));
        }
    }

    private static long WithReserve(long own) => own + (own / (DescriptorBudget.ReserveShare - 1)) + 1;
}
