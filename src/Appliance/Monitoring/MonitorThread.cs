using Appliance.Logging;
using Appliance.Loop;
using Appliance.Metrics;
using Appliance.Native;
using Appliance.Protocols.Http;
using Appliance.Rooms;

namespace Appliance.Monitoring;

/// <summary>
/// A thread of the master, or of the single process, that samples once a second and serves the monitoring port: whatever happens
/// there, and however long the kernel takes to add up memory, neither signals nor clients wait for it. In a single process it rests
/// while the loop sleeps and nobody is connected to the port: an idle server uses no processor time at all.
/// </summary>
public sealed class MonitorThread : IDisposable
{
    private const int EventsMax = 128;
    private const int TickMs = 1000;
    private const int StackBytes = 512 << 10;

    private readonly ListenSocket? _listener;
    private readonly RoomLog _rooms;
    private readonly BuildInfo _build;
    private readonly Sampler _sampler;
    private readonly EventLog _log;
    private readonly Responses _responses = new();
    private readonly LoopClock _clock = new();
    private readonly Poller _poller = new(EventsMax);
    private readonly Wakeup _wakeup = new();
    private readonly StandbyThread _thread;
    private volatile ServedHosts _hosts = ServedHosts.Own;
    private MonitorServer? _server;
    private volatile bool _stops;
    private volatile bool _isDue;
    private bool _rests;
    private long _nextTickMs;

    /// <summary>A thread that runs once it is started.</summary>
    /// <param name="rooms">Where the figures are.</param>
    /// <param name="server">What else is asked about.</param>
    /// <param name="build">Which build tells its figures.</param>
    /// <param name="listener">The monitoring port; null for none.</param>
    /// <param name="log">The log.</param>
    public MonitorThread(RoomLog rooms, MonitoredServer server, BuildInfo build, ListenSocket? listener, EventLog log)
    {
        _listener = listener;
        _log = log;
        _rooms = rooms;
        _build = build;
        _sampler = new Sampler(rooms, server, measuresMemory: listener is not null);
        _ = _poller.Add(_wakeup.Descriptor, 0).OrThrow("epoll_ctl");
        _thread = new StandbyThread("monitoring", Run, StackBytes);
    }

    /// <summary>Whether the only worker is in this process and wakes the sampler when it begins a turn.</summary>
    public bool CanRest { get; init; }

    /// <summary>By which hosts the port may be asked, from now on; from any thread.</summary>
    public ServedHosts Hosts
    {
        get => _hosts;
        set => _hosts = value;
    }

    /// <summary>Ends a rest.</summary>
    public Wakeup Wakeup => _wakeup;

    /// <summary>Begins to sample and to serve.</summary>
    public void Start() => _thread.Start();

    /// <summary>Takes a sample at once: the server has just become ready, and the next request should show that.</summary>
    public void SampleSoon()
    {
        _isDue = true;
        _wakeup.Set();
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        if (_stops)
        {
            return;
        }

        _stops = true;
        _wakeup.Set();
        _ = _thread.Join();
        _server?.Dispose();
        _wakeup.Dispose();
        _poller.Dispose();
    }

    /// <summary>A failure, a lack of memory included, ends the turn and is logged; the chat goes on, and the next turn follows.</summary>
    private void Run()
    {
        _nextTickMs = _clock.NowMs;
        while (!_stops)
        {
            try
            {
                Turn();
            }
            catch (Exception failure)
            {
                _log.Write(EventCatalogue.MonitoringFailed, failure.ToString());
                _server?.Dispose();
                _server = null;
                _nextTickMs = _clock.NowMs + TickMs;
            }
        }
    }

    private void Turn()
    {
        int waitMs = _rests ? -1 : (int)Math.Clamp(_nextTickMs - _clock.NowMs, 0, TickMs);
        int ready = _poller.Wait(waitMs);
        _clock.Update(waitMs);
        if (_rests)
        {
            EndRest();
        }
        else if (_clock.NowMs >= _nextTickMs || _isDue)
        {
            // Who asks for a sample has changed what no turn tells.
            _rests = CanRest && !_isDue && _server is not { ConnectionCount: > 0 } && _sampler.TryRest();
            _isDue = false;
            if (!_rests)
            {
                Tick();
            }
        }

        for (int i = 0; i < ready && !_stops; i++)
        {
            if (_poller[i].Descriptor == _wakeup.Descriptor)
            {
                _wakeup.Clear();
            }
            else
            {
                _server?.OnEvent(_poller[i]);
            }
        }
    }

    /// <summary>Nothing has happened meanwhile, so all samples of the rest were the same; the next tick is a second from now.</summary>
    private void EndRest()
    {
        _rests = false;
        _nextTickMs = _clock.NowMs + TickMs;
        _sampler.Resume(_clock.UnixMs);
        if (_listener is not null)
        {
            _responses.OnRest(Sampler.Read(_rooms, _build));
        }
    }

    /// <summary>Ticks keep their distance; after a pause of the whole machine the next is a second from now.</summary>
    private void Tick()
    {
        bool isOnTime = _clock.NowMs >= _nextTickMs && _clock.NowMs - _nextTickMs < TickMs;
        _nextTickMs = (isOnTime ? _nextTickMs : _clock.NowMs) + TickMs;
        if (_clock.IsThawing)
        {
            // Whoever has not turned because nobody ran is not stuck.
            _rooms.Header.ResumedNs = _clock.NowNs;
        }

        _sampler.Take(_clock.UnixMs);
        if (_listener is null)
        {
            return;
        }

        _responses.OnSample(Sampler.Read(_rooms, _build));
        _server?.OnTick();

        // Nobody is answered before there is something to tell.
        _server ??= new MonitorServer(_listener, _poller, _clock, _responses, () => _hosts, _log);
    }
}
