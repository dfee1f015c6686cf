using Appliance.Connections;
using Appliance.Metrics;
using Appliance.Native;
using Appliance.Protocols;
using Appliance.Protocols.Http;

namespace Appliance.Endpoints;

/// <summary>
/// Gives a connection from a trusted proxy (<c>--trusted-proxy</c>) the address of the client whose request it passes on, before anybody looks at
/// who asks. A proxy that keeps its connection open has another client with every request.
/// </summary>
internal sealed class ForwardedAddress(WorkerContext context)
{
    /// <summary>Looks at a request; returns why it is refused, or null.</summary>
    public Refusal? Apply(int fd, in HttpRequest request)
    {
        if (!context.Settings.HasTrustedProxies)
        {
            return null;
        }

        ref var connection = ref context.Table[fd];
        bool hadClient = connection.Is(ConnectionFlags.Forwarded);
        if (!hadClient && !IsTrusted(connection.IpHigh, connection.IpLow))
        {
            return null;
        }

        connection.Set(ConnectionFlags.Forwarded, true);

        Span<byte> ip = stackalloc byte[IpText.Bytes];
        switch (ForwardedClient.Find(request, IsTrusted, ip))
        {
            case ForwardedStatus.Found:
                connection.SetIp(ip);
                return null;
            case ForwardedStatus.None:
                if (hadClient && Syscall.GetPeerName(fd, out var peer).Ok)
                {
                    // The one before was another client.
                    peer.CopyIp(ip);
                    connection.SetIp(ip);
                }

                return null;
            case ForwardedStatus.Malformed:
                return new Refusal(
                    RejectReason.Malformed,
                    "X-Forwarded-For, Forwarded or X-Real-IP of a trusted proxy (--trusted-proxy) has something that is no address, or more than "
                        + $"{ForwardedClient.HopsMax}");
            case ForwardedStatus.Contradiction:
                return new Refusal(
                    RejectReason.Malformed,
                    "X-Forwarded-For, Forwarded and X-Real-IP name different clients: the proxy must remove those that it does not set itself");
            default:
                throw new System.Diagnostics.UnreachableException();
        }
    }

    private bool IsTrusted(ReadOnlySpan<byte> ip) => IsTrusted(BitConverter.ToUInt64(ip), BitConverter.ToUInt64(ip[8..]));

    private bool IsTrusted(ulong high, ulong low) =>
        high == 0 && low == 0 ? context.Settings.TrustsUnixProxies : context.Settings.TrustedProxies.Contains(high, low);
}
