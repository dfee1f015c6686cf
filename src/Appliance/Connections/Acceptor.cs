using Appliance.Config;
using Appliance.Loop;
using Appliance.Metrics;
using Appliance.Native;

namespace Appliance.Connections;

/// <summary>The listening sockets of a worker: takes those who wait there into the table.</summary>
public sealed class Acceptor
{
    /// <summary>Taken from one listener in one turn.</summary>
    private const int AcceptsMax = 64;

    /// <summary>Taken at the end from one listener: about as many as a kernel lets wait there.</summary>
    private const int LastAcceptsMax = 4096;

    /// <summary>
    /// Connections that may wait for their handshake: those that come in while others are many round trips away, and no more than a part of
    /// the descriptors that there are, so that silent ones cannot take all.
    /// </summary>
    private const int WaitingMost = 16_384;

    private const int WaitingLeast = 256;
    private const int WaitingShareOfDescriptors = 4;

    /// <summary>How long no connection is taken after the last descriptor is gone.</summary>
    private const int PauseMs = 500;

    private readonly ConnectionTable _table;
    private readonly Poller _poller;
    private readonly TimerWheel _timers;
    private readonly int _timer;
    private readonly LoopClock _clock;
    private readonly Settings _settings;
    private readonly IConnectionObserver _observer;
    private readonly WorkerCounters _counters;
    private readonly List<int> _listeners = [];
    private bool _isPaused;

    /// <summary>No listener yet; <paramref name="timer"/> is the number of its timer.</summary>
    public Acceptor(
        ConnectionTable table,
        Poller poller,
        TimerWheel timers,
        int timer,
        LoopClock clock,
        Settings settings,
        IConnectionObserver observer,
        WorkerCounters counters)
    {
        _counters = counters;
        _table = table;
        _poller = poller;
        _timers = timers;
        _timer = timer;
        _clock = clock;
        _settings = settings;
        _observer = observer;
    }

    /// <summary>Connections that leave the process the descriptors it needs itself: to open its log anew, to take orders of its master.</summary>
    public int ClientsMax { get; init; } = int.MaxValue;

    /// <summary>Takes connections from a listening socket.</summary>
    public void Listen(int listener)
    {
        _listeners.Add(listener);
        if (!_isPaused && _poller.Add(listener, 0) is { Ok: false } failed)
        {
            PauseFor(failed.Error);
        }
    }

    /// <summary>Takes none any more from a listening socket, which is the caller's to close.</summary>
    public void StopListening(int listener)
    {
        _poller.Remove(listener);
        _ = _listeners.Remove(listener);
    }

    /// <summary>Takes those who wait, and then no connection any more; the sockets are the caller's to close.</summary>
    public void Stop()
    {
        if (!_isPaused)
        {
            _listeners.ForEach(listener => TakeWaiting(listener, LastAcceptsMax));
        }

        Pause();
        _listeners.Clear();
    }

    /// <summary>Takes none for now: those who come wait, or are taken by another worker that has the sockets, too.</summary>
    public void Pause()
    {
        _isPaused = true;
        _timers.Cancel(_timer);
        _listeners.ForEach(_poller.Remove);
    }

    /// <summary>Takes connections again.</summary>
    public void Resume()
    {
        if (_isPaused)
        {
            _isPaused = false;
            foreach (int listener in _listeners)
            {
                if (_poller.Add(listener, 0) is { Ok: false } failed)
                {
                    PauseFor(failed.Error);
                    return;
                }
            }
        }
    }

    /// <summary>Takes the connections that wait at a socket; false when it is no listener.</summary>
    public bool OnReadable(int socket)
    {
        bool listens = _listeners.Contains(socket);
        if (listens && !_isPaused)
        {
            TakeWaiting(socket, AcceptsMax);
        }

        return listens;
    }

    private void TakeWaiting(int listener, int most)
    {
        for (int i = 0; i < most; i++)
        {
            if (_table.Count >= ClientsMax)
            {
                PauseFor(Errno.EMFILE);
                return;
            }

            var accepted = Syscall.Accept(listener, out var peer);
            if (accepted.Ok)
            {
                Open(accepted.Value, peer);
            }
            else if (accepted.WouldBlock)
            {
                return;
            }
            else if (accepted.Error is Errno.EMFILE or Errno.ENFILE or Errno.ENOBUFS or Errno.ENOMEM)
            {
                PauseFor(accepted.Error);
                return;
            }
        }
    }

    /// <summary>The host, or a limit of this process, gives no place for another client: takes none for a moment.</summary>
    private void PauseFor(Errno error)
    {
        Pause();
        _timers.Arm(_timer, _clock.NowMs + PauseMs);
        _observer.OnAcceptFailed(error.ToString(), PauseMs);
    }

    private void Open(int fd, in SocketAddress peer)
    {
        if (!_table.Open(fd, peer, _clock.NowMs, _clock.UnixMs))
        {
            _ = Syscall.Close(fd);
            return;
        }

        _counters.Figures.Accepted++;
        int waitingMax = Math.Min(Math.Clamp(_settings.MaxConnections, WaitingLeast, WaitingMost), _table.Capacity / WaitingShareOfDescriptors);
        if (_table.WaitingCount > waitingMax)
        {
            _table.DoomOldestWaiting(except: fd);
        }

        _timers.Arm(fd, _clock.NowMs + (_settings.HandshakeTimeoutSeconds * 1000L));
    }
}
