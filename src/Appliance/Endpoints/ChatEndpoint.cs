using System.Buffers.Text;
using System.Text;
using Appliance.Chat;
using Appliance.Connections;
using Appliance.Delivery;
using Appliance.Identity;
using Appliance.Metrics;
using Appliance.Protocols.Http;
using Appliance.Protocols.WebSocket;
using Appliance.Rooms;

namespace Appliance.Endpoints;

/// <summary>A WebSocket that follows a room: what it sends goes to all who are in it.</summary>
internal sealed partial class ChatEndpoint(
    WorkerContext context, ChatRooms rooms, LogDelivery delivery, HttpResponder responder, TokenGate tokens, AddressLimits addresses)
    : WebSocketEndpoint(context, rooms, delivery, addresses)
{
    /// <summary>Gets the descriptor of each client that has joined a room.</summary>
    public required Action<int> OnJoined { get; init; }

    /// <inheritdoc/>
    protected override MessageLimits Limits => new(Context.Settings.MaxFrame, TakesBinary: false);

    /// <summary>Its route: a request that has passed the checks of the handshake, with room, after and history in its query.</summary>
    public void Open(int fd, in HttpRequest request)
    {
        Span<byte> name = stackalloc byte[RoomName.BytesMax];
        var wrong = CheckQuery(fd, request, name, out int length, out long after, out int history) ?? CheckName(fd);
        if ((wrong ?? Addresses.CheckRoom(fd, name[..length])) is { } refusal)
        {
            responder.Refuse(fd, refusal);
            return;
        }

        var room = name[..length];
        var opening = Rooms.Join(fd, room, after, history, out bool gap);
        if (opening is RoomOpening.TooMany or RoomOpening.NoMemory)
        {
            responder.Refuse(fd, Describe(room, opening));
            return;
        }

        responder.SwitchProtocols(fd, request, ConnectionState.Chat);
        ref var connection = ref Context.Table[fd];
        if (gap)
        {
            OnGap(
                fd,
                "Some messages are missing here: what followed the last one seen is not kept any more."u8,
                Rooms.AudienceOf(connection).View.IdBefore(connection.Position));
        }

        Context.Observer.OnConnected(connection, room, opening == RoomOpening.Created);
    }

    /// <summary>
    /// Its route for a request without an upgrade: whether the same handshake would get in, and if not, why. A browser does not show a page the answer
    /// to a handshake.
    /// </summary>
    public void Check(int fd, in HttpRequest request)
    {
        if (HttpGate.CheckPage(request) is not HttpRefusal.None and var wrong)
        {
            responder.Refuse(fd, HttpEndpoint.Describe(wrong));
        }
        else if (CheckQuery(fd, request, stackalloc byte[RoomName.BytesMax], out _, out _, out _) is { } refusal)
        {
            responder.Refuse(fd, refusal);
        }
        else
        {
            responder.Respond(fd, HttpResponse.NoContent, keepsAlive: false);
        }
    }

    /// <inheritdoc/>
    public override void OnEntered(int fd)
    {
        base.OnEntered(fd);
        OnJoined(fd);
    }

    /// <inheritdoc/>
    public override void OnGap(int fd, ReadOnlySpan<byte> text, long id)
    {
        Span<byte> json = stackalloc byte[ChatEncoder.FixedBytesMax];
        Context.Table.OutboxOf(fd).WriteFrame(Opcode.Text, json[..ChatEncoder.WriteGap(json, text, id)]);
    }

    /// <inheritdoc/>
    protected override void OnMessage(int fd, Opcode opcode, Span<byte> payload)
    {
        ref var connection = ref Context.Table[fd];
        if (Rooms.IsPing(payload))
        {
            Context.Table.OutboxOf(fd).WriteFrame(Opcode.Text, ChatEncoder.Pong);
            return;
        }

        var verdict = Context.Clock.IsThawing ? RateVerdict.Pass : connection.Rate.Take(Context.Settings.MaxRate, Context.NowMs);
        if (verdict == RateVerdict.Pass && connection.Is(ConnectionFlags.Identified) && payload.IndexOf("\"token\""u8) >= 0
            && Rooms.TryReadToken(payload, out var token))
        {
            Renew(fd, token);
            return;
        }

        if (verdict == RateVerdict.Pass && !Addresses.TryTakeMessage(fd, payload.Length))
        {
            Refuse(fd, ChatRefusal.TooFast, "Too many messages come from your address. Please wait a moment.");
            return;
        }

        var refusal = verdict == RateVerdict.Pass ? Rooms.Publish(fd, payload) : ChatRefusal.TooFast;
        if (refusal is ChatRefusal.BadMessage or ChatRefusal.Forbidden && payload.IndexOf("\"moderate\""u8) >= 0 && TryModerate(fd, payload))
        {
            return;
        }

        if (refusal != ChatRefusal.None)
        {
            Refuse(fd, refusal, Describe(refusal));
        }

        if (refusal == ChatRefusal.Banned)
        {
            Close(fd, CloseCode.PolicyViolation, awaitAnswer: true, Encoding.UTF8.GetBytes(Removal.Banned(Context.Moderation.Refusing!)));
        }

        if (verdict == RateVerdict.Close)
        {
            Context.Observer.OnTooFast(connection, Context.Settings.MaxRate);
            Close(fd, CloseCode.PolicyViolation, awaitAnswer: true);
        }
    }

    private void Renew(int fd, ReadOnlySpan<byte> token)
    {
        ref var connection = ref Context.Table[fd];
        var fault = tokens.Renew(fd, token, Context.Log.NameOf(connection.Room));
        if (fault != TokenFault.None)
        {
            Context.Observer.OnTokenRefused(connection, TokenFaults.Describe(fault));
            Refuse(fd, ChatRefusal.BadToken, $"The former token stays: {TokenFaults.Describe(fault)}.");
            return;
        }

        var identity = Context.Table.IdentityOf(fd)!;
        Span<byte> json = stackalloc byte[ClientIdentity.EncodedBytesMax];
        Context.Table.OutboxOf(fd).WriteFrame(Opcode.Text, json[..ChatEncoder.WriteToken(json, identity.User, identity.ExpiresSeconds)]);
        ArmIn(fd, Context.Settings.PingSeconds * 1000L);
    }

    private void Refuse(int fd, ChatRefusal refusal, string why)
    {
        int kind = ChatRefusals.KindOf(refusal) - ChatRefusal.BadJson;
        Context.Counters.Figures.Refused[kind]++;
        Tell(fd, RefusedMessages.All[kind], why);
    }

    private string Describe(ChatRefusal refusal) => refusal switch
    {
        ChatRefusal.BadJson => "This is not a JSON object.",
        ChatRefusal.BadMessage => "Name and message are required, as texts that are not blank.",
        ChatRefusal.BadCharacter => "Names and messages must not contain control or invisible characters, names no direction marks.",
        ChatRefusal.ReservedName => "This name is reserved. Please choose another one.",
        ChatRefusal.TooLong => $"A name has at most {Context.Settings.MaxName} characters and a message at most {Context.Settings.MaxMessage}.",
        ChatRefusal.Muted => Removal.Muted(Context.Moderation.Refusing!),
        ChatRefusal.Banned => Removal.Banned(Context.Moderation.Refusing!),
        ChatRefusal.ReadOnly => "An operator has made this room read-only.",
        ChatRefusal.TooSoon => $"An operator has slowed this room down: the next message in {Context.Moderation.WaitSeconds} s.",
        ChatRefusal.TooFast => $"At most {Context.Settings.MaxRate} messages a second, please.",
        ChatRefusal.NameTaken => "Somebody else has this name now. Please choose another one.",
        ChatRefusal.Forbidden => "Your token does not let you write to this room.",
        ChatRefusal.None or ChatRefusal.BadToken or ChatRefusal.BadModeration => throw new System.Diagnostics.UnreachableException(),
        _ => throw new System.Diagnostics.UnreachableException(),
    };

    private void Tell(int fd, string code, string text)
    {
        Span<byte> utf8 = stackalloc byte[ChatEncoder.FixedBytesMax];
        Span<byte> json = stackalloc byte[2 * ChatEncoder.FixedBytesMax];
        int codeBytes = Encoding.UTF8.GetBytes(code, utf8);
        int textBytes = Encoding.UTF8.GetBytes(text, utf8[codeBytes..]);
        int length = ChatEncoder.WriteError(json, utf8[..codeBytes], utf8.Slice(codeBytes, textBytes));
        Context.Table.OutboxOf(fd).WriteFrame(Opcode.Text, json[..length]);
    }

    private Refusal Describe(ReadOnlySpan<byte> name, RoomOpening opening)
    {
        string room = Encoding.ASCII.GetString(name);
        var settings = Context.Settings;
        return opening == RoomOpening.NoMemory
            ? new Refusal(
                RejectReason.Full,
                $"room '{room}': the rooms in use take all of {settings.MaxMemoryBytes} bytes (--max-memory); try again later",
                Refusal.RetryLater)
            : new Refusal(RejectReason.RoomsFull, $"room '{room}': all {settings.MaxRooms} rooms are taken (--max-rooms)");
    }

    /// <summary>Whether somebody else has the name that a token gives, where a name is one's alone.</summary>
    private Refusal? CheckName(int fd) => Context.Table.IdentityOf(fd) is not { Name.IsEmpty: false } identity || Rooms.TryClaimName(fd, identity.Name)
        ? null
        : new Refusal(RejectReason.NameTaken, $"name '{Encoding.UTF8.GetString(identity.Name)}': somebody else has it now (--unique-names); try again later");

    /// <summary>Whether operators let anybody join a room.</summary>
    private Refusal? CheckState(int fd, ReadOnlySpan<byte> room, long after)
    {
        var rules = Context.Moderation.Rules;
        if (!rules.HasRooms && !rules.HasRoomBans)
        {
            return null;
        }

        ref var connection = ref Context.Table[fd];
        ulong hash = RoomLog.HashOf(room);
        var user = Context.Table.IdentityOf(fd) is { } identity ? identity.User : default;
        if (rules.BanIn(hash, connection.IpHigh, connection.IpLow, user, Context.Clock.UnixMs / 1000) is { } ban)
        {
            return new Refusal(RejectReason.Banned, Removal.Banned(ban));
        }

        var state = rules.StateOf(hash);
        return !state.IsClosed && (!state.IsLocked || Resumes(room, after)) ? null : new Refusal(
            RejectReason.RoomLocked, $"room '{Encoding.ASCII.GetString(room)}': an operator has {(state.IsClosed ? "closed" : "locked")} it");
    }

    /// <summary>Whether a client was in a room before: it knows the id of a message that the room still has.</summary>
    private bool Resumes(ReadOnlySpan<byte> room, long after)
    {
        int slot = after >= 0 ? Context.Log.Find(room) : -1;
        return slot >= 0 && !Context.Log.Ring(slot).StartAfter(after, messages: 0).Gap;
    }

    /// <summary>Reads room, after and history; a refusal when one of them is wrong, or the room is not for this client.</summary>
    private Refusal? CheckQuery(int fd, in HttpRequest request, Span<byte> room, out int roomLength, out long after, out int history) =>
        ReadQuery(request, room, out roomLength, out after, out history)
            ?? tokens.CheckRoom(fd, room[..roomLength])
            ?? CheckState(fd, room[..roomLength], after);

    /// <summary>Reads room, after and history; a refusal when one of them is wrong.</summary>
    private Refusal? ReadQuery(in HttpRequest request, Span<byte> room, out int roomLength, out long after, out int history)
    {
        after = -1;
        history = Context.Settings.History;
        bool named = request.TryGetParameter("room"u8, room, out roomLength);
        if (!named || roomLength == 0)
        {
            RoomName.Default.CopyTo(room);
            roomLength = RoomName.Default.Length;
        }

        if (roomLength < 0 || !RoomName.IsValid(room[..roomLength]))
        {
            return new Refusal(RejectReason.Parameter, $"room: a name has 1 to {RoomName.BytesMax} letters, digits or -_.");
        }

        Span<byte> number = stackalloc byte[32];
        if (request.TryGetParameter("after"u8, number, out int digits) && digits != 0 && !TryReadNumber(number, digits, out after))
        {
            return new Refusal(RejectReason.Parameter, "after: must be the id of a message, digits only");
        }

        if (request.TryGetParameter("history"u8, number, out digits) && digits != 0)
        {
            if (!TryReadNumber(number, digits, out long wanted))
            {
                return new Refusal(RejectReason.Parameter, "history: must be a number of messages");
            }

            history = (int)Math.Min(wanted, history);
        }

        return null;
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
}
