using Appliance.Native;

namespace Appliance.Loop;

/// <summary>What a signal asks a server for.</summary>
public enum SignalAction
{
    /// <summary>To end now.</summary>
    StopAtOnce,

    /// <summary>To end once every client has been told.</summary>
    Stop,

    /// <summary>To look which of its children have ended.</summary>
    Reap,

    /// <summary>To read the configuration again and open the log anew.</summary>
    Reload,

    /// <summary>To open the log anew.</summary>
    Reopen,

    /// <summary>To hand over to the binary on disk.</summary>
    Upgrade,
}

/// <summary>A signal that a server takes.</summary>
/// <param name="Number">Its number.</param>
/// <param name="Name">Its name, without SIG.</param>
/// <param name="Action">What it asks for.</param>
/// <param name="Command">The command of the shell that asks for the same and waits for the outcome; empty when there is none.</param>
/// <param name="Help">What happens, as the manual has it; empty for one that the kernel alone sends.</param>
public sealed record ServerSignal(int Number, string Name, SignalAction Action, string Command, string Help)
{
    /// <summary>Its name as the log has it.</summary>
    public string FullName => $"SIG{Name}";
}

/// <summary>
/// The signals that a server takes: the loops of the master and of a single process look for them in this order, the manual has them as
/// they stand here.
/// </summary>
public static class SignalTable
{
    private const string StopHelp = "Stop gracefully: every client gets its pending messages and close code 1001, within --drain seconds.";

    /// <summary>The rows: who wants the server to end is heard first.</summary>
    public static IReadOnlyList<ServerSignal> Rows { get; } =
    [
        new(Syscall.SIGQUIT, "QUIT", SignalAction.StopAtOnce, "", "Stop at once."),
        new(Syscall.SIGTERM, "TERM", SignalAction.Stop, "stop", StopHelp),
        new(Syscall.SIGINT, "INT", SignalAction.Stop, "stop", StopHelp),
        new(Syscall.SIGCHLD, "CHLD", SignalAction.Reap, "", ""),
        new(Syscall.SIGHUP, "HUP", SignalAction.Reload, "reload",
            "Read the configuration again and reopen the log. No connection is dropped. A file with an error changes nothing, "
            + "and the log names the error."),
        new(Syscall.SIGUSR1, "USR1", SignalAction.Reopen, "reopen", "Reopen the log."),
        new(Syscall.SIGUSR2, "USR2", SignalAction.Upgrade, "upgrade",
            "Upgrade to the binary that is on disk now; every connection stays open. If that binary cannot take over, the running server goes on."),
    ];

    /// <summary>Their numbers.</summary>
    public static IReadOnlyList<int> Numbers { get; } = [.. Rows.Select(row => row.Number)];
}
