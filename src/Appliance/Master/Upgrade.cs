using System.Globalization;
using Appliance.Config;
using Appliance.Control;
using Appliance.Ipc;
using Appliance.Logging;
using Appliance.Loop;
using Appliance.Native;

namespace Appliance.Master;

/// <summary>
/// The old master's side of an upgrade: starts the binary that is on disk now, waits until it serves, has every worker give its
/// connections to the new ones, and ends. Whatever goes wrong before the end, this master goes on.
/// </summary>
internal sealed class Upgrade
{
    /// <summary>Time for the new process to serve.</summary>
    private const int StartMs = 30_000;

    /// <summary>Time for all connections to be given; a worker takes 20 to 40 µs for each.</summary>
    private const int GiveMs = 60_000;

    private readonly Settings _settings;
    private readonly Estate _estate;
    private readonly WorkerFleet _fleet;
    private readonly ServiceManager _service;
    private readonly ControlDesk _control;
    private readonly Relaunch _relaunch;
    private readonly EventLog _log;
    private readonly Dictionary<int, int> _ways = [];
    private ControlChannel? _channel;
    private int _pid;
    private bool _ending;

    /// <summary>An upgrade that can begin.</summary>
    public Upgrade(Settings settings, Estate estate, WorkerFleet fleet, ServiceManager service, ControlDesk control, Relaunch relaunch, EventLog log)
    {
        _control = control;
        _settings = settings;
        _estate = estate;
        _fleet = fleet;
        _service = service;
        _relaunch = relaunch;
        _log = log;
    }

    /// <summary>Is called when all connections are given, right before the new master begins.</summary>
    public required Action OnHandOver { get; init; }

    /// <summary>Whether one is under way.</summary>
    public bool IsUnderWay => _channel is not null;

    /// <summary>Whether connections are given already: then it can only be brought to its end.</summary>
    public bool IsGiving { get; private set; }

    /// <summary>Whether all is handed over: this process has nothing left to do.</summary>
    public bool IsComplete { get; private set; }

    /// <summary>A signal that came too late for this process, and is the new one's.</summary>
    public int SignalForSuccessor { get; set; }

    /// <summary>Starts the new process. Returns the channel to watch and how long to wait, or null when that fails.</summary>
    public (int Descriptor, int LimitMs)? Begin()
    {
        _service.Reloading();
        try
        {
            if (Environment.ProcessId == 1)
            {
                throw new IOException("process 1 cannot end while its successor goes on: restart the container instead");
            }

            (_channel, var there) = ControlChannel.CreatePair();
            using (there)
            {
                UpgradeProtocol.Send(_channel, _estate, _settings, _fleet.Numbers);
                _pid = _relaunch.Start(there.Descriptor, _service.Environment);
            }
        }
        catch (Exception failure) when (failure is SyscallException or IOException)
        {
            Fail(failure.Message);
            return null;
        }

        _estate.IsShared = true;
        _log.Write(EventCatalogue.UpgradeBegun, _relaunch.Binary, _pid);
        return (_channel.Descriptor, StartMs);
    }

    /// <summary>The new process has said something or has ended. Returns a new time limit, or null when it stays.</summary>
    public int? OnReadable()
    {
        bool ended = false;
        while (_channel is not null && _channel.TryReceive(out var message, out ended))
        {
            switch (message.Kind)
            {
                case UpgradeProtocol.Refused:
                    Fail(message.Text);
                    return null;
                case UpgradeProtocol.Way:
                    _ways[int.Parse(message.Text, NumberStyles.None, CultureInfo.InvariantCulture)] = message.Descriptors[0];
                    break;
                case UpgradeProtocol.Serves when _fleet.Numbers.Except(_ways.Keys).Any():
                    Fail("the new process does not take the connections of every worker");
                    return null;
                case UpgradeProtocol.Serves:
                    IsGiving = true;
                    _fleet.GiveAll(_ways);
                    CloseWays();
                    return GiveMs;
                default:
                    break;
            }
        }

        if (_channel is not null && ended)
        {
            Fail("the new process ended; its log may say why");
        }

        return null;
    }

    /// <summary>The time is over.</summary>
    public void OnTimer()
    {
        if (IsUnderWay && !_ending)
        {
            Fail(IsGiving ? "not all connections could be given in time" : "the new process did not serve in time");
        }
    }

    /// <summary>Once a turn: looks whether the next step is due.</summary>
    public void Continue()
    {
        if (!IsGiving)
        {
            return;
        }

        if (!_ending && !_fleet.IsGiving)
        {
            if (HasSuccessorEnded())
            {
                Fail("the new process ended while it took connections over; those that it had are lost");
                return;
            }

            // What comes for the server from here on is its successor's to take.
            _ending = true;
            _control.HandOver();
            _fleet.EndAll();
        }

        if (_ending && _fleet.HasNoProcess)
        {
            Complete();
        }
    }

    /// <summary>Goes on as if nothing had happened.</summary>
    public void Fail(string why)
    {
        if (_pid > 0)
        {
            _ = Syscall.Kill(_pid, Syscall.SIGKILL);
            _ = Syscall.Wait(_pid, out _);
        }

        _channel?.Dispose();
        (_channel, _pid) = (null, 0);
        CloseWays();
        _estate.IsShared = false;
        if (IsGiving)
        {
            IsGiving = false;
            _fleet.KeepAll();
        }

        _log.Write(EventCatalogue.UpgradeFailed, why);
        ReloadNote.WriteFailedUpgrade(_estate.Rooms, why);
        _service.Ready(Environment.ProcessId);
    }

    private void Complete()
    {
        _estate.Journal?.Stop(isLast: false);
        _log.Write(EventCatalogue.Upgraded, _pid);
        _estate.PidFile.Abandon();
        _estate.DisownPaths();
        _service.HandOver(_pid);
        OnHandOver();
        _ = _channel!.Send(UpgradeProtocol.Done);
        if (SignalForSuccessor != 0)
        {
            _ = Syscall.Kill(_pid, SignalForSuccessor);
        }

        IsComplete = true;
    }

    private bool HasSuccessorEnded()
    {
        bool ended = Syscall.WaitNoHang(_pid, out _) is not { Ok: true, Value: 0 };
        _pid = ended ? 0 : _pid;
        return ended;
    }

    private void CloseWays()
    {
        foreach (int socket in _ways.Values)
        {
            _ = Syscall.Close(socket);
        }

        _ways.Clear();
    }
}
