using System.Globalization;
using System.Net;
using Appliance.Config;
using Appliance.Loop;
using Appliance.Native;

namespace Appliance.Master;

/// <summary>Turns the addresses of the settings into listening sockets.</summary>
public static class Listeners
{
    /// <summary>Listens at an address, alone.</summary>
    /// <param name="address">The address.</param>
    /// <param name="mode">Permissions of a unix socket.</param>
    /// <exception cref="SyscallException">The address is taken, not of this host, or not for this user.</exception>
    public static ListenSocket Bind(ListenAddress address, int mode = Settings.SocketModeDefault) =>
        Bind(address, address.Port, shared: false, mode);

    /// <summary>
    /// Listens at an address once for each of several workers: the kernel spreads connections over the sockets. That nobody else
    /// listens there is tried first, because sharing would hide it. A unix socket cannot be shared out: all get the same one.
    /// </summary>
    /// <exception cref="SyscallException">The address is taken, not of this host, or not for this user.</exception>
    public static IReadOnlyList<ListenSocket> BindShared(ListenAddress address, int workers, int mode)
    {
        if (address.UnixPath is not null)
        {
            var socket = Bind(address, mode);
            return [.. Enumerable.Repeat(socket, workers)];
        }

        int port = ListenSocket.FindFree(IpOf(address).GetAddressBytes(), address.Port, address.IsAnyFamily, Named(address));
        List<ListenSocket> sockets = [];
        for (int worker = 0; worker < workers; worker++)
        {
            sockets.Add(Bind(address, port, shared: true, mode));
        }

        return sockets;
    }

    /// <summary>One more socket at an address that is shared out already.</summary>
    public static ListenSocket BindAnother(ListenAddress address, ListenSocket first) =>
        address.UnixPath is not null ? first : Bind(address, first.Port, shared: true, mode: 0);

    /// <summary>What a person can open in a browser; for others the address.</summary>
    public static string Describe(ListenAddress address, ListenSocket socket)
    {
        if (address.UnixPath is not null)
        {
            return address.Text;
        }

        var ip = address.IsAnyFamily || address.Ip!.Equals(IPAddress.Any) ? IPAddress.Loopback
            : address.Ip.Equals(IPAddress.IPv6Any) ? IPAddress.IPv6Loopback
            : address.Ip;
        var endpoint = new IPEndPoint(ip, socket.Port);
        string scheme = address.Kind == ListenKind.Tls ? "https" : "http";
        return address.Kind is ListenKind.Proxy or ListenKind.ProxyTls ? $"{endpoint},proxy"
            : string.Create(CultureInfo.InvariantCulture, $"{scheme}://{endpoint}/");
    }

    private static ListenSocket Bind(ListenAddress address, int port, bool shared, int mode) => address.UnixPath is { } path
        ? ListenSocket.BindUnix(address.Kind, path, mode, Named(address))
        : ListenSocket.BindInternet(address.Kind, IpOf(address).GetAddressBytes(), port, address.IsAnyFamily, shared, Named(address));

    /// <summary>What to bind: of all addresses there are, those of IPv4 where the kernel has no IPv6.</summary>
    private static IPAddress IpOf(ListenAddress address) => address.IsAnyFamily && !Syscall.HasIpv6 ? IPAddress.Any : address.Ip!;

    private static string Named(ListenAddress address) => $"{ListenKinds.RowOf(address.Kind).Option} {address.Text}";
}
