using Appliance.Config;
using Appliance.Connections;
using Appliance.Metrics;
using Appliance.Protocols.Http;
using Appliance.Protocols.WebSocket;

namespace Appliance.Endpoints;

/// <summary>Reads requests and looks up their routes.</summary>
internal sealed class HttpEndpoint(WorkerContext context, EndpointTable endpoints, RouteTable routes, HttpResponder responder) : Endpoint
{
    private readonly ConnectionTable _table = context.Table;
    private readonly ForwardedAddress _forwarded = new(context);

    /// <inheritdoc/>
    public override long SilenceMsMax => context.Settings.HandshakeTimeoutSeconds * 1000L;

    /// <inheritdoc/>
    public override void OnEntered(int fd) => context.ArmIn(fd, SilenceMsMax);

    /// <summary>
    /// Answers every whole request that is there, and keeps the beginning of the next one. A request that changes the connection's state is
    /// the last one: what lies behind it belongs to the new state.
    /// </summary>
    /// <inheritdoc/>
    public override void OnBytes(int fd, Span<byte> bytes)
    {
        ref var connection = ref _table[fd];
        var head = connection.Head != 0 ? _table.HeadOf(ref connection) : null;
        head?.Append(bytes);
        var rest = head is null ? bytes : head.Bytes;
        var request = rest;
        while (connection.State == ConnectionState.Http && !rest.IsEmpty)
        {
            request = rest;
            var status = HttpRequestReader.Read(rest, out var parsed, out int consumed);
            if (status == HttpReadStatus.Incomplete)
            {
                break;
            }

            responder.IsHead = HttpRequestReader.IsHead(rest);
            rest = rest[consumed..];
            Answer(fd, status, parsed);
        }

        if (connection.State == ConnectionState.Authorize)
        {
            // The request waits, with all that lies behind it.
            Keep(ref connection, head, request);
            endpoints.Enter(fd, default);
        }
        else if (connection.State != ConnectionState.Http)
        {
            endpoints.Enter(fd, rest);
            _table.ReleaseHead(ref connection);
        }
        else if (rest.IsEmpty)
        {
            _table.ReleaseHead(ref connection);
        }
        else
        {
            Keep(ref connection, head, rest);
        }
    }

    /// <summary>
    /// Goes on with a connection that has come from another worker. It has a whole request only if a back end was being asked about it there: that
    /// is asked again, and not counted again at its address.
    /// </summary>
    public void Resume(int fd)
    {
        ref var connection = ref _table[fd];
        bool isWhole = HttpRequestReader.Read(_table.UnfinishedRequest(connection), out _, out _) == HttpReadStatus.Complete;
        if (isWhole && context.Settings.Auth == AuthMode.Ask)
        {
            connection.State = ConnectionState.Authorize;
            endpoints.Enter(fd, default);
        }
        else if (isWhole)
        {
            OnBytes(fd, default);
        }
    }

    /// <summary>Keeps the end of what has come in, and nothing else.</summary>
    private void Keep(ref Connection connection, ByteQueue? head, ReadOnlySpan<byte> rest)
    {
        if (head is not null)
        {
            head.Consume(head.Count - rest.Length);
        }
        else
        {
            _table.HeadOf(ref connection).Append(rest);
        }
    }

    /// <summary>The time for a request is over: 408, or quietly the end of a connection that was only kept alive.</summary>
    /// <inheritdoc/>
    public override void OnTimer(int fd, long silentMs)
    {
        ref var connection = ref _table[fd];
        if (silentMs < SilenceMsMax)
        {
            context.ArmIn(fd, SilenceMsMax - silentMs);
        }
        else if (connection.Is(ConnectionFlags.Answered) && connection.Head == 0)
        {
            _table.MarkForClose(fd);
        }
        else
        {
            responder.IsHead = connection.Head != 0 && HttpRequestReader.IsHead(_table.HeadOf(ref connection).Bytes);
            responder.Refuse(fd, new Refusal(
                RejectReason.Timeout, $"no whole request within {context.Settings.HandshakeTimeoutSeconds} seconds (--handshake-timeout)"));
            endpoints.Enter(fd, default);
        }
    }

    /// <summary>A request without an answer ends without one.</summary>
    /// <inheritdoc/>
    public override void Close(int fd, CloseCode code, bool awaitAnswer, ReadOnlySpan<byte> reason = default) => _table.MarkForClose(fd);

    private void Answer(int fd, HttpReadStatus status, in HttpRequest request)
    {
        var refusal = HttpGate.Check(status, request);
        if (refusal != HttpRefusal.None)
        {
            responder.Refuse(fd, Describe(refusal));
            return;
        }

        if (_forwarded.Apply(fd, request) is { } contradiction)
        {
            responder.Refuse(fd, contradiction);
            return;
        }

        routes.Answer(fd, request);
    }

    /// <summary>What both ports refuse, with the reason by which it is counted here.</summary>
    internal static Refusal Describe(HttpRefusal refusal) => new(
        refusal switch
        {
            HttpRefusal.Malformed or HttpRefusal.Host or HttpRefusal.Framing => RejectReason.Malformed,
            HttpRefusal.HeadTooLarge => RejectReason.HeadTooLarge,
            HttpRefusal.Version => RejectReason.HttpVersion,
            HttpRefusal.Method => RejectReason.Method,
            HttpRefusal.Body => RejectReason.Body,
            HttpRefusal.ForeignHost or HttpRefusal.None => throw new System.Diagnostics.UnreachableException(),
            _ => throw new System.Diagnostics.UnreachableException(),
        },
        HttpGate.WordsOf(refusal),
        refusal == HttpRefusal.Method ? HttpGate.Allow : "");
}
