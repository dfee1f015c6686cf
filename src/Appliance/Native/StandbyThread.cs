namespace Appliance.Native;

/// <summary>
/// A thread that is there before it has anything to do: a host that has none to give refuses a start, in words, and not what a server
/// that serves does later.
/// </summary>
public sealed class StandbyThread
{
    private readonly object _gate = new();
    private readonly Thread _thread;
    private bool _isBegun;

    /// <summary>A thread that waits for <see cref="Start"/>; for ever, if that never comes.</summary>
    /// <param name="name">For ps and debuggers.</param>
    /// <param name="run">What it does.</param>
    /// <param name="stackBytes">Its stack; 0: as the system has it.</param>
    /// <exception cref="SyscallException">The host has no thread to give.</exception>
    public StandbyThread(string name, Action run, int stackBytes = 0)
    {
        _thread = new Thread(
            () =>
            {
                lock (_gate)
                {
                    while (!_isBegun)
                    {
                        _ = Monitor.Wait(_gate);
                    }
                }

                run();
            },
            stackBytes)
        {
            IsBackground = true,
            Name = name,
        };
        try
        {
            _thread.Start();
        }
        catch (Exception refusal) when (refusal is OutOfMemoryException or ThreadStartException)
        {
            throw new SyscallException("a thread", Errno.EAGAIN, TaskLimit.WayOut());
        }
    }

    /// <summary>Has it begin; a second time nothing happens.</summary>
    public void Start()
    {
        lock (_gate)
        {
            _isBegun = true;
            Monitor.PulseAll(_gate);
        }
    }

    /// <summary>Waits for its end, if it was started; false when it has not ended in time.</summary>
    public bool Join(int timeoutMs = Timeout.Infinite)
    {
        bool isBegun;
        lock (_gate)
        {
            isBegun = _isBegun;
        }

        return !isBegun || _thread.Join(timeoutMs);
    }
}
