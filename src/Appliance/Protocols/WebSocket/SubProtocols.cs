using Appliance.Protocols.Http;

namespace Appliance.Protocols.WebSocket;

/// <summary>
/// The sub-protocols that clients may offer (RFC 6455, 1.9 and 4.2.2). There is one, under two names; a client that offers none speaks it as
/// well. The server selects the first known name. A client that offers only unknown ones gets no sub-protocol, and browsers then fail, as they must.
/// </summary>
public static class SubProtocols
{
    /// <summary>The name with a version, which another one could stand beside.</summary>
    private static ReadOnlySpan<byte> Versioned => "appliance.v1"u8;

    /// <summary>The name that examples and libraries use.</summary>
    private static ReadOnlySpan<byte> Usual => "chat"u8;

    private static ReadOnlySpan<byte> Header => "sec-websocket-protocol"u8;

    /// <summary>The offered name that is taken, as the client wrote it; empty when none is.</summary>
    /// <param name="request">The handshake.</param>
    /// <param name="isWellFormed">False when something is offered that is no token. Empty places of a list are passed over (RFC 9110, 5.6.1).</param>
    public static ReadOnlySpan<byte> Choose(in HttpRequest request, out bool isWellFormed)
    {
        isWellFormed = true;
        ReadOnlySpan<byte> chosen = default;
        foreach (var header in request.Headers)
        {
            if (!header.Is(Header))
            {
                continue;
            }

            foreach (var range in header.Value.Split((byte)','))
            {
                var offered = header.Value[range].Trim(" \t"u8);
                isWellFormed &= offered.IsEmpty || HttpRequestReader.IsToken(offered);
                bool isKnown = offered.SequenceEqual(Versioned) || offered.SequenceEqual(Usual);
                chosen = chosen.IsEmpty && isKnown ? offered : chosen;
            }
        }

        return chosen;
    }
}
