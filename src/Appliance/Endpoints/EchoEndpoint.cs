using Appliance.Connections;
using Appliance.Delivery;
using Appliance.Protocols.Http;
using Appliance.Protocols.WebSocket;

namespace Appliance.Endpoints;

/// <summary>Sends each message back as it came (<c>--echo</c>): for conformance suites.</summary>
internal sealed class EchoEndpoint(WorkerContext context, ChatRooms rooms, LogDelivery delivery, HttpResponder responder)
    : WebSocketEndpoint(context, rooms, delivery)
{
    private const int MessageBytesMax = 16 << 20;

    /// <inheritdoc/>
    protected override MessageLimits Limits => new(MessageBytesMax, TakesBinary: true);

    /// <summary>Its route: a request that has passed the checks of the handshake.</summary>
    public void Open(int fd, in HttpRequest request)
    {
        Context.Table.Admit(fd);
        responder.SwitchProtocols(fd, request, ConnectionState.Echo);
    }

    /// <inheritdoc/>
    protected override void OnMessage(int fd, Opcode opcode, Span<byte> payload)
    {
        Context.Counters.Figures.Requests++;
        Context.Table.OutboxOf(fd).WriteFrame(opcode, payload);
    }
}
