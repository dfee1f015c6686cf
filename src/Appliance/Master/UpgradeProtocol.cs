using System.Globalization;
using Appliance.Config;
using Appliance.Loop;

namespace Appliance.Master;

/// <summary>
/// What two masters tell each other in an upgrade, over a channel that the new one inherits. The old one says all that it has before the
/// new one runs; docs/handover.md describes it and says which version takes over from which.
/// </summary>
public static class UpgradeProtocol
{
    /// <summary>Changes with every change of the messages; the new master refuses an unknown version.</summary>
    public const int Version = 1;

    /// <summary>From the old: <c>name = value</c> lines, and the descriptors of the pid file and the state directory's lock.</summary>
    public const char Head = 'V';

    /// <summary>In the head: the kinds of the sockets that a service manager has bound, in their order.</summary>
    public const string Kinds = "kinds";

    /// <summary>From the old: its settings, as workers get them.</summary>
    public const char Settings = 'S';

    /// <summary>From the old: a wake-up for every slot that the segment's layout has, followers' last.</summary>
    public const char Wakeups = 'E';

    /// <summary>From the old: the listening sockets of the worker whose number is the text, in the order of the addresses.</summary>
    public const char Listeners = 'L';

    /// <summary>From the old: the socket of the monitoring port, if there is one.</summary>
    public const char Monitoring = 'M';

    /// <summary>From the old: that was all.</summary>
    public const char Begin = 'B';

    /// <summary>From the old: all is handed over, it ends.</summary>
    public const char Done = 'D';

    /// <summary>From the new: it cannot take over; the text says why.</summary>
    public const char Refused = 'X';

    /// <summary>From the new: a socket through which the worker of a number gives its connections.</summary>
    public const char Route = 'W';

    /// <summary>From the new: it serves, and all routes are sent.</summary>
    public const char Serves = 'C';

    /// <summary>Says everything that the old master has.</summary>
    /// <exception cref="IOException">The channel does not take it.</exception>
    /// <exception cref="Native.SyscallException">No descriptor is left for the wake-ups of the new workers.</exception>
    public static void Send(ControlChannel channel, ServerResources resources, Settings settings, IEnumerable<WorkerNumber> workers)
    {
        var layout = resources.Rooms.Layout;
        string head = string.Create(CultureInfo.InvariantCulture, $"""
            version = {Version}
            pid = {Environment.ProcessId}
            segment = {resources.SegmentId}
            layout = {layout.Version}
            rooms = {layout.Rooms}
            room-bytes = {layout.RingBytes}
            first-slot = {resources.FirstSlot}
            workers = {string.Join(',', workers)}
            inherited = {(resources.Listeners.IsInherited ? 1 : 0)}
            """);
        if (resources.Listeners.IsInherited)
        {
            // Of others the addresses tell it; a version that knows one kind alone passes over the line.
            head += $"\n{Kinds} = {string.Join(',', resources.Listeners.First.Select(socket => ListenKinds.RowOf(socket.Kind).Word))}";
        }

        bool sent = channel.Send(Head, head, [.. resources.PidFile.Descriptors])
            && channel.Send(Settings, SettingsBuilder.Write(settings))
            && channel.Send(Wakeups, "", resources.Wakeups.EnsureFirst(layout.SlotCount));
        foreach (var number in resources.Listeners.IsInherited ? [default(WorkerNumber)] : resources.Listeners.Numbers)
        {
            sent = sent && channel.Send(
                Listeners, number.ToString(), ListenerSet.DescriptorsOf(resources.Listeners.ForWorker(number)));
        }

        sent = sent && (resources.MonitoringSocket is not { } monitoring || channel.Send(Monitoring, "", monitoring.Descriptor));
        if (!sent || !channel.Send(Begin))
        {
            throw new IOException("the kernel refuses the descriptors of the hand-over: see ulimit -n");
        }
    }
}
