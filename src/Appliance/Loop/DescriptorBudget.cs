using Appliance.Native;

namespace Appliance.Loop;

/// <summary>
/// How many descriptors a process may have, and how many of them are for clients. The rest is its own: with all of them taken by clients it
/// could not open its log anew, rewrite its journal or take an order of its master's.
/// </summary>
public static class DescriptorBudget
{
    /// <summary>Largest table of connections, whatever the system allows.</summary>
    private const int DescriptorsMax = 1 << 20;

    /// <summary>Own ones that a loop opens once it serves: the queue of io_uring, and a few for a moment.</summary>
    private const int SoonOpen = 4;

    /// <summary>Of all descriptors one in eight is kept back, but no more than what an upgrade takes: a wake-up for every new worker, a socket each.</summary>
    public const int ReserveShare = 8;
    public const int ReserveMax = 192;

    private const int AnsweredShare = 8;
    private const int AnsweredMax = 64;

    /// <summary>Raises this process's limit as far as it may, and returns it; RLIMIT_NOFILE, from 1 on.</summary>
    public static int Raise()
    {
        _ = Syscall.GetDescriptorLimit(out _, out long hard).OrThrow("getrlimit");
        _ = Syscall.SetDescriptorLimit(hard, hard);
        _ = Syscall.GetDescriptorLimit(out long soft, out _).OrThrow("getrlimit");
        return (int)Math.Min(soft, DescriptorsMax);
    }

    /// <summary>Clients of a process that may have so many descriptors and has those open that it serves with; at least one.</summary>
    public static int ClientsOf(int limit) => Math.Max(1, limit - Syscall.LowestFreeDescriptor() - SoonOpen - ReserveOf(limit));

    /// <summary>
    /// How many of so many clients may be in: the others are those who are being answered, a refusal for example, so that nobody waits for
    /// an answer who finds no place. At least one.
    /// </summary>
    public static int PlacesOf(int clients) => Math.Max(1, clients - Math.Clamp(clients / AnsweredShare, 1, AnsweredMax));

    /// <summary>How many of so many descriptors are kept back.</summary>
    public static int ReserveOf(int limit) => Math.Min(limit / ReserveShare, ReserveMax);
}
