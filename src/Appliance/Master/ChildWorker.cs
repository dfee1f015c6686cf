using Appliance.Ipc;
using Appliance.Loop;
using Appliance.Native;

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

/// <summary>One worker's slot: its sockets, which outlive every process in it, and the process.</summary>
public sealed class ChildWorker(int slot, IReadOnlyList<ListenSocket> listeners)
{
    /// <summary>A process that lived shorter and failed does not count as having served: its successor waits.</summary>
    public const int SteadyMs = 10_000;

    private const int FirstPauseMs = 100;
    private const int PauseMsMax = 30_000;

    /// <summary>Number of the slot.</summary>
    public int Slot { get; } = slot;

    /// <summary>The slot's own sockets.</summary>
    public IReadOnlyList<ListenSocket> Listeners { get; set; } = listeners;

    /// <summary>Where it is in its life.</summary>
    public ChildState State { get; set; }

    /// <summary>The process; 0 for none.</summary>
    public int Pid { get; private set; }

    /// <summary>The channel to the process.</summary>
    public ControlChannel? Channel { get; private set; }

    /// <summary>When the process was started.</summary>
    public long StartedMs { get; private set; }

    /// <summary>Answers that are awaited from it.</summary>
    public int Owed { get; set; }

    /// <summary>Whether the slot is to be given up: no process follows this one.</summary>
    public bool IsRetired { get; set; }

    /// <summary>Whether the slot was wanted again before its process had ended.</summary>
    public bool IsWantedAgain { get; set; }

    /// <summary>Failures in a row.</summary>
    public int Failures { get; private set; }

    /// <summary>How long the next process waits: not at all after one failure, then longer and longer.</summary>
    public int PauseMs => Failures <= 1 ? 0 : Math.Min(FirstPauseMs << Math.Min(Failures - 2, 16), PauseMsMax);

    /// <summary>Starts the process.</summary>
    /// <exception cref="SyscallException">It cannot be started.</exception>
    public void Start(string settings, int roomLog, RoomLogLayout layout, IReadOnlyList<Wakeup> wakeups, long nowMs)
    {
        StartedMs = nowMs;
        Owed = 0;
        (Channel, var there) = ControlChannel.CreatePair();
        using (there)
        {
            string descriptors = $"{roomLog} {layout.Rooms} {layout.RingBytes} {string.Join(',', Listeners.Select(socket => socket.Descriptor))} {string.Join(',', wakeups.Select(wakeup => wakeup.Descriptor))}";
            _ = Channel.Send(ControlWord.Settings, $"{descriptors}\n{settings}");
            Pid = Syscall.Spawn(new SpawnRequest
            {
                Path = "/proc/self/exe",
                Arguments = [$"appliance: worker {Slot}"],
                Environment = new Dictionary<string, string?>(StringComparer.Ordinal)
                {
                    [ProcessRole.Variable] = $"{Slot}",
                    [ProcessRole.Descriptor] = $"{there.Descriptor}",
                },
                Inherited = [there.Descriptor, .. Listeners.Select(socket => socket.Descriptor).Distinct(), .. wakeups.Select(wakeup => wakeup.Descriptor)],
            }).OrThrow("posix_spawn /proc/self/exe");
        }

        State = ChildState.Starting;
    }

    /// <summary>Closes our end of the channel.</summary>
    public void CloseChannel()
    {
        Channel?.Dispose();
        Channel = null;
        Owed = 0;
    }

    /// <summary>
    /// Takes note of the process's end and returns how long its successor waits, in milliseconds. One that was killed from outside is
    /// replaced at once; one that fails again and again, with growing pauses.
    /// </summary>
    public int NoteEnd(bool failed, long nowMs)
    {
        CloseChannel();
        Pid = 0;
        State = ChildState.Waiting;
        Failures = failed && nowMs - StartedMs < SteadyMs ? Failures + 1 : 0;
        return PauseMs;
    }
}
