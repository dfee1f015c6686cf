namespace Appliance.Native;

public static unsafe partial class Syscall
{
    private const int SIGPIPE = 13;

    /// <summary>
    /// Whether this process ends when it writes to a pipe that nobody reads, as programs in a pipeline do, or gets EPIPE, which the
    /// runtime prefers. signal(2), SIGPIPE.
    /// </summary>
    public static void SetBrokenPipe(bool ends) => _ = Imports.signal(SIGPIPE, ends ? DefaultAction : IgnoringAction);

    /// <summary>Whether whoever started this process has had it ignore a signal, as nohup does; sigaction(2), whose struct begins with the handler.</summary>
    public static bool IsIgnored(int signal)
    {
        nint* action = stackalloc nint[SpawnStructBytes / sizeof(nint)];
        return Imports.sigaction(signal, null, action) == 0 && *action == IgnoringAction;
    }

    /// <summary>Ends this process by a signal, whatever handles it, so that its parent sees what came. signal(2), kill(2).</summary>
    public static void EndBy(int signal)
    {
        _ = Imports.signal(signal, DefaultAction);
        _ = Kill(Environment.ProcessId, signal);
    }
}
