using Appliance.Connections;
using Appliance.Metrics;
using Appliance.Protocols.Http;
using Appliance.Protocols.WebSocket;

namespace Appliance.Endpoints;

/// <summary>Why a request is refused.</summary>
/// <param name="Reason">For the figures, and for the status.</param>
/// <param name="Why">The thing, its value and the way out, for people.</param>
/// <param name="Headers">Further headers, each with its CRLF.</param>
internal sealed record Refusal(RejectReason Reason, string Why, string Headers = "")
{
    /// <summary>For whoever finds no place.</summary>
    public const string RetryLater = "Retry-After: 5\r\n";

    /// <summary>The status code (RFC 9110, 15).</summary>
    public int Status => Reason switch
    {
        RejectReason.Malformed or RejectReason.Handshake or RejectReason.Parameter or RejectReason.Proxy => 400,
        RejectReason.Token or RejectReason.AuthUnauthorized => 401,
        RejectReason.RoomsFull or RejectReason.Origin or RejectReason.Banned or RejectReason.RoomLocked or RejectReason.Forbidden
            or RejectReason.AuthForbidden => 403,
        RejectReason.NotFound => 404,
        RejectReason.Method => 405,
        RejectReason.Timeout => 408,
        RejectReason.NameTaken => 409,
        RejectReason.Body => 413,
        RejectReason.WebSocketVersion => 426,
        RejectReason.AddressConnections or RejectReason.AddressHandshakes or RejectReason.AddressRooms => 429,
        RejectReason.HeadTooLarge => 431,
        RejectReason.Full or RejectReason.AuthUnavailable => 503,
        RejectReason.HttpVersion => 505,
        _ => throw new System.Diagnostics.UnreachableException(),
    };
}

/// <summary>Writes what a request gets into the outbox of its connection.</summary>
internal sealed class HttpResponder(WorkerContext context, AddressLimits addresses)
{
    /// <summary>Answers that may wait in an outbox; a client that asks for more at once is cut off behind them.</summary>
    private const int PipelinedBytesMax = 128 << 10;

    /// <summary>Answers that may wait in an outbox before they count at the address: with them the largest page goes out at once.</summary>
    private const int UncountedBytesMax = 64 << 10;

    /// <summary>Whether the request at hand wants the head of the answer alone, a refusal's as well.</summary>
    public bool IsHead { get; set; }

    /// <summary>Answers a request, and ends the connection behind the answer unless it is kept alive.</summary>
    public void Respond(int fd, byte[] response, bool keepsAlive)
    {
        ref var connection = ref context.Table[fd];
        bool closes = !keepsAlive || context.Table.OutboxOf(fd).Count + response.Length > PipelinedBytesMax;
        Append(fd, closes ? HttpResponse.Closing(response) : response);
        connection.HeardMs = context.NowMs;
        connection.Set(ConnectionFlags.Answered, true);
        if (closes)
        {
            Finish(ref connection);
        }
    }

    /// <summary>Refuses a request, counts that, and ends the connection behind the answer.</summary>
    public void Refuse(int fd, Refusal refusal)
    {
        ref var connection = ref context.Table[fd];
        context.Counters.Figures.Rejected[(int)refusal.Reason]++;
        Append(fd, HttpResponse.Refuse(refusal.Status, refusal.Why, refusal.Headers));
        Finish(ref connection);
        context.Observer.OnRefused(connection, refusal.Reason, refusal.Status, refusal.Why);
    }

    /// <summary>Answers a handshake: the connection has another state from here on.</summary>
    public void SwitchProtocols(int fd, in HttpRequest request, ConnectionState state)
    {
        ref var connection = ref context.Table[fd];
        connection.State = state;
        connection.HeardMs = context.NowMs;
        context.Table.CountIn(ref connection, context.Settings);
        context.Counters.Figures.Handshakes++;
        var protocol = SubProtocols.Choose(request, out _);
        _ = Handshake.WriteResponse(request, protocol, context.Table.OutboxOf(fd).Reserve(Handshake.ResponseBytes(protocol)));
    }

    private void Append(int fd, byte[] response)
    {
        var outbox = context.Table.OutboxOf(fd);
        outbox.Append(IsHead ? response.AsSpan(0, HttpResponse.HeadLength(response)) : response);
        if (outbox.Count > UncountedBytesMax)
        {
            addresses.OnUnread(fd);
        }
    }

    /// <summary>No request is read any more; once all answers are out, our side is shut.</summary>
    private void Finish(ref Connection connection)
    {
        connection.State = ConnectionState.Lingering;
        connection.HeardMs = context.NowMs;
        connection.Set(ConnectionFlags.ShutWhenFlushed, true);
    }
}
