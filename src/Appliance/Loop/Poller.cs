using Appliance.Native;

namespace Appliance.Loop;

/// <summary>One event of a wait: which descriptor, of which life of it, and what happened (EPOLL bits).</summary>
/// <param name="Descriptor">The descriptor.</param>
/// <param name="Generation">The number it was watched with; a later life of the same descriptor has another one.</param>
/// <param name="Ready">A set of EPOLL bits.</param>
public readonly record struct PollEvent(int Descriptor, uint Generation, uint Ready)
{
    /// <summary>There is something to read, or an end or error to be told by reading.</summary>
    public bool Readable => (Ready & (Syscall.EPOLLIN | Syscall.EPOLLHUP | Syscall.EPOLLERR | Syscall.EPOLLRDHUP)) != 0;

    /// <summary>There is room to write again.</summary>
    public bool Writable => (Ready & (Syscall.EPOLLOUT | Syscall.EPOLLHUP | Syscall.EPOLLERR)) != 0;
}

/// <summary>The epoll instance of a loop: the only place that calls epoll.</summary>
public sealed class Poller : IDisposable
{
    private readonly int _epoll;
    private readonly EpollEvents _events;

    /// <summary>A poller whose wait brings at most that many events.</summary>
    /// <exception cref="SyscallException">No descriptor is left.</exception>
    public Poller(int eventsMax)
    {
        _epoll = Syscall.EpollCreate().OrThrow("epoll_create1");
        _events = new EpollEvents(eventsMax);
    }

    /// <summary>Waits, -1 milliseconds for ever, and returns how many events came.</summary>
    public int Wait(int timeoutMs) => Syscall.EpollWait(_epoll, _events, timeoutMs).OrThrow("epoll_wait");

    /// <summary>One of the events of the last wait.</summary>
    public PollEvent this[int index]
    {
        get
        {
            ulong data = _events.DataAt(index);
            return new PollEvent((int)(uint)data, (uint)(data >> 32), _events.EventsAt(index));
        }
    }

    /// <summary>Whether a descriptor is among the events of the last wait, of which there were so many.</summary>
    public bool Holds(int fd, int count)
    {
        for (int i = 0; i < count; i++)
        {
            if ((int)(uint)_events.DataAt(i) == fd)
            {
                return true;
            }
        }

        return false;
    }

    /// <summary>Watches a descriptor for reading.</summary>
    public SysResult Add(int fd, uint generation) => Control(Syscall.EPOLL_CTL_ADD, fd, generation, Syscall.EPOLLIN);

    /// <summary>
    /// Changes what a watched descriptor waits for. Watched for nothing it still tells errors and hang-ups: that is how a
    /// flooding client is not read while its answers wait.
    /// </summary>
    public void Watch(int fd, uint generation, bool read, bool write) =>
        _ = Control(Syscall.EPOLL_CTL_MOD, fd, generation, (read ? Syscall.EPOLLIN : 0) | (write ? Syscall.EPOLLOUT : 0)).OrThrow("epoll_ctl");

    /// <summary>Stops watching a descriptor that stays open; one that is not watched stays so. A closed one leaves by itself.</summary>
    public void Remove(int fd) => _ = Control(Syscall.EPOLL_CTL_DEL, fd, 0, 0);

    /// <inheritdoc/>
    public void Dispose()
    {
        _events.Dispose();
        _ = Syscall.Close(_epoll);
    }

    private SysResult Control(int operation, int fd, uint generation, uint events) =>
        Syscall.EpollControl(_epoll, operation, fd, events, ((ulong)generation << 32) | (uint)fd);
}
