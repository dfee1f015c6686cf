using System.Globalization;
using Appliance.Config;
using Appliance.Loop;
using Appliance.Native;
using Appliance.Rooms;

namespace Appliance.Master;

/// <summary>The new master's side of an upgrade: takes over what the old one has, and tells it where its connections go.</summary>
public sealed class Takeover
{
    private ControlChannel? _channel;
    private readonly WorkerNumber[] _formerWorkers;

    private Takeover(ControlChannel channel, Dictionary<string, string> head, Settings settings, ServerResources resources)
    {
        _channel = channel;
        FormerPid = Number(head, "pid");
        Settings = settings;
        ServerResources = resources;
        _formerWorkers = Array.ConvertAll(Text(head, "workers").Split(',', StringSplitOptions.RemoveEmptyEntries), text => new WorkerNumber(Parse(text)));
    }

    /// <summary>The old master.</summary>
    public int FormerPid { get; }

    /// <summary>Its settings; the new master keeps those that cannot change at run time.</summary>
    public Settings Settings { get; }

    /// <summary>What it has.</summary>
    public ServerResources ServerResources { get; }

    /// <summary>The channel to it; -1 when it is closed.</summary>
    public int Descriptor => _channel?.Descriptor ?? -1;

    /// <summary>Takes everything that the old master has said, which is all there when this process starts.</summary>
    /// <exception cref="IOException">It is not what this version can take over.</exception>
    public static Takeover Receive(ControlChannel channel, DefaultPaths paths)
    {
        Dictionary<string, string> head = [];
        int[] locks = [];
        int[] wakeups = [];
        int[] monitoring = [];
        string settings = "";
        string unknown = "";
        Dictionary<WorkerNumber, int[]> listeners = [];
        while (channel.TryReceive(out var message, out _) && message.Kind != UpgradeProtocol.Begin)
        {
            switch (message.Kind)
            {
                case UpgradeProtocol.Head:
                    head = ReadHead(message.Text);
                    locks = message.Descriptors;
                    break;
                case UpgradeProtocol.Settings:
                    settings = message.Text;
                    break;
                case UpgradeProtocol.Wakeups:
                    wakeups = message.Descriptors;
                    break;
                case UpgradeProtocol.Monitoring:
                    monitoring = message.Descriptors;
                    break;
                case UpgradeProtocol.Listeners:
                    listeners[new WorkerNumber(Parse(message.Text))] = message.Descriptors;
                    break;
                default:
                    unknown = $"message '{message.Kind}' is not known to this version";
                    break;
            }
        }

        // Only now: the kernel throws an answer away when the one who gives it ends with messages unread.
        CheckVersion(head);
        if (unknown.Length > 0)
        {
            throw new IOException(unknown);
        }

        uint version = (uint)Number(head, "layout");
        if (locks.Length < 2 || wakeups.Length != RoomLogLayout.SlotsOf(version) || !listeners.ContainsKey(default))
        {
            throw new IOException("a part of the hand-over has not arrived");
        }

        var inForce = SettingsBuilder.Build(paths, SettingsBuilder.ReadFile("the former process", settings.Split('\n'), hasComments: false));
        var resources = new ServerResources
        {
            Rooms = RoomLogStore.Attach(Number(head, "segment"), new RoomLogLayout(Number(head, "rooms"), Number(head, "room-bytes"), version)),
            SegmentId = Number(head, "segment"),
            Listeners = new ListenerSet(inForce.Addresses, listeners, InheritedKinds(head)),
            PidFile = PidFile.Adopt(inForce.RunDirectory, locks[0], locks[1]),
            Wakeups = new WakeupTable(RoomLogLayout.Slots, wakeups),
            MonitoringSocket = monitoring.Length > 0 ? ListenSocket.Inherit(monitoring[0], ListenKind.Monitoring) : null,
            FirstSlot = RoomLogLayout.OtherFirst(new WorkerSlot(Number(head, "first-slot"))),
            IsShared = true,
        };
        return new Takeover(channel, head, inForce, resources);
    }

    /// <summary>
    /// Once it is known how many workers there are to be: of the wake-ups that the old master has made for every slot there is, those that
    /// nobody uses are closed. Used are those of the old workers, of the new ones, and of followers.
    /// </summary>
    /// <param name="settings">The settings of the new master.</param>
    public void CloseUnusedWakeups(Settings settings)
    {
        var former = RoomLogLayout.OtherFirst(ServerResources.FirstSlot);
        ServerResources.Wakeups.CloseWhere(slot => !Array.Exists(_formerWorkers, number => slot == RoomLogLayout.SlotBeside(former, number))
            && (slot.Index < ServerResources.FirstSlot.Index || slot.Index >= ServerResources.FirstSlot.Index + settings.WorkersMost)
            && !FollowerTable.Wanted(settings).Any(row => row.Slot == slot));
    }

    /// <summary>Every worker serves: opens a way for each of the old ones to give its connections to one of the new.</summary>
    /// <exception cref="SyscallException">No descriptor is left.</exception>
    public void OpenRoutes(WorkerFleet fleet, int workers)
    {
        foreach (var number in _formerWorkers)
        {
            _ = Syscall.SocketPair(out int giving, out int taking).OrThrow("socketpair");
            fleet.Moves.TakeThrough(new WorkerNumber(number.Value % workers), taking);
            _ = _channel!.Send(UpgradeProtocol.Route, number.ToString(), giving);
            _ = Syscall.Close(taking);
            _ = Syscall.Close(giving);
        }

        _ = _channel!.Send(UpgradeProtocol.Serves);
    }

    /// <summary>The old master has said something, or has died: whether the server is this process's now.</summary>
    public bool OnReadable()
    {
        bool done = false;
        bool ended;
        while (_channel!.TryReceive(out var message, out ended))
        {
            done |= message.Kind == UpgradeProtocol.Done;
        }

        return done || ended;
    }

    /// <summary>The server is this process, and the pid file names it: the old master need not pass on signals any more.</summary>
    public void End()
    {
        _channel?.Dispose();
        _channel = null;
    }

    /// <summary>Lines of the form <c>name = value</c>; of two with one name the first counts.</summary>
    private static Dictionary<string, string> ReadHead(string text) => text.Split('\n').Select(line => line.Split(" = "))
        .DistinctBy(parts => parts[0], StringComparer.Ordinal).ToDictionary(parts => parts[0], parts => parts[^1], StringComparer.Ordinal);

    private static void CheckVersion(Dictionary<string, string> head)
    {
        if (Number(head, "version") != UpgradeProtocol.Version)
        {
            throw new IOException($"the former process hands over in version {head["version"]}, this one takes {UpgradeProtocol.Version}: restart instead");
        }

        if ((uint)Number(head, "layout") is < RoomLogLayout.OldestVersion or > RoomLogLayout.NewestVersion)
        {
            throw new IOException(
                $"the room log has layout {head["layout"]}, this version takes {RoomLogLayout.OldestVersion} to {RoomLogLayout.NewestVersion}: "
                + "restart instead");
        }
    }

    /// <summary>The names of the kinds of sockets that a service manager has bound; null where the old master has bound them.</summary>
    private static string[]? InheritedKinds(Dictionary<string, string> head) =>
        Text(head, "inherited") == "1" ? head.GetValueOrDefault(UpgradeProtocol.Kinds, "").Split(',') : null;

    private static int Number(Dictionary<string, string> head, string name) => Parse(Text(head, name));

    private static string Text(Dictionary<string, string> head, string name) =>
        head.GetValueOrDefault(name) ?? throw new IOException($"'{name}' is missing in the hand-over");

    private static int Parse(string text) =>
        int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out int number) ? number : throw new IOException($"'{text}' is no number");
}
