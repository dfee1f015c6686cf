using Appliance.Connections;
using Appliance.Delivery;
using Appliance.Protocols.WebSocket;

namespace Appliance.Endpoints;

/// <summary>The closing handshake (RFC 6455, 7): our close frame is under way, and the peer's is awaited unless the peer broke the protocol.</summary>
internal sealed class ClosingEndpoint(WorkerContext context, ChatRooms rooms, LogDelivery delivery, AddressLimits addresses)
    : WebSocketEndpoint(context, rooms, delivery, addresses)
{
    /// <inheritdoc/>
    public override long SilenceMsMax => 0;

    /// <inheritdoc/>
    protected override MessageLimits Limits => new(Context.Settings.MaxFrame, TakesBinary: false);

    /// <inheritdoc/>
    public override void OnBytes(int fd, Span<byte> bytes)
    {
        if (!Context.Table[fd].Is(ConnectionFlags.ShutWhenFlushed))
        {
            Read(fd, bytes);
        }
    }

    /// <inheritdoc/>
    public override void OnTimer(int fd, long silentMs) => LingeringEndpoint.EndUnlessAnswering(Context, fd, silentMs);

    /// <inheritdoc/>
    protected override void OnMessage(int fd, Opcode opcode, Span<byte> payload)
    {
    }
}
