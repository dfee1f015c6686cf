using System.Diagnostics;
using Appliance.Connections;
using Appliance.Metrics;
using Appliance.Protocols;
using Appliance.Protocols.WebSocket;

namespace Appliance.Endpoints;

/// <summary>
/// A proxy says whose connection it is, before anything else comes: the PROXY protocol. Whoever says nothing of the kind is cut off without
/// an answer, as the protocol demands: what comes next is not known to be HTTP, or TLS.
/// </summary>
internal sealed class ProxyEndpoint(WorkerContext context, EndpointTable endpoints, ConnectionState next) : Endpoint
{
    private readonly ConnectionTable _table = context.Table;

    /// <inheritdoc/>
    public override long SilenceMsMax => context.Settings.HandshakeTimeoutSeconds * 1000L;

    /// <inheritdoc/>
    public override void OnEntered(int fd) => context.ArmIn(fd, SilenceMsMax);

    /// <inheritdoc/>
    public override void OnBytes(int fd, Span<byte> bytes)
    {
        ref var connection = ref _table[fd];
        var kept = connection.Head != 0 ? _table.HeadOf(ref connection) : null;
        kept?.Append(bytes);
        Span<byte> ip = stackalloc byte[IpText.Bytes];
        var status = ProxyHeader.Read(kept is null ? bytes : kept.Bytes, ip, out int consumed);
        switch (status)
        {
            case ProxyHeaderStatus.Incomplete:
                if (kept is null)
                {
                    _table.HeadOf(ref connection).Append(bytes);
                }

                return;
            case ProxyHeaderStatus.Malformed:
                Refuse(fd, "this port takes connections that begin with a PROXY header (,proxy behind its address), and this one did not");
                return;
            case ProxyHeaderStatus.Client:
            case ProxyHeaderStatus.Unix:
                connection.SetIp(status == ProxyHeaderStatus.Client ? ip : default);
                break;
            case ProxyHeaderStatus.Local:
                // The address is the peer's.
                break;
            default:
                throw new UnreachableException();
        }

        connection.State = next;
        connection.HeardMs = context.NowMs;
        if (next == ConnectionState.Tls)
        {
            BeginTls(fd, kept is null ? bytes[consumed..] : kept.Bytes[consumed..]);
            return;
        }

        if (kept is null)
        {
            endpoints.Enter(fd, bytes[consumed..]);
            return;
        }

        // What is kept stays where it is: the next state takes it up from there.
        kept.Consume(consumed);
        bool hasMore = kept.Count > 0;
        if (!hasMore)
        {
            _table.ReleaseHead(ref connection);
        }

        endpoints.Enter(fd, default);
        if (hasMore)
        {
            endpoints.OnBytes(fd, default);
        }
    }

    /// <summary>From here on bytes are the transport's.</summary>
    private void BeginTls(int fd, Span<byte> rest)
    {
        ref var connection = ref _table[fd];
        connection.Transport = TlsTransport.Number;
        endpoints.Enter(fd, default);
        if (!rest.IsEmpty)
        {
            _ = _table.TransportOf(connection)!.Open(fd, rest);
        }

        _table.ReleaseHead(ref connection);
    }

    /// <inheritdoc/>
    public override void OnTimer(int fd, long silentMs)
    {
        if (silentMs < SilenceMsMax)
        {
            context.ArmIn(fd, SilenceMsMax - silentMs);
        }
        else
        {
            Refuse(fd, $"no PROXY header within {context.Settings.HandshakeTimeoutSeconds} seconds (--handshake-timeout)");
        }
    }

    /// <inheritdoc/>
    public override void Close(int fd, CloseCode code, bool awaitAnswer, ReadOnlySpan<byte> reason = default) => _table.MarkForClose(fd);

    private void Refuse(int fd, string why)
    {
        context.Counters.Figures.Rejected[(int)RejectReason.Proxy]++;
        context.Observer.OnRefused(_table[fd], RejectReason.Proxy, new Refusal(RejectReason.Proxy, why).Status, why);
        _table.MarkForClose(fd);
    }
}
