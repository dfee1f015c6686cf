using System.Buffers.Text;
using System.Text;
using Appliance.Chat;
using Appliance.Config;
using Appliance.Connections;
using Appliance.Delivery;
using Appliance.Loop;
using Appliance.Metrics;
using Appliance.Protocols.Http;
using Appliance.Protocols.WebSocket;
using Appliance.Rooms;
using Appliance.Web;

namespace Appliance.Endpoints;

/// <summary>A connection's HTTP part: gives out the page, or turns the request into a WebSocket.</summary>
public sealed class HttpEndpoint
{
    /// <summary>Answers that may wait in an outbox; a client that asks for more at once is cut off behind them.</summary>
    private const int PipelinedBytesMax = 128 << 10;

    /// <summary>For whoever finds no place.</summary>
    internal const string RetryLater = "Retry-After: 5\r\n";

    private const string PageHeaders = HttpResponse.PageSecurityHeaders + "Cache-Control: no-cache\r\n";

    private readonly ConnectionTable _table;
    private readonly ChatRooms _rooms;
    private readonly LogDelivery _delivery;
    private readonly LoopClock _clock;
    private readonly Settings _settings;
    private readonly IConnectionObserver _observer;
    private readonly WorkerCounters _counters;
    private Dictionary<string, byte[]>.AlternateLookup<ReadOnlySpan<char>>? _pages;

    /// <summary>Whether the request at hand wants the head of the answer alone, a refusal's as well.</summary>
    private bool _isHead;

    /// <summary>Serves the chat page and the handshakes of rooms and echo.</summary>
    public HttpEndpoint(
        ConnectionTable table, ChatRooms rooms, LogDelivery delivery, LoopClock clock, Settings settings, IConnectionObserver observer, WorkerCounters counters)
    {
        _counters = counters;
        _table = table;
        _rooms = rooms;
        _delivery = delivery;
        _clock = clock;
        _settings = settings;
        _observer = observer;
    }

    /// <summary>How many clients may be in by the descriptors that this process may have, whatever <c>--max-connections</c> says.</summary>
    public int PlacesMax { get; init; } = int.MaxValue;

    /// <summary>Forgets the responses: the page knows how long names and messages may be.</summary>
    public void OnSettings() => _pages = null;

    /// <summary>
    /// Takes what came in. Once the connection is a WebSocket, returns what came behind the handshake; it lies in
    /// <paramref name="bytes"/> or in the connection's head, which the caller releases then.
    /// </summary>
    public Span<byte> OnBytes(int fd, Span<byte> bytes)
    {
        ref var connection = ref _table[fd];
        var head = connection.Head != 0 ? _table.HeadOf(ref connection) : null;
        head?.Append(bytes);
        var rest = head is null ? bytes : head.Bytes;
        while (connection.State == ConnectionState.Http && !rest.IsEmpty)
        {
            var status = HttpRequestReader.Read(rest, out var request, out int consumed);
            if (status == HttpReadStatus.Incomplete)
            {
                break;
            }

            _isHead = HttpRequestReader.IsHead(rest);

            rest = rest[consumed..];
            Answer(fd, status, request);
        }

        if (connection.State is ConnectionState.Chat or ConnectionState.Echo)
        {
            return rest;
        }

        if (rest.IsEmpty || connection.State != ConnectionState.Http)
        {
            _table.ReleaseHead(ref connection);
        }
        else if (head is not null)
        {
            head.Consume(head.Count - rest.Length);
        }
        else
        {
            _table.HeadOf(ref connection).Append(rest);
        }

        return default;
    }

    /// <summary>The time for a request is over: 408, or quietly the end of a connection that was only kept alive.</summary>
    public void OnTimeout(int fd)
    {
        ref var connection = ref _table[fd];
        if (connection.Is(ConnectionFlags.Answered) && connection.Head == 0)
        {
            _table.MarkForClose(fd);
            return;
        }

        _isHead = connection.Head != 0 && HttpRequestReader.IsHead(_table.HeadOf(ref connection).Bytes);
        Refuse(fd, RejectReason.Timeout, $"no whole request within {_settings.HandshakeTimeoutSeconds} seconds (--handshake-timeout)");
    }

    private void Answer(int fd, HttpReadStatus status, in HttpRequest request)
    {
        var refusal = HttpGate.Check(status, request);
        if (refusal != HttpRefusal.None)
        {
            Refuse(fd, refusal);
        }
        else if (Handshake.IsAskedFor(request))
        {
            Upgrade(fd, request);
        }
        else
        {
            Serve(fd, request);
        }
    }

    /// <summary>Made when a page is first asked for: many workers never are, and all should start quickly.</summary>
    private Dictionary<string, byte[]>.AlternateLookup<ReadOnlySpan<char>> Pages => _pages ??= EmbeddedPages.Chat(_settings.MaxName, _settings.MaxMessage)
        .ToDictionary(page => page.Path, page => HttpResponse.Write(200, page.ContentType, PageHeaders, page.Bytes), StringComparer.Ordinal)
        .GetAlternateLookup<ReadOnlySpan<char>>();

    private void Serve(int fd, in HttpRequest request)
    {
        var refusal = HttpGate.CheckPage(request);
        if (refusal != HttpRefusal.None)
        {
            Refuse(fd, refusal);
            return;
        }

        Span<char> path = stackalloc char[64];
        byte[]? response = HttpResponse.Options;
        if (!HttpGate.IsOptions(request)
            && (request.Path.Length > path.Length || !Pages.TryGetValue(path[..Encoding.Latin1.GetChars(request.Path, path)], out response)))
        {
            Refuse(fd, RejectReason.NotFound, "there is nothing here; the chat is at /");
            return;
        }

        ref var connection = ref _table[fd];
        var outbox = _table.OutboxOf(fd);
        outbox.Append(_isHead ? response.AsSpan(0, HttpResponse.HeadLength(response)) : response);
        connection.HeardMs = _clock.NowMs;
        connection.Set(ConnectionFlags.Answered, true);
        if (!request.KeepsAlive || outbox.Count > PipelinedBytesMax)
        {
            Finish(ref connection);
        }
    }

    private void Upgrade(int fd, in HttpRequest request)
    {
        var refusal = Handshake.Check(request);
        if (refusal != HandshakeRefusal.None)
        {
            Refuse(fd, refusal);
            return;
        }

        int places = Math.Min(_settings.MaxConnections, PlacesMax);
        if (!_table.TryMakePlace(fd, places))
        {
            RefusePlace(fd, places);
            return;
        }

        ref var connection = ref _table[fd];
        if (_settings.Echo && request.Path.SequenceEqual("/echo"u8))
        {
            connection.State = ConnectionState.Echo;
            connection.HeardMs = _clock.NowMs;
            _table.Admit(fd);
            Accept(fd, request);
            return;
        }

        Span<byte> room = stackalloc byte[RoomName.BytesMax];
        if (!TryReadQuery(fd, request, ref room, out long after, out int history))
        {
            return;
        }

        var opening = _rooms.Join(fd, room, after, history, out bool gap);
        if (opening is RoomOpening.TooMany or RoomOpening.NoMemory)
        {
            RefuseRoom(fd, room, opening);
            return;
        }

        connection.State = ConnectionState.Chat;
        connection.HeardMs = _clock.NowMs;
        Accept(fd, request);
        if (gap)
        {
            _delivery.QueueGap(
                fd,
                "Some messages are missing here: what followed the last one seen is not kept any more."u8,
                _rooms.RoomOf(connection).Ring.IdBefore(connection.Position));
        }

        _observer.OnConnected(connection, room, opening == RoomOpening.Created);
    }

    private void RefusePlace(int fd, int places)
    {
        bool lacksDescriptors = places < _settings.MaxConnections;
        string why = lacksDescriptors ? $"all {places} places are taken that the descriptors of this process allow" : $"all {places} places are taken (--max-connections)";
        Refuse(fd, RejectReason.Full, $"{why}; try again later", RetryLater);
        if (lacksDescriptors)
        {
            _observer.OnDescriptorsExhausted(nameof(Native.Errno.EMFILE));
        }
    }

    private void RefuseRoom(int fd, ReadOnlySpan<byte> name, RoomOpening opening)
    {
        string room = Encoding.ASCII.GetString(name);
        if (opening == RoomOpening.NoMemory)
        {
            Refuse(fd, RejectReason.Full, $"room '{room}': the rooms in use take all of {_settings.MaxMemoryBytes} bytes (--max-memory); try again later", RetryLater);
            return;
        }

        Refuse(fd, RejectReason.RoomsFull, $"room '{room}': all {_settings.MaxRooms} rooms are taken (--max-rooms)");
    }

    private void Accept(int fd, in HttpRequest request)
    {
        _counters.Figures.Handshakes++;
        var protocol = SubProtocols.Choose(request, out _);
        _ = Handshake.WriteResponse(request, protocol, _table.OutboxOf(fd).Reserve(Handshake.ResponseBytes(protocol)));
    }

    /// <summary>Reads room, after and history; refuses the request when one of them is wrong.</summary>
    private bool TryReadQuery(int fd, in HttpRequest request, ref Span<byte> room, out long after, out int history)
    {
        after = -1;
        history = _settings.History;
        bool named = request.TryGetParameter("room"u8, room, out int roomLength);
        if (!named || roomLength == 0)
        {
            RoomName.Default.CopyTo(room);
            roomLength = RoomName.Default.Length;
        }

        if (roomLength < 0 || !RoomName.IsValid(room[..roomLength]))
        {
            Refuse(fd, RejectReason.Parameter, $"room: a name has 1 to {RoomName.BytesMax} letters, digits or -_.");
            return false;
        }

        room = room[..roomLength];
        Span<byte> number = stackalloc byte[32];
        if (request.TryGetParameter("after"u8, number, out int digits) && digits != 0 && !TryReadNumber(number, digits, out after))
        {
            Refuse(fd, RejectReason.Parameter, "after: must be the id of a message, digits only");
            return false;
        }

        if (request.TryGetParameter("history"u8, number, out digits) && digits != 0)
        {
            if (!TryReadNumber(number, digits, out long wanted))
            {
                Refuse(fd, RejectReason.Parameter, "history: must be a number of messages");
                return false;
            }

            history = (int)Math.Min(wanted, history);
        }

        return true;
    }

    /// <summary>A number too large for a long is as good as the largest.</summary>
    private static bool TryReadNumber(ReadOnlySpan<byte> text, int length, out long number)
    {
        number = 0;
        if (length < 0 || text[..length].ContainsAnyExceptInRange((byte)'0', (byte)'9'))
        {
            return false;
        }

        if (!Utf8Parser.TryParse(text[..length], out number, out _))
        {
            number = long.MaxValue;
        }

        return true;
    }

    private void Refuse(int fd, HttpRefusal refusal) => Refuse(
        fd,
        refusal switch
        {
            HttpRefusal.Malformed or HttpRefusal.Host or HttpRefusal.Framing => RejectReason.Malformed,
            HttpRefusal.HeadTooLarge => RejectReason.HeadTooLarge,
            HttpRefusal.Version => RejectReason.HttpVersion,
            HttpRefusal.Method => RejectReason.Method,
            HttpRefusal.Body => RejectReason.Body,
            HttpRefusal.None => throw new System.Diagnostics.UnreachableException(),
            _ => throw new System.Diagnostics.UnreachableException(),
        },
        HttpGate.WordsOf(refusal),
        refusal == HttpRefusal.Method ? HttpGate.Allow : "");

    private void Refuse(int fd, HandshakeRefusal refusal)
    {
        switch (refusal)
        {
            case HandshakeRefusal.MethodNotGet:
                Refuse(fd, RejectReason.Method, "a WebSocket is asked for with GET", "Allow: GET\r\n");
                break;
            case HandshakeRefusal.HttpTooOld:
                Refuse(fd, RejectReason.Handshake, "a WebSocket is asked for with HTTP/1.1");
                break;
            case HandshakeRefusal.ConnectionNotUpgrade:
                Refuse(fd, RejectReason.Handshake, "a WebSocket needs the headers 'Upgrade: websocket' and 'Connection: Upgrade'");
                break;
            case HandshakeRefusal.VersionNot13:
                Refuse(fd, RejectReason.WebSocketVersion, "Sec-WebSocket-Version must be 13", "Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n");
                break;
            case HandshakeRefusal.BadKey:
                Refuse(fd, RejectReason.Handshake, "one Sec-WebSocket-Key is needed, 16 bytes in base64");
                break;
            case HandshakeRefusal.HasBody:
                Refuse(fd, RejectReason.Handshake, "a handshake has no body");
                break;
            case HandshakeRefusal.BadProtocol:
                Refuse(fd, RejectReason.Handshake, "Sec-WebSocket-Protocol takes names without blanks, with commas between them");
                break;
            case HandshakeRefusal.None:
            default:
                throw new System.Diagnostics.UnreachableException();
        }
    }

    private void Refuse(int fd, RejectReason reason, string why, string extraHeaders = "")
    {
        ref var connection = ref _table[fd];
        int status = StatusOf(reason);
        _counters.Figures.Rejected[(int)reason]++;
        byte[] response = HttpResponse.Refuse(status, why, extraHeaders);
        _table.OutboxOf(fd).Append(_isHead ? response.AsSpan(0, HttpResponse.HeadLength(response)) : response);
        Finish(ref connection);
        _observer.OnRefused(connection, status, why);
    }

    private static int StatusOf(RejectReason reason) => reason switch
    {
        RejectReason.Malformed or RejectReason.Handshake or RejectReason.Parameter => 400,
        RejectReason.RoomsFull => 403,
        RejectReason.NotFound => 404,
        RejectReason.Method => 405,
        RejectReason.Timeout => 408,
        RejectReason.Body => 413,
        RejectReason.WebSocketVersion => 426,
        RejectReason.HeadTooLarge => 431,
        RejectReason.Full => 503,
        RejectReason.HttpVersion => 505,
        _ => throw new System.Diagnostics.UnreachableException(),
    };

    /// <summary>No request is read any more; once all answers are out, our side is shut.</summary>
    private void Finish(ref Connection connection)
    {
        connection.State = ConnectionState.Lingering;
        connection.HeardMs = _clock.NowMs;
        connection.Set(ConnectionFlags.ShutWhenFlushed, true);
    }
}
