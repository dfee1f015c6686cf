using System.Globalization;
using System.Net;
using Appliance.Config;
using Appliance.Ipc;
using Appliance.Logging;
using Appliance.Loop;
using Appliance.Native;

namespace Appliance.Worker;

/// <summary>The whole server in one process without children: <c>--nofork</c>.</summary>
public static class SingleProcess
{
    /// <summary>Binds, opens the room logs and serves until a signal comes.</summary>
    /// <exception cref="SyscallException">An address is taken, or the kernel refuses something that is needed.</exception>
    /// <exception cref="IOException">A directory cannot be used, or another server uses it.</exception>
    public static void Run(Settings settings, string version, EventLog log)
    {
        log.Write(EventCatalogue.Starting, version, Environment.ProcessId);
        using var pidFile = PidFile.Acquire(settings.RunDirectory, settings.StateDirectory);
        List<ListenSocket> listeners = [];
        try
        {
            listeners.AddRange(settings.Listen.Select(Bind));
            var rooms = OpenRooms(settings, log);
            using var loop = new WorkerLoop(settings, rooms, listeners, log);
            pidFile.Write(Environment.ProcessId);
            foreach (var (address, socket) in settings.Listen.Zip(listeners))
            {
                log.Write(EventCatalogue.Ready, Describe(address, socket));
            }

            loop.Run();
        }
        finally
        {
            listeners.ForEach(listener => listener.Dispose());
        }
    }

    /// <summary>Listens at an address.</summary>
    /// <exception cref="SyscallException">The address is taken, not of this host, or not for this user.</exception>
    public static ListenSocket Bind(ListenAddress address) => address.UnixPath is { } path
        ? ListenSocket.BindUnix(path, address.Text)
        : ListenSocket.BindInternet(address.Ip!.GetAddressBytes(), address.Port, address.IsAnyFamily, address.Text);

    /// <summary>What a person can open in a browser.</summary>
    private static string Describe(ListenAddress address, ListenSocket socket)
    {
        if (address.UnixPath is not null)
        {
            return address.Text;
        }

        bool any = address.Ip!.Equals(IPAddress.Any) || address.Ip.Equals(IPAddress.IPv6Any);
        var endpoint = new IPEndPoint(any ? IPAddress.Loopback : address.Ip, socket.Port);
        return string.Create(CultureInfo.InvariantCulture, $"http://{endpoint}/");
    }

    private static RoomLog OpenRooms(Settings settings, EventLog log)
    {
        var layout = new RoomLogLayout(settings.MaxRooms, settings.RoomSize);
        var (rooms, report) = RoomLogStore.Open(settings.StateDirectory, layout, DateTimeOffset.UtcNow.ToUnixTimeMilliseconds());
        string key = string.Create(CultureInfo.InvariantCulture, $"0x{report.Key:x8}");
        if (report.Resumed)
        {
            log.Write(report.Resized ? EventCatalogue.LogResized : EventCatalogue.LogResumed, key, report.Rooms);
        }
        else
        {
            log.Write(EventCatalogue.LogCreated, key, layout.Rooms, layout.RingBytes);
        }

        if (report.DamagedRooms > 0)
        {
            log.Write(EventCatalogue.RoomsDamaged, report.DamagedRooms);
        }

        return rooms;
    }
}
