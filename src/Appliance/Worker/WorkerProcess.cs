using System.Globalization;
using Appliance.Config;
using Appliance.Connections;
using Appliance.Endpoints;
using Appliance.Logging;
using Appliance.Loop;
using Appliance.Moving;
using Appliance.Native;
using Appliance.Rooms;

namespace Appliance.Worker;

/// <summary>A worker that a master has started: its first message brings everything that it needs.</summary>
public sealed class WorkerProcess : IWorkerSupervisor, IDisposable
{
    private readonly WorkerSlot _slot;
    private readonly ControlChannel _channel;
    private readonly DefaultPaths _paths;
    private readonly Dictionary<WorkerNumber, ListenSocket[]> _borrowed = [];
    private readonly WakeupTable _wakeups = new(RoomLogLayout.Slots);
    private EventLog? _log;

    /// <summary>The worker of a slot, at the other end of its master's channel.</summary>
    public WorkerProcess(WorkerSlot slot, int descriptor, DefaultPaths paths)
    {
        _slot = slot;
        _channel = new ControlChannel(descriptor);
        _paths = paths;
    }

    /// <inheritdoc/>
    public int Descriptor => _channel.Descriptor;

    /// <summary>
    /// A terminal's Ctrl-C reaches the whole group, and an administrator's HUP and USR1 may reach it too: they are the master's business,
    /// which tells us.
    /// </summary>
    public IReadOnlyList<SignalRow> Signals { get; } =
    [
        new(Syscall.SIGQUIT, loop => loop.StopAtOnce()),
        new(Syscall.SIGTERM, loop => loop.Stop("SIGTERM")),
    ];

    /// <inheritdoc/>
    public void Dispose()
    {
        _log?.Dispose();
        _channel.Dispose();
        _wakeups.Dispose();
    }

    /// <summary>
    /// Serves until the master says otherwise or is gone; false when an invariant does not hold, which the log names: then the master replaces it.
    /// </summary>
    public bool Run()
    {
        try
        {
            Serve();
            return true;
        }
        catch (InvariantException broken)
        {
            _log?.Write(EventCatalogue.InvariantBroken, broken.Name, broken.Values);
            return false;
        }
    }

    private void Serve()
    {
        if (!_channel.TryReceive(out var first, out _))
        {
            throw new IOException("only a master starts a worker");
        }

        Syscall.WakeWithParent();
        OomScore.StandBeforeParent();
        var start = WorkerStart.Read(first.Text);
        ListenSocket[] listeners = [.. start.Listeners.Select(listener => ListenSocket.Inherit(listener.Descriptor, listener.Kind))];
        foreach (var (slot, descriptor) in start.Wakeups)
        {
            _wakeups.Put(slot, descriptor);
        }

        var settings = ReadSettings(start.Settings.Split('\n'), start.Keys);
        _log = OpenLog(settings);
        var rooms = RoomLogStore.Attach(start.RoomLog, start.Layout);
        rooms.ResetWorker(_slot);
        using var loop = new WorkerLoop(settings, rooms, new WorkerIdentity(_slot, _wakeups), listeners, this, _log);
        Confine(settings);
        loop.Run();
        rooms.ResetWorker(_slot);
    }

    /// <summary>From here on this process may do what serves clients, and nothing else.</summary>
    private void Confine(Settings settings)
    {
        if (settings.Seccomp && SystemCallFilter.ConfineWorker(asks: settings.Auth == AuthMode.Ask) is { Ok: false } failed)
        {
            _log!.Write(EventCatalogue.Unfiltered, SyscallException.Describe(failed.Error));
        }
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
        while (_channel.TryReceive(out var message, out ended))
        {
            Obey(loop, message);
        }

        if (ended)
        {
            _log!.Write(EventCatalogue.MasterLost);
            loop.OnMasterLost();
        }
    }

    /// <inheritdoc/>
    public void OnGiven(HandoverOutcome outcome) => _channel.Send(ControlWord.Given, $"{outcome.Given} {(outcome.Failed ? 1 : 0)}");

    /// <inheritdoc/>
    public void OnLinkWanted(WorkerSlot slot) => _channel.Send(ControlWord.Link, $"{RoomLogLayout.NumberOf(slot)}");

    /// <inheritdoc/>
    public void OnModerationAsked(string request) => _channel.Send(ControlWord.Moderate, request);

    private void Obey(WorkerLoop loop, in ChannelMessage message)
    {
        switch (message.Kind)
        {
            case ControlWord.Settings:
                loop.OnSettings(SettingsBuilder.Merge(
                    loop.Settings, ReadSettings(message.Text.Split('\n'), message.Descriptors is [int keys] ? keys : -1)));
                _ = _channel.Send(ControlWord.Done);
                break;
            case ControlWord.Reopen:
                _log!.Reopen(_ => _channel.Send(ControlWord.Done));
                break;
            case ControlWord.Wakeups:
                TakeWakeups(message);
                _ = _channel.Send(ControlWord.Done);
                break;
            case ControlWord.Question:
                _ = _channel.Send(ControlWord.Answer, loop.Answer(message.Text));
                break;
            case ControlWord.Moderate:
                loop.Clients.OnModerated(message.Text);
                break;
            case ControlWord.Stop:
                Array.ForEach([.. _borrowed.Keys], number => Listen(loop.Clients.Acceptor, number, []));
                loop.Stop("the master's request");
                break;
            case ControlWord.Resume:
                loop.Clients.KeepAll();
                break;
            case ControlWord.Probe:
                _ = _channel.Send(ControlWord.Done);
                break;
            case ControlWord.Listen:
                Borrow(loop.Clients.Acceptor, message);
                break;
            case ControlWord.StopListening:
                Listen(loop.Clients.Acceptor, new WorkerNumber(Number(message.Text)), []);
                break;
            case ControlWord.Give or ControlWord.Take or ControlWord.Link:
                Move(loop.Clients, message, message.Descriptors is [int socket, ..] ? socket : -1);
                break;
            default:
                throw new System.Diagnostics.UnreachableException();
        }
    }

    /// <summary>Orders to move connections through a socket; -1 when no descriptor was left here to take it up.</summary>
    private void Move(ClientServer clients, in ChannelMessage message, int socket)
    {
        switch (message.Kind)
        {
            case ControlWord.Link:
                clients.Link(RoomLogLayout.SlotBeside(_slot, new WorkerNumber(Number(message.Text))), socket);
                break;
            case ControlWord.Give or ControlWord.Take when socket < 0:
                Refuse(message.Kind);
                break;
            case ControlWord.Give:
                clients.Give(socket, Number(message.Text.TrimEnd(ControlWord.Route)), message.Text.EndsWith(ControlWord.Route));
                break;
            case ControlWord.Take when message.Text.EndsWith(ControlWord.Link):
                clients.TakeLinked(socket);
                break;
            case ControlWord.Take:
                clients.Take(socket, message.Text.EndsWith(ControlWord.Route));
                break;
            default:
                throw new System.Diagnostics.UnreachableException();
        }
    }

    /// <summary>The socket that belongs to an order has not come: the process at its other end sees it end, and keeps its connections.</summary>
    private void Refuse(char order)
    {
        _log!.Write(EventCatalogue.OrderUnfulfilled, order == ControlWord.Give ? "give connections" : "take connections");
        if (order == ControlWord.Give)
        {
            OnGiven(new HandoverOutcome(0, Failed: true));
        }
    }

    /// <summary>
    /// Takes the wake-ups of slots that other processes get. It sets each once: this worker may have marked a room for a slot without being
    /// able to wake its process.
    /// </summary>
    private void TakeWakeups(in ChannelMessage message)
    {
        string[] slots = message.Text.Split(',');
        for (int i = 0; i < message.Descriptors.Length; i++)
        {
            var slot = new WorkerSlot(Number(slots[i]));
            _wakeups.Put(slot, message.Descriptors[i]);
            _wakeups.Set(slot);
        }

        if (message.Descriptors.Length < slots.Length)
        {
            _log!.Write(EventCatalogue.WakeupsMissing, slots.Length - message.Descriptors.Length);
        }
    }

    /// <summary>A worker that cannot open its log serves all the same: its lines go to stderr, which a daemon's master has put into the file.</summary>
    private EventLog OpenLog(Settings settings)
    {
        var log = new EventLog(
            settings.LogFile, settings.Debug ? LogLevel.Debug : settings.LogLevel, settings.Daemon, $"worker {RoomLogLayout.NumberOf(_slot)}");
        try
        {
            log.Open();
        }
        catch (IOException failure)
        {
            log.Write(EventCatalogue.LogUnopened, failure.Message);
        }

        return log;
    }

    /// <summary>Listens at the sockets that come with an order, which says whose they are and of which kinds.</summary>
    private void Borrow(Acceptor acceptor, in ChannelMessage order)
    {
        string[] parts = order.Text.Split(' ');
        var kinds = ListenKinds.OfNames(parts[1].Split(','), order.Descriptors.Length);
        Listen(acceptor, new WorkerNumber(Number(parts[0])), [.. order.Descriptors.Zip(kinds, ListenSocket.Inherit)]);
    }

    /// <summary>Listens at the sockets of another worker, in place of those it had from that worker.</summary>
    private void Listen(Acceptor acceptor, WorkerNumber lender, ListenSocket[] sockets)
    {
        if (_borrowed.Remove(lender, out var former))
        {
            foreach (var socket in former)
            {
                acceptor.StopListening(socket);
                socket.Dispose();
            }
        }

        if (sockets.Length > 0)
        {
            _borrowed[lender] = sockets;
            Array.ForEach(sockets, acceptor.Listen);
        }
    }

    private static int Number(string text) => int.Parse(text, NumberStyles.None, CultureInfo.InvariantCulture);

    /// <summary>The settings of a message, with the secrets from the file in memory that came along; -1 for none.</summary>
    private Settings ReadSettings(IEnumerable<string> lines, int keys) =>
        WorkerSecrets.Unpack(SettingsBuilder.Build(_paths, SettingsBuilder.ReadFile("master", lines, hasComments: false)), MemoryFile.ReadAndClose(keys));
}
