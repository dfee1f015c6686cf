using Appliance.Connections;
using Appliance.Delivery;
using Appliance.Protocols.Http;
using Appliance.Protocols.WebSocket;

namespace Appliance.Endpoints;

/// <summary>Sends each message back as it came (<c>--echo</c>): for conformance suites.</summary>
internal sealed class EchoEndpoint(WorkerContext context, ChatRooms rooms, LogDelivery delivery, HttpResponder responder, AddressLimits addresses)
    : WebSocketEndpoint(context, rooms, delivery, addresses)
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
        if (!Addresses.TryTakeMessage(fd, payload.Length))
        {
            Close(fd, CloseCode.PolicyViolation, awaitAnswer: true, "too many messages from your address"u8);
            return;
        }

        Context.Counters.Figures.Requests++;
        Context.Table.OutboxOf(fd).WriteFrame(opcode, payload);
    }
}
