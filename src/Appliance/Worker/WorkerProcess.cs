using System.Globalization;
using System.Runtime.InteropServices;
using Appliance.Config;
using Appliance.Connections;
using Appliance.Ipc;
using Appliance.Logging;
using Appliance.Loop;
using Appliance.Native;

namespace Appliance.Worker;

/// <summary>A worker that a master has started: its first message brings everything that it needs.</summary>
public sealed class WorkerProcess : IWorkerSupervisor, IDisposable
{
    private readonly int _slot;
    private readonly ControlChannel _channel;
    private readonly DefaultPaths _paths;
    private Settings? _settings;
    private EventLog? _log;

    /// <summary>The worker of a slot, at the other end of its master's channel.</summary>
    public WorkerProcess(int slot, int descriptor, DefaultPaths paths)
    {
        _slot = slot;
        _channel = new ControlChannel(descriptor);
        _paths = paths;
    }

    /// <inheritdoc/>
    public int Descriptor => _channel.Descriptor;

    /// <summary>
    /// A terminal's Ctrl-C reaches the whole group, and an administrator's HUP and USR1 may reach it too: all three are the master's
    /// business, which tells us.
    /// </summary>
    public IReadOnlyList<SignalRow> Signals { get; } =
    [
        new(PosixSignal.SIGQUIT, loop => loop.StopAtOnce()),
        new(PosixSignal.SIGTERM, loop => loop.Stop("SIGTERM")),
        new(PosixSignal.SIGINT, _ => { }),
        new(PosixSignal.SIGHUP, _ => { }),
        new((PosixSignal)Syscall.SIGUSR1, _ => { }),
        new((PosixSignal)Syscall.SIGUSR2, _ => { }),
    ];

    /// <inheritdoc/>
    public void Dispose()
    {
        _log?.Dispose();
        _channel.Dispose();
    }

    /// <summary>Serves until the master says otherwise or is gone.</summary>
    public void Run()
    {
        if (!_channel.TryReceive(out _, out string text, out _))
        {
            throw new IOException("a worker is started by its master alone");
        }

        string[] lines = text.Split('\n');
        string[] parts = lines[0].Split(' ');
        var layout = new RoomLogLayout(Number(parts[1]), Number(parts[2]));
        ListenSocket[] listeners = [.. parts[3].Split(',').Select(descriptor => ListenSocket.Inherit(Number(descriptor)))];
        Wakeup[] wakeups = [.. parts[4].Split(',').Select(descriptor => new Wakeup(Number(descriptor)))];
        _settings = ReadSettings(lines[1..]);
        _log = new EventLog(_settings.LogFile, _settings.Debug ? LogLevel.Debug : _settings.LogLevel, _settings.Daemon, $"worker {_slot}");
        var rooms = RoomLogStore.Attach(Number(parts[0]), layout);
        rooms.ResetWorker(_slot);
        using var loop = new WorkerLoop(_settings, rooms, new WorkerIdentity(_slot, wakeups), listeners, this, _log);
        loop.Run();
        rooms.ResetWorker(_slot);
    }

    /// <inheritdoc/>
    public int KeepAliveMs => 0;

    /// <inheritdoc/>
    public void KeepAlive()
    {
    }

    /// <inheritdoc/>
    public void OnReady(WorkerLoop loop) => _channel.Send(ControlWord.Ready);

    /// <inheritdoc/>
    public void OnReadable(WorkerLoop loop)
    {
        bool ended;
        while (_channel.TryReceive(out char kind, out string text, out ended))
        {
            switch (kind)
            {
                case ControlWord.Settings:
                    _ = SettingsBuilder.TakeOver(_settings!, ReadSettings(text.Split('\n')));
                    loop.OnSettings();
                    _ = _channel.Send(ControlWord.Done);
                    break;
                case ControlWord.Reopen:
                    _ = _log!.TryReopen();
                    _ = _channel.Send(ControlWord.Done);
                    break;
                case ControlWord.Question:
                    _ = _channel.Send(ControlWord.Answer, loop.Answer(text));
                    break;
                case ControlWord.Stop:
                    loop.Stop("the master's request");
                    break;
                default:
                    throw new System.Diagnostics.UnreachableException();
            }
        }

        if (ended)
        {
            _log!.Write(EventCatalogue.MasterLost);
            loop.StopAtOnce();
        }
    }

    private static int Number(string text) => int.Parse(text, NumberStyles.None, CultureInfo.InvariantCulture);

    private Settings ReadSettings(IEnumerable<string> lines) => SettingsBuilder.Build(_paths, SettingsBuilder.ReadFile("master", lines, hasComments: false));
}
