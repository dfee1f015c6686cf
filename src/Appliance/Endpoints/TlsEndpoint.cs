using Appliance.Connections;
using Appliance.Delivery;
using Appliance.Native;
using Appliance.Protocols.WebSocket;

namespace Appliance.Endpoints;

/// <summary>Connections whose handshake of TLS is to be done (<see cref="TlsTransport"/>): its bytes pass nobody else, and then a request comes.</summary>
internal sealed class TlsEndpoint(WorkerContext context, EndpointTable endpoints, LogDelivery delivery) : Endpoint, ITlsObserver
{
    private readonly ConnectionTable _table = context.Table;

    /// <inheritdoc/>
    public override long SilenceMsMax => context.Settings.HandshakeTimeoutSeconds * 1000L;

    /// <inheritdoc/>
    public override void OnEntered(int fd) => context.ArmIn(fd, SilenceMsMax);

    /// <inheritdoc/>
    public override void OnBytes(int fd, Span<byte> bytes) => throw new System.Diagnostics.UnreachableException();

    /// <inheritdoc/>
    public override void OnTimer(int fd, long silentMs)
    {
        if (silentMs < SilenceMsMax)
        {
            context.ArmIn(fd, SilenceMsMax - silentMs);
        }
        else
        {
            OnFailed(fd, $"no whole handshake within {context.Settings.HandshakeTimeoutSeconds} seconds (--handshake-timeout)");
        }
    }

    /// <inheritdoc/>
    public override void Close(int fd, CloseCode code, bool awaitAnswer, ReadOnlySpan<byte> reason = default) => _table.MarkForClose(fd);

    /// <inheritdoc/>
    public void OnEstablished(int fd, Span<byte> first)
    {
        ref var connection = ref _table[fd];
        connection.State = ConnectionState.Http;
        connection.HeardMs = context.NowMs;
        context.Counters.Figures.TlsHandshakes++;
        endpoints.Enter(fd, first);
        switch (_table.TransportOf(connection)!.EndOf(fd))
        {
            case PeerEnd.None:
                return;
            case PeerEnd.Ended:
                delivery.Flush(fd);
                break;
            case PeerEnd.Broken:
                delivery.SendLast(fd);
                break;
            default:
                throw new System.Diagnostics.UnreachableException();
        }

        _table.MarkForClose(fd);
    }

    /// <inheritdoc/>
    public void OnFailed(int fd, string why)
    {
        if (_table[fd].Is(ConnectionFlags.ClosePending))
        {
            return;
        }

        context.Counters.Figures.TlsFailures++;
        context.Observer.OnTlsFailed(_table[fd], why);
        delivery.SendLast(fd);
        _ = Syscall.Shutdown(fd, Syscall.SHUT_WR);
        _table.MarkForClose(fd);
    }

    /// <inheritdoc/>
    public void OnKept(int fd) => _table.QueueFlush(fd);
}
