using System.Runtime.InteropServices;
using Appliance.Config;
using Appliance.Connections;
using Appliance.Ipc;
using Appliance.Logging;
using Appliance.Loop;
using Appliance.Native;

namespace Appliance.Worker;

/// <summary>The loop of one worker: one thread, which waits nowhere but in epoll.</summary>
public sealed class WorkerLoop : IDisposable
{
    /// <summary>Events of one turn: what comes in while they are handled makes the next turn's batch.</summary>
    private const int EventsMax = 512;

    /// <summary>Largest table of connections, whatever the system allows.</summary>
    private const int DescriptorsMax = 1 << 20;

    private readonly EventLog _log;
    private readonly Settings _settings;
    private readonly LoopClock _clock = new();
    private readonly Poller _poller = new(EventsMax);
    private readonly Wakeup _wakeup = new();
    private readonly SignalSet _signals;
    private readonly ClientServer _clients;
    private readonly int _collectionsAtStart = GC.CollectionCount(0);
    private bool _stopping;
    private bool _stopped;
    private long _stopAtMs;

    /// <summary>A loop that serves these listeners once it runs.</summary>
    public WorkerLoop(Settings settings, RoomLog rooms, IEnumerable<ListenSocket> listeners, EventLog log)
    {
        _log = log;
        _settings = settings;
        _signals = new SignalSet(_wakeup);
        _clients = new ClientServer(DescriptorLimit(), _poller, _clock, rooms, settings, new ConnectionLog(log, settings));
        _ = _poller.Add(_wakeup.Descriptor, 0).OrThrow("epoll_ctl");
        foreach (var signal in (PosixSignal[])[PosixSignal.SIGTERM, PosixSignal.SIGINT, PosixSignal.SIGQUIT, PosixSignal.SIGHUP])
        {
            _signals.Watch(signal);
        }

        foreach (var listener in listeners)
        {
            _clients.Listen(listener.Descriptor);
        }
    }

    /// <summary>Serves until a signal ends it.</summary>
    public void Run()
    {
        while (!_stopped)
        {
            Turn();
        }

        _log.Write(
            EventCatalogue.Stopped, _clients.Messages, _clients.Deliveries, _clients.Accepted, GC.CollectionCount(0) - _collectionsAtStart);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _signals.Dispose();
        _clients.Dispose();
        _poller.Dispose();
        _wakeup.Dispose();
    }

    /// <summary>Wait, collect, dispatch, expire timers, then append, deliver and close what has ended.</summary>
    private void Turn()
    {
        int ready = _poller.Wait(_stopping ? MillisecondsToStop() : _clients.MillisecondsToNext);
        _clock.Update();
        TakeSignals();
        for (int i = 0; i < ready; i++)
        {
            Dispatch(_poller[i]);
        }

        _clients.ExpireTimers();
        _clients.EndTurn();
        _stopped |= _stopping && (_clients.ConnectionCount == 0 || _clock.NowMs >= _stopAtMs);
    }

    /// <summary>Only clients are watched with a generation.</summary>
    private void Dispatch(in PollEvent happened)
    {
        if (happened.Generation != 0)
        {
            _clients.OnClient(happened);
        }
        else if (happened.Descriptor == _wakeup.Descriptor)
        {
            _wakeup.Clear();
        }
        else if (!_stopping)
        {
            _clients.OnListener(happened.Descriptor);
        }
    }

    private void TakeSignals()
    {
        if (_signals.Take(PosixSignal.SIGQUIT))
        {
            _stopped = true;
        }

        if (_signals.Take(PosixSignal.SIGTERM))
        {
            Stop("SIGTERM");
        }

        if (_signals.Take(PosixSignal.SIGINT))
        {
            Stop("SIGINT");
        }

        if (_signals.Take(PosixSignal.SIGHUP))
        {
            _log.Write(EventCatalogue.SignalIgnored, "SIGHUP");
        }
    }

    /// <summary>A second request does not wait for clients any more.</summary>
    private void Stop(string signal)
    {
        _stopAtMs = _stopping ? _clock.NowMs : _clock.NowMs + (_settings.DrainSeconds * 1000L);
        if (!_stopping)
        {
            _stopping = true;
            _log.Write(EventCatalogue.Stopping, signal, _clients.ConnectionCount, _settings.DrainSeconds);
            _clients.StopListening();
            _clients.CloseAll();
        }
    }

    private int MillisecondsToStop()
    {
        int next = _clients.MillisecondsToNext;
        int left = (int)Math.Max(0, _stopAtMs - _clock.NowMs);
        return next < 0 ? left : Math.Min(next, left);
    }

    /// <summary>As many descriptors as this process may allow itself: each client needs one.</summary>
    private static int DescriptorLimit()
    {
        _ = Syscall.GetDescriptorLimit(out _, out long hard).OrThrow("getrlimit");
        _ = Syscall.SetDescriptorLimit(hard, hard);
        _ = Syscall.GetDescriptorLimit(out long soft, out _).OrThrow("getrlimit");
        return (int)Math.Min(soft, DescriptorsMax);
    }
}
