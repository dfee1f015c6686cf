using Appliance.Native;

namespace Appliance.Master;

/// <summary>
/// The processes that a master has started, and how they have ended: the one place that waits for them, so that nobody takes another's
/// status. Whoever else ends, an orphan in a container whose first process this one is, is waited for and forgotten.
/// </summary>
internal sealed class Children
{
    private readonly Dictionary<int, ExitStatus?> _known = [];

    /// <summary>Takes note of a process that was started.</summary>
    public void Add(int pid) => _known[pid] = null;

    /// <summary>
    /// Whether a process has ended, and how; once it is told, it is forgotten. One that is not there any more although nobody has told how
    /// it ended (ECHILD: another part of this program has waited for it) has ended all the same.
    /// </summary>
    public bool HasEnded(int pid, out ExitStatus how)
    {
        Collect();
        var asked = Syscall.WaitNoHang(pid, out int status);
        how = _known.GetValueOrDefault(pid) ?? (asked is { Ok: true, Value: > 0 } ? new ExitStatus(status) : ExitStatus.Unknown);
        if (asked is { Ok: true, Value: 0 })
        {
            return false;
        }

        _ = _known.Remove(pid);
        return true;
    }

    /// <summary>Kills a process and waits for its end.</summary>
    public void End(int pid)
    {
        if (!HasEnded(pid, out _))
        {
            _ = Syscall.Kill(pid, Syscall.SIGKILL);
            _ = Syscall.Wait(pid, alsoOrphans: false, out _);
            _ = _known.Remove(pid);
        }
    }

    /// <summary>Waits for all that have ended, of whom the known ones are remembered.</summary>
    public void Collect()
    {
        for (int pid; (pid = Syscall.NextEnded(out int status)) > 0;)
        {
            if (_known.ContainsKey(pid))
            {
                _known[pid] = new ExitStatus(status);
            }
        }
    }
}
