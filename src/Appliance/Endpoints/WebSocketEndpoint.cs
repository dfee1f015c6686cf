using System.Buffers.Binary;
using Appliance.Connections;
using Appliance.Delivery;
using Appliance.Protocols.WebSocket;

namespace Appliance.Endpoints;

/// <summary>What all WebSockets have in common: frames, pings, and the closing handshake.</summary>
internal abstract class WebSocketEndpoint(WorkerContext context, ChatRooms rooms, LogDelivery delivery, AddressLimits addresses) : Endpoint
{
    /// <summary>Answers that may wait for a client before it is not read any more: with those to what was read at once some 100 KiB.</summary>
    private const int WaitingAnswersBytesMax = 32 << 10;

    private readonly ConnectionTable _table = context.Table;

    /// <inheritdoc/>
    public override long SilenceMsMax => Context.Settings.TimeoutSeconds * 1000L;

    /// <summary>The worker.</summary>
    protected WorkerContext Context { get; } = context;

    /// <summary>Its rooms.</summary>
    protected ChatRooms Rooms { get; } = rooms;

    /// <summary>What an address may use.</summary>
    protected AddressLimits Addresses { get; } = addresses;

    /// <summary>What a message may be.</summary>
    protected abstract MessageLimits Limits { get; }

    /// <summary>A whole message has come in.</summary>
    protected abstract void OnMessage(int fd, Opcode opcode, Span<byte> payload);

    /// <inheritdoc/>
    public override void OnEntered(int fd) => ArmIn(fd, Context.Settings.PingSeconds * 1000L);

    /// <inheritdoc/>
    public override void OnBytes(int fd, Span<byte> bytes)
    {
        _table[fd].HeardMs = Context.NowMs;
        Read(fd, bytes);
    }

    /// <summary>Sends a ping to whoever is silent, and ends who stays silent, or whose token has expired.</summary>
    public override void OnTimer(int fd, long silentMs)
    {
        long timeoutMs = SilenceMsMax;
        long pingMs = Context.Settings.PingSeconds * 1000L;
        if (silentMs >= timeoutMs)
        {
            Close(fd, CloseCode.GoingAway, awaitAnswer: false);
            return;
        }

        if (TokenLeftMs(fd) <= 0)
        {
            Close(fd, CloseCode.TokenExpired, awaitAnswer: true, "token expired"u8);
            return;
        }

        long nextMs = pingMs - silentMs;
        if (nextMs <= 0)
        {
            _table.OutboxOf(fd).WriteFrame(Opcode.Ping, default);
            nextMs = Math.Min(pingMs, timeoutMs - silentMs);
        }

        ArmIn(fd, nextMs);
    }

    /// <summary>Sets the timer of a connection: to run out in so many milliseconds, or when its token expires.</summary>
    protected void ArmIn(int fd, long milliseconds) => Context.ArmIn(fd, Math.Clamp(TokenLeftMs(fd), 1, milliseconds));

    /// <summary>
    /// Begins the closing handshake (RFC 6455, 7): the close frame goes out behind what is already on its way. A peer that broke the
    /// protocol gets no time to answer.
    /// </summary>
    /// <inheritdoc/>
    public override void Close(int fd, CloseCode code, bool awaitAnswer, ReadOnlySpan<byte> reason = default)
    {
        ref var connection = ref _table[fd];
        if (connection.State == ConnectionState.Closing)
        {
            connection.Set(ConnectionFlags.ShutWhenFlushed, true);
            delivery.Flush(fd);
            return;
        }

        if (connection.MemberIndex >= 0)
        {
            if (awaitAnswer)
            {
                // Its own last messages come back to it before the close does.
                Rooms.AppendEarly(Rooms.RoomOf(connection));
            }

            delivery.Flush(fd);
        }

        Span<byte> payload = stackalloc byte[2 + reason.Length];
        reason.CopyTo(payload[2..]);
        BinaryPrimitives.WriteUInt16BigEndian(payload, (ushort)code);
        BeginClosing(fd, (int)code, code == CloseCode.NoStatus ? default : payload);
        connection.Set(ConnectionFlags.ShutWhenFlushed, !awaitAnswer);
    }

    /// <summary>Takes the frames of what came in.</summary>
    protected void Read(int fd, Span<byte> bytes)
    {
        ref var connection = ref _table[fd];
        var reader = _table.ReaderOf(ref connection);
        var violation = reader.Read(bytes, Limits, new Handler(this, fd));
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
            Addresses.OnUnread(fd);
        }
    }

    /// <summary>Milliseconds until the token of a connection expires; many when it has none, or one that does not expire.</summary>
    private long TokenLeftMs(int fd) => _table.IdentityOf(fd) is { ExpiresSeconds: > 0 } identity
        ? ((identity.ExpiresSeconds + Context.Settings.AuthLeewaySeconds) * 1000) - Context.Clock.UnixMs
        : long.MaxValue;

    private void BeginClosing(int fd, int code, ReadOnlySpan<byte> payload)
    {
        ref var connection = ref _table[fd];
        _table.OutboxOf(fd).WriteFrame(Opcode.Close, payload);
        connection.State = ConnectionState.Closing;
        connection.CloseCode = (ushort)code;
        connection.HeardMs = Context.NowMs;
        Context.ArmIn(fd, LingeringEndpoint.CloseTimeoutMs);
        if (!connection.Is(ConnectionFlags.MidFrame))
        {
            Rooms.Leave(fd);
        }
    }

    /// <summary>Passes on what the reader finds on one connection. Behind a close frame nothing counts any more.</summary>
    private readonly struct Handler(WebSocketEndpoint endpoint, int fd) : IMessageHandler
    {
        private bool IsClosing => endpoint._table[fd].State == ConnectionState.Closing;

        public bool OnMessage(Opcode opcode, Span<byte> payload)
        {
            if (!IsClosing)
            {
                endpoint.OnMessage(fd, opcode, payload);
            }

            return true;
        }

        public bool OnPing(ReadOnlySpan<byte> payload)
        {
            if (!IsClosing)
            {
                endpoint._table.OutboxOf(fd).WriteFrame(Opcode.Pong, payload);
            }

            return true;
        }

        public bool OnPong() => true;

        public void OnClose(int code) => endpoint.Close(fd, (CloseCode)code, awaitAnswer: false);
    }
}
