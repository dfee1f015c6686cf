using System.Buffers.Binary;
using Appliance.Chat;
using Appliance.Config;
using Appliance.Connections;
using Appliance.Delivery;
using Appliance.Loop;
using Appliance.Metrics;
using Appliance.Protocols.WebSocket;

namespace Appliance.Endpoints;

/// <summary>A connection's WebSocket part: messages to the room or back, pings, and the closing handshake.</summary>
public sealed class WebSocketEndpoint
{
    /// <summary>How long a peer may take to answer our close, and to close its side after that.</summary>
    public const int CloseTimeoutMs = 2000;

    /// <summary>Answers that may wait for a client before it is not read any more: with those to what was read at once some 100 KiB.</summary>
    private const int WaitingAnswersBytesMax = 32 << 10;

    private const int EchoBytesMax = 16 << 20;

    private readonly ConnectionTable _table;
    private readonly ChatRooms _rooms;
    private readonly LogDelivery _delivery;
    private readonly TimerWheel _timers;
    private readonly LoopClock _clock;
    private readonly Settings _settings;
    private readonly IConnectionObserver _observer;
    private readonly WorkerCounters _counters;

    /// <summary>Serves connections that have shaken hands.</summary>
    public WebSocketEndpoint(
        ConnectionTable table, ChatRooms rooms, LogDelivery delivery, TimerWheel timers, LoopClock clock, Settings settings, IConnectionObserver observer, WorkerCounters counters)
    {
        _counters = counters;
        _table = table;
        _rooms = rooms;
        _delivery = delivery;
        _timers = timers;
        _clock = clock;
        _settings = settings;
        _observer = observer;
    }

    /// <summary>Takes what came in.</summary>
    public void OnBytes(int fd, Span<byte> bytes)
    {
        ref var connection = ref _table[fd];
        var reader = _table.ReaderOf(ref connection);
        var limits = connection.State == ConnectionState.Echo
            ? new MessageLimits(EchoBytesMax, TakesBinary: true)
            : new MessageLimits(_settings.MaxFrame, TakesBinary: false);
        var violation = reader.Read(bytes, limits, new Handler(this, fd));
        if (violation != CloseCode.None)
        {
            Close(fd, violation, awaitAnswer: false);
        }

        if (reader.IsIdle || connection.Is(ConnectionFlags.ShutWhenFlushed))
        {
            _table.ReleaseReader(ref connection);
        }

        if (connection.Outbox != 0 && !connection.Is(ConnectionFlags.Paused)
            && _table.ExistingOutbox(connection).Count > WaitingAnswersBytesMax)
        {
            connection.Set(ConnectionFlags.Paused, true);
            _table.UpdateWatch(fd);
        }
    }

    /// <summary>Sends a keep-alive ping.</summary>
    public void Ping(int fd) => _table.OutboxOf(fd).WriteFrame(Opcode.Ping, default);

    /// <summary>
    /// Begins the closing handshake (RFC 6455, 7): the close frame goes out behind what is already on its way. A peer that broke the
    /// protocol is not waited for.
    /// </summary>
    /// <param name="fd">The connection.</param>
    /// <param name="code">Why.</param>
    /// <param name="awaitAnswer">Whether the peer is to answer.</param>
    /// <param name="reason">Why, in at most 123 bytes of UTF-8.</param>
    public void Close(int fd, CloseCode code, bool awaitAnswer, ReadOnlySpan<byte> reason = default)
    {
        ref var connection = ref _table[fd];
        if (connection.State == ConnectionState.Closing)
        {
            connection.Set(ConnectionFlags.ShutWhenFlushed, true);
            _delivery.Flush(fd);
            return;
        }

        if (connection.State == ConnectionState.Chat)
        {
            if (awaitAnswer)
            {
                // Its own last messages come back to it before the close does.
                _rooms.AppendEarly(_rooms.RoomOf(connection));
            }

            _delivery.Flush(fd);
        }

        Span<byte> payload = stackalloc byte[2 + reason.Length];
        reason.CopyTo(payload[2..]);
        BinaryPrimitives.WriteUInt16BigEndian(payload, (ushort)code);
        BeginClosing(fd, (int)code, code == CloseCode.NoStatus ? default : payload);
        connection.Set(ConnectionFlags.ShutWhenFlushed, !awaitAnswer);
    }

    private void BeginClosing(int fd, int code, ReadOnlySpan<byte> payload)
    {
        ref var connection = ref _table[fd];
        _table.OutboxOf(fd).WriteFrame(Opcode.Close, payload);
        connection.State = ConnectionState.Closing;
        connection.CloseCode = (ushort)code;
        connection.HeardMs = _clock.NowMs;
        _timers.Arm(fd, _clock.NowMs + CloseTimeoutMs);
        if (!connection.Is(ConnectionFlags.MidFrame))
        {
            _rooms.Leave(fd);
        }
    }

    private void OnPeerClose(int fd, int code) => Close(fd, (CloseCode)code, awaitAnswer: false);

    private void OnMessage(int fd, Opcode opcode, Span<byte> payload)
    {
        ref var connection = ref _table[fd];
        switch (connection.State)
        {
            case ConnectionState.Chat:
                OnChat(fd, payload);
                break;
            case ConnectionState.Echo:
                _counters.Figures.Requests++;
                _table.OutboxOf(fd).WriteFrame(opcode, payload);
                break;
            case ConnectionState.Closing:
                break;
            case ConnectionState.None:
            case ConnectionState.Http:
            case ConnectionState.Lingering:
            default:
                throw new System.Diagnostics.UnreachableException();
        }
    }

    private void OnChat(int fd, ReadOnlySpan<byte> payload)
    {
        ref var connection = ref _table[fd];
        if (_rooms.IsPing(payload))
        {
            _table.OutboxOf(fd).WriteFrame(Opcode.Text, ChatEncoder.Pong);
            return;
        }

        var verdict = _clock.IsThawing ? RateVerdict.Pass : connection.Rate.Take(_settings.MaxRate, _clock.NowMs);
        var refusal = verdict == RateVerdict.Pass ? _rooms.Publish(fd, payload) : ChatRefusal.TooFast;
        if (refusal != ChatRefusal.None)
        {
            _counters.Figures.Refused[ChatRefusals.KindOf(refusal) - ChatRefusal.BadJson]++;
        }

        switch (refusal)
        {
            case ChatRefusal.None:
                break;
            case ChatRefusal.BadJson:
                Tell(fd, "bad_json"u8, "This is not a JSON object.");
                break;
            case ChatRefusal.BadMessage:
                Tell(fd, "bad_message"u8, "A name and a message are needed, as texts that are not blank.");
                break;
            case ChatRefusal.BadCharacter:
                Tell(fd, "bad_message"u8, "Names and messages take no control characters and none that cannot be seen, names no marks of direction.");
                break;
            case ChatRefusal.ReservedName:
                Tell(fd, "bad_message"u8, "This name is the server's own. Please take another one.");
                break;
            case ChatRefusal.TooLong:
                Tell(fd, "too_long"u8, $"A name has at most {_settings.MaxName} characters and a message at most {_settings.MaxMessage}.");
                break;
            case ChatRefusal.TooFast:
                Tell(fd, "too_fast"u8, $"At most {_settings.MaxRate} messages a second, please.");
                break;
            default:
                throw new System.Diagnostics.UnreachableException();
        }

        if (verdict == RateVerdict.Close)
        {
            _observer.OnTooFast(connection);
            Close(fd, CloseCode.PolicyViolation, awaitAnswer: true);
        }
    }

    private void Tell(int fd, ReadOnlySpan<byte> code, string text)
    {
        Span<byte> utf8 = stackalloc byte[ChatEncoder.FixedBytesMax];
        Span<byte> json = stackalloc byte[2 * ChatEncoder.FixedBytesMax];
        int bytes = System.Text.Encoding.UTF8.GetBytes(text, utf8);
        int length = ChatEncoder.WriteError(json, code, utf8[..bytes]);
        _table.OutboxOf(fd).WriteFrame(Opcode.Text, json[..length]);
    }

    /// <summary>Passes on what the reader finds on one connection.</summary>
    private readonly struct Handler(WebSocketEndpoint endpoint, int fd) : IMessageHandler
    {
        public bool OnMessage(Opcode opcode, Span<byte> payload)
        {
            endpoint.OnMessage(fd, opcode, payload);
            return true;
        }

        public bool OnPing(ReadOnlySpan<byte> payload)
        {
            if (endpoint._table[fd].State != ConnectionState.Closing)
            {
                endpoint._table.OutboxOf(fd).WriteFrame(Opcode.Pong, payload);
            }

            return true;
        }

        public bool OnPong() => true;

        public void OnClose(int code) => endpoint.OnPeerClose(fd, code);
    }
}
