using System.Globalization;
using Appliance.Config;
using Appliance.Loop;
using Appliance.Metrics;
using Appliance.Native;
using Appliance.Rooms;
using Appliance.Worker;

namespace Appliance.Master;

/// <summary>Where a worker is in its life.</summary>
public enum ChildState
{
    /// <summary>No process; one starts when its pause is over.</summary>
    Waiting,

    /// <summary>The process has not said that it serves.</summary>
    Starting,

    /// <summary>It serves.</summary>
    Serving,

    /// <summary>It has ended for good.</summary>
    Ended,
}

/// <summary>How a worker's process has ended.</summary>
public enum ProcessEnd
{
    /// <summary>As it was told to, or without a fault.</summary>
    Expected,

    /// <summary>It was none: the system had no process or descriptor to give.</summary>
    NotStarted,

    /// <summary>By its own fault.</summary>
    Failed,

    /// <summary>Somebody has killed it.</summary>
    Killed,

    /// <summary>The kernel has killed it, because there is no memory.</summary>
    KilledForMemory,
}

/// <summary>One worker: its sockets, which outlive every process of it, and the process.</summary>
public sealed class ChildWorker(WorkerNumber number, WorkerSlot slot, IReadOnlyList<ListenSocket> listeners)
{
    /// <summary>A process that lived shorter and failed does not count as having served: its successor waits.</summary>
    public const int SteadyMs = 10_000;

    private const int GivenAgainMax = 3;
    private const int FirstPauseMs = 100;
    private const int PauseMsMax = 30_000;

    /// <summary>
    /// Killed so often in a row, soon after it has begun, a worker is replaced at once. Then something kills all that comes (a guard of the
    /// host's memory, a script gone wrong), and more haste helps nobody; a second is what people wait for without a thought.
    /// </summary>
    private const int KillsAtOnceMax = 20;

    private const int KillPauseMsMax = 1000;

    private int _givenAgain;

    /// <summary>Its number, by which people know it.</summary>
    public WorkerNumber Number { get; } = number;

    /// <summary>Its slot in shared memory.</summary>
    public WorkerSlot Slot { get; } = slot;

    /// <summary>The timer of the pause before its next start: the first ones of the master's are the workers'.</summary>
    public TimerId Pause { get; } = new(number.Value);

    /// <summary>The slot's own sockets.</summary>
    public IReadOnlyList<ListenSocket> Listeners { get; set; } = listeners;

    /// <summary>Where it is in its life.</summary>
    public ChildState State { get; set; }

    /// <summary>
    /// Whether it can be told something: the channel of a process that dies closes some time before anybody learns that it has ended.
    /// </summary>
    public bool IsServing => State == ChildState.Serving && Channel is not null;

    /// <summary>The process; 0 for none.</summary>
    public int Pid { get; private set; }

    /// <summary>The channel to the process.</summary>
    public ControlChannel? Channel { get; private set; }

    /// <summary>When the process was started.</summary>
    public long StartedMs { get; private set; }

    /// <summary>What is known of its turns.</summary>
    internal TurnRecord Turns { get; set; }

    /// <summary>Answers that are awaited from it.</summary>
    public int Owed { get; set; }

    /// <summary>Orders to give connections away that it has not carried out.</summary>
    public int PendingTransfers { get; set; }

    /// <summary>Whether the slot is to be given up: no process follows this one.</summary>
    public bool IsRetired { get; set; }

    /// <summary>Whether the slot was wanted again before its process had ended.</summary>
    public bool IsWantedAgain { get; set; }

    /// <summary>When a process of it died last; long ago if none did.</summary>
    public long DiedMs { get; private set; } = long.MinValue / 2;

    /// <summary>Failures in a row.</summary>
    public int Failures { get; private set; }

    /// <summary>Processes in a row that the kernel has killed for lack of memory.</summary>
    public int MemoryKills { get; private set; }

    /// <summary>Processes in a row that somebody has killed.</summary>
    public int Kills { get; private set; }

    /// <summary>How often in a row the system had no process for it.</summary>
    public int Refusals { get; private set; }

    /// <summary>Whether it dies again and again, by any cause: before the first has served, the start has failed.</summary>
    public bool KeepsDying => Math.Max(Failures, MemoryKills) >= RoomLogSuspicion.FailuresBeforeCheck || Kills > KillsAtOnceMax;

    /// <summary>How long the next process waits: not at all after one failure, then longer and longer.</summary>
    public int PauseMs => Math.Max(
        PauseAfter(Math.Max(Math.Max(Failures, MemoryKills) - 1, Refusals), PauseMsMax),
        PauseAfter(Kills - KillsAtOnceMax, KillPauseMsMax));

    private static int PauseAfter(int times, int mostMs) => times <= 0 ? 0 : Math.Min(FirstPauseMs << Math.Min(times - 1, 16), mostMs);

    /// <summary>Starts the process.</summary>
    /// <exception cref="SyscallException">It cannot be started.</exception>
    public void Start(Settings settings, int roomLog, RoomLogLayout layout, WakeupTable wakeups, long nowMs)
    {
        StartedMs = nowMs;
        Owed = PendingTransfers = _givenAgain = 0;
        (Channel, var there) = ControlChannel.CreatePair();
        using (there)
        {
            int[] sockets = ListenerSet.DescriptorsOf(Listeners);
            using var keys = MemoryFile.Of("keys", WorkerSecrets.Pack(settings));
            var start = new WorkerStart
            {
                RoomLog = roomLog,
                Layout = layout,
                Listeners = [.. Listeners.Select(socket => (socket.Descriptor, socket.Kind))],
                Wakeups = Array.ConvertAll(wakeups.Slots, slot => (slot, wakeups[slot])),
                Keys = keys.Descriptor,
                Settings = SettingsBuilder.Write(settings),
            };
            _ = Channel.Send(ControlWord.Settings, start.Write());
            Pid = Syscall.SpawnOrThrow(new SpawnRequest
            {
                Path = Syscall.OwnBinary,
                Arguments = [$"appliance: worker {Number}"],
                Environment = new Dictionary<string, string?>(StringComparer.Ordinal)
                {
                    [ProcessRole.Variable] = $"{Slot}",
                    [ProcessRole.Descriptor] = $"{there.Descriptor}",
                },
                Blocked = SignalSet.All,
                Inherited = [there.Descriptor, .. keys.Descriptors, .. sockets, .. Array.ConvertAll(wakeups.Slots, slot => wakeups[slot])],
            });
        }

        State = ChildState.Starting;
    }

    /// <summary>Asks something that it answers with <see cref="ControlWord.Done"/>.</summary>
    public void Ask(char what, string text, params ReadOnlySpan<int> descriptors) => Owed += Channel?.Send(what, text, descriptors) == true ? 1 : 0;

    /// <summary>Has it give so many connections to another worker; false when no descriptor is left for the way there, or it does not take the order.</summary>
    public bool GiveTo(ChildWorker other, int count)
    {
        if (!Syscall.SocketPair(out int giving, out int taking).Ok)
        {
            return false;
        }

        _ = other.Channel!.Send(ControlWord.Take, "", taking);
        bool ordered = GiveThrough(giving, count);
        _ = Syscall.Close(taking);
        _ = Syscall.Close(giving);
        return ordered;
    }

    /// <summary>
    /// Has it give all its connections, of which there are so many now, to others in equal shares, or all to those for whom there are
    /// descriptors; false when there are none.
    /// </summary>
    public bool GiveAllTo(IReadOnlyList<ChildWorker> others, int count)
    {
        var shares = Balance.Split(count, others.Count);
        bool restIsOrdered = false;
        for (int i = 0; i < others.Count; i++)
        {
            restIsOrdered = GiveTo(others[i], i == others.Count - 1 ? ControlWord.Everything : shares[i]);
        }

        return restIsOrdered || others.Any(other => GiveTo(other, ControlWord.Everything));
    }

    /// <summary>Orders it to give so many connections to the process at the other end of a socket; false when it does not take the order.</summary>
    public bool GiveThrough(int socket, int count, string route = "")
    {
        bool ordered = Channel!.Send(ControlWord.Give, string.Create(CultureInfo.InvariantCulture, $"{count}{route}"), socket);
        PendingTransfers += ordered ? 1 : 0;
        return ordered;
    }

    /// <summary>Whether what others did not take may be given once more: some times, so that a full server does not try for ever.</summary>
    public bool MayGiveAgain() => ++_givenAgain <= GivenAgainMax;

    /// <summary>What it is for those who watch, in a server that stops or does not.</summary>
    public WorkerState StateOf(bool stopping) => State switch
    {
        ChildState.Waiting => IsRetired || stopping ? WorkerState.None : WorkerState.Dead,
        ChildState.Starting => WorkerState.Starting,
        ChildState.Serving => IsRetired || stopping ? WorkerState.Ending : WorkerState.Serving,
        ChildState.Ended => WorkerState.None,
        _ => throw new System.Diagnostics.UnreachableException(),
    };

    /// <summary>Closes our end of the channel.</summary>
    public void CloseChannel()
    {
        Channel?.Dispose();
        Channel = null;
        Owed = PendingTransfers = 0;
    }

    /// <summary>
    /// Takes note of the process's end and returns how long its successor waits, in milliseconds. One that fails again and again, or that
    /// the kernel ends for memory, is replaced with growing pauses; one that somebody kills, at once, until that has gone on for long.
    /// </summary>
    public int NoteEnd(ProcessEnd end, long nowMs)
    {
        CloseChannel();
        DiedMs = IsRetired ? DiedMs : nowMs;
        Pid = 0;
        State = ChildState.Waiting;
        bool wasSteady = nowMs - StartedMs >= SteadyMs;
        Failures = end == ProcessEnd.Failed && !wasSteady ? Failures + 1 : 0;
        MemoryKills = end == ProcessEnd.KilledForMemory && !wasSteady ? MemoryKills + 1 : 0;
        Kills = end == ProcessEnd.Killed && !wasSteady ? Kills + 1 : 0;
        Refusals = end == ProcessEnd.NotStarted ? Refusals + 1 : 0;
        return PauseMs;
    }
}
