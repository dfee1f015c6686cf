using System.Globalization;
using System.Text;
using Appliance.Chat;
using Appliance.Connections;
using Appliance.Delivery;
using Appliance.Moderation;
using Appliance.Protocols;
using Appliance.Protocols.WebSocket;
using Appliance.Rooms;

namespace Appliance.Endpoints;

/// <summary>
/// What operators and scripts ask of a worker's clients: to tell them something, who they are, to send one away. Each answer is
/// <c>ok</c>, <c>ok COUNT</c>, <c>more NUMBER</c> or <c>failed REASON</c>; lines of JSON may follow.
/// </summary>
public sealed class OperatorCommands
{
    /// <summary>The most that one client takes in a list: a room's name of 64 letters, an IPv6 address, three numbers, and the id of a user.</summary>
    private const int ClientBytesMax = 528;

    /// <summary>Closed in one turn: some milliseconds, in which nobody else is served.</summary>
    private const int KicksMax = 256;

    /// <summary>Has a worker take over rules that have changed, and close whom they keep out.</summary>
    public const string EnforceWord = "enforce";

    /// <summary>Has a worker close whom a rule concerns; its line stands behind it, as it is.</summary>
    public const string RemoveWord = "remove";

    private static readonly byte[] KickReason = Encoding.UTF8.GetBytes(Removal.Kicked);

    private readonly Queue<(int Descriptor, uint Generation, byte[] Reason)> _kicked = new();
    private readonly ConnectionTable _table;
    private readonly ChatRooms _rooms;
    private readonly WorkerContext _context;
    private readonly EndpointTable _endpoints;
    private int _enforced;

    /// <summary>Commands for the clients of a worker.</summary>
    public OperatorCommands(WorkerContext context, ChatRooms rooms, EndpointTable endpoints)
    {
        _context = context;
        _table = context.Table;
        _rooms = rooms;
        _endpoints = endpoints;
    }

    /// <summary>Whether some are still to be closed.</summary>
    public bool IsKicking => _kicked.Count > 0;

    /// <summary>Who says what is said without a name.</summary>
    private static ReadOnlySpan<byte> ServerName => "server"u8;

    /// <summary>Does a command.</summary>
    public string Run(string command)
    {
        var (word, arguments) = CommandText.Split(command);
        return command.StartsWith('{') ? SayJson(command)
            : word switch
            {
                "say" => Say(arguments),
                "delete" => Delete(arguments),
                "kick" => Kick(arguments),
                "clients" => List(arguments),
                EnforceWord => Enforced(),
                RemoveWord => Remove(command[(RemoveWord.Length + 1)..]),
                _ => "failed a worker does not know this command",
            };
    }

    /// <summary><c>say [@ROOM] TEXT</c></summary>
    private string Say(string arguments)
    {
        string room = "";
        if (arguments.StartsWith('@'))
        {
            (room, arguments) = CommandText.Split(arguments[1..]);
        }

        var input = new ChatInput { Name = ServerName, Message = Encoding.UTF8.GetBytes(arguments), Color = ChatInput.DefaultColor };
        var refusal = input.Check(new ChatLimits(Math.Max(_context.Settings.MaxName, ServerName.Length), _context.Settings.MaxMessage), fromOperator: true);
        return refusal == ChatRefusal.None ? Publish(Encoding.UTF8.GetBytes(room), input) : Describe(refusal);
    }

    private string SayJson(string json)
    {
        byte[] bytes = Encoding.UTF8.GetBytes(json);
        var limits = new ChatLimits(_context.Settings.MaxName, _context.Settings.MaxMessage);
        var refusal = ChatInput.Read(bytes, new byte[bytes.Length], limits, out var input, fromOperator: true);
        return refusal == ChatRefusal.None ? Publish(input.Room, input) : Describe(refusal);
    }

    private string Publish(ReadOnlySpan<byte> room, in ChatInput input)
    {
        room = room.IsEmpty ? RoomName.Default : room;
        return !RoomName.IsValid(room) ? "failed a room's name has only letters, digits and -_., 64 at most"
            : _rooms.Say(room, input) switch
            {
                RoomOpening.Found or RoomOpening.Created => "ok",
                RoomOpening.TooMany => Text($"failed all --max-rooms {_context.Settings.MaxRooms} rooms are in use"),
                RoomOpening.NoMemory => Text($"failed the rooms in use take all of --max-memory {_context.Settings.MaxMemoryBytes}"),
                _ => throw new System.Diagnostics.UnreachableException(),
            };
    }

    /// <summary><c>delete [@ROOM] ID</c></summary>
    private string Delete(string arguments)
    {
        string name = Encoding.UTF8.GetString(RoomName.Default);
        if (arguments.StartsWith('@'))
        {
            (name, arguments) = CommandText.Split(arguments[1..]);
        }

        bool isId = long.TryParse(arguments, NumberStyles.None, CultureInfo.InvariantCulture, out long id) && arguments.Length == ChatEncoder.IdDigits;
        string room = PrintableText.Quote(name);
        string shown = PrintableText.Quote(arguments);
        return !isId ? $"failed {shown} is not the id of a message, which has {ChatEncoder.IdDigits} digits: history --json prints them"
            : _rooms.Delete(Encoding.UTF8.GetBytes(name), id) switch
            {
                ErasureOutcome.Done => "ok",
                ErasureOutcome.NoRoom => $"failed there is no room {room}: rooms lists them",
                ErasureOutcome.Gone => $"failed room {room} does not have message {id} any more: newer ones have overwritten it, nobody can get it",
                ErasureOutcome.Unknown => $"failed room {room} has never had a message {id}: history --json prints ids, --room names another room",
                ErasureOutcome.NoMessage => $"failed {id} of room {room} is an announcement, not a message: history --json prints the ids of messages",
                ErasureOutcome.NoPlace =>
                    Text($"failed room logs of layout {_rooms.Layout.Version} have no place for it: stop the server and start it anew"),
                _ => throw new System.Diagnostics.UnreachableException(),
            };
    }

    private string Describe(ChatRefusal refusal) => refusal switch
    {
        ChatRefusal.BadJson => "failed not a JSON object",
        ChatRefusal.BadMessage => "failed name and message are required, as texts that are not blank",
        ChatRefusal.BadCharacter => "failed name and message must not contain control or invisible characters, a name no direction marks",
        ChatRefusal.TooLong => Text(
            $"failed a name has at most --max-name {_context.Settings.MaxName} characters and a message --max-message {_context.Settings.MaxMessage}"),
        ChatRefusal.None or ChatRefusal.TooFast or ChatRefusal.Forbidden or ChatRefusal.BadToken or ChatRefusal.ReservedName or ChatRefusal.Muted
            or ChatRefusal.ReadOnly or ChatRefusal.TooSoon or ChatRefusal.NameTaken or ChatRefusal.Banned or ChatRefusal.BadModeration
            => throw new System.Diagnostics.UnreachableException(),
        _ => throw new System.Diagnostics.UnreachableException(),
    };

    /// <summary><c>kick ID|IP|USER</c>: closes the connection of an id, or all from an address, or of a user.</summary>
    private string Kick(string whom)
    {
        int kicked = 0;
        bool isAddress = ConnectionTable.TryParseAddress(whom, out ulong high, out ulong low);
        bool isId = TryParseId(whom, out byte home, out uint number);
        byte[] user = Encoding.UTF8.GetBytes(whom);
        for (int fd = 0; fd <= _table.HighestDescriptor; fd++)
        {
            ref var connection = ref _table[fd];
            bool meant = (isAddress && connection.IpHigh == high && connection.IpLow == low)
                || (isId && connection.Number == number && connection.Home == home)
                || (connection.Is(ConnectionFlags.Identified) && _table.IdentityOf(fd)!.User.SequenceEqual(user));
            if (meant && (connection.IsClient || connection.State == ConnectionState.Http))
            {
                _kicked.Enqueue((fd, connection.Generation, KickReason));
                kicked++;
            }
        }

        Continue();
        return kicked > 0 ? Text($"ok {kicked}") : $"failed no client has the id, address or user {PrintableText.Quote(whom)}";
    }

    /// <summary><c>remove RULE</c>: closes those whom a rule concerns, once; in its room, or everywhere.</summary>
    private string Remove(string line)
    {
        if (ModerationRule.Read(line) is not { } rule)
        {
            return "failed a worker does not know this rule";
        }

        var rules = new RuleSet([rule with { Room = "", UntilSeconds = 0 }]);
        ulong room = RoomLog.HashOf(Encoding.UTF8.GetBytes(rule.Room));
        byte[] reason = Encoding.UTF8.GetBytes(Removal.WithReason(Removal.Kicked, rule));
        int removed = 0;
        for (int fd = 0; fd <= _table.HighestDescriptor; fd++)
        {
            ref var connection = ref _table[fd];
            var user = _table.IdentityOf(fd) is { } identity ? identity.User : default;
            if (connection.IsClient && rules.BanOf(connection.IpHigh, connection.IpLow, user, unixSeconds: 0) is not null
                && (rule.Room.Length == 0 || (connection.MemberIndex >= 0 && _context.Log.HashAt(connection.Room) == room)))
            {
                _kicked.Enqueue((fd, connection.Generation, reason));
                removed++;
            }
        }

        Continue();
        return Text($"ok {removed}");
    }

    /// <summary>Closes all clients whom the rules in force keep out.</summary>
    public void Enforce()
    {
        var rules = _context.Moderation.Rules;
        for (int fd = 0; (rules.HasBans || rules.HasRooms || rules.HasRoomBans) && fd <= _table.HighestDescriptor; fd++)
        {
            _enforced += _table[fd].IsClient && TryEnforce(fd) ? 1 : 0;
        }

        Continue();
    }

    /// <summary>Has a client closed if the rules in force keep it out.</summary>
    public bool TryEnforce(int fd)
    {
        ref var connection = ref _table[fd];
        var rules = _context.Moderation.Rules;
        var user = _table.IdentityOf(fd) is { } identity ? identity.User : default;
        var ban = rules.BanOf(connection.IpHigh, connection.IpLow, user, _context.Clock.UnixMs / 1000);
        ban ??= rules.HasRoomBans && connection.MemberIndex >= 0
            ? rules.BanIn(_context.Log.HashAt(connection.Room), connection.IpHigh, connection.IpLow, user, _context.Clock.UnixMs / 1000)
            : null;
        bool isClosed = ban is null && rules.HasRooms && connection.MemberIndex >= 0 && rules.StateOf(_context.Log.HashAt(connection.Room)).IsClosed;
        if (ban is not null || isClosed)
        {
            string reason = ban is null ? Removal.RoomClosed : Removal.Banned(ban);
            _kicked.Enqueue((fd, connection.Generation, Encoding.UTF8.GetBytes(reason)));
        }

        return ban is not null || isClosed;
    }

    /// <summary>How many were closed since this was asked last: the loop may have seen the new rules before it took the question.</summary>
    private string Enforced()
    {
        if (_context.Moderation.TryUpdate())
        {
            Enforce();
        }

        int closed = _enforced;
        _enforced = 0;
        return Text($"ok {closed}");
    }

    private static bool TryParseId(string text, out byte home, out uint number)
    {
        string[] parts = text.Split('-');
        number = 0;
        return byte.TryParse(parts[0], NumberStyles.None, CultureInfo.InvariantCulture, out home)
            & uint.TryParse(parts[^1], NumberStyles.None, CultureInfo.InvariantCulture, out number)
            && parts.Length == 2;
    }

    /// <summary>Closes the next of those who are to be closed; called in each turn before what it brought is sent.</summary>
    public void Continue()
    {
        for (int i = 0; i < KicksMax && _kicked.TryDequeue(out var one); i++)
        {
            if (_table[one.Descriptor].Generation == one.Generation)
            {
                _endpoints.Close(one.Descriptor, CloseCode.PolicyViolation, one.Reason);
            }
        }
    }

    /// <summary><c>clients FROM BYTES</c>: those whose descriptors are not below a number, as many as fit; <c>more NUMBER</c> is where to go on.</summary>
    private string List(string arguments)
    {
        string[] numbers = arguments.Split(' ');
        int from = int.Parse(numbers[0], NumberStyles.None, CultureInfo.InvariantCulture);
        int bytesMax = int.Parse(numbers[1], NumberStyles.None, CultureInfo.InvariantCulture);
        var lines = new StringBuilder();
        int bytes = 0;
        for (int fd = from; fd <= _table.HighestDescriptor; fd++)
        {
            ref var connection = ref _table[fd];
            if (!connection.IsClient)
            {
                continue;
            }

            if (bytes + ClientBytesMax > bytesMax)
            {
                return Text($"more {fd}{lines}");
            }

            bool chats = connection.MemberIndex >= 0;
            string room = chats ? $"\"{Encoding.ASCII.GetString(_context.Log.NameOf(connection.Room))}\"" : "null";
            long lag = chats ? Math.Max(0, _rooms.AudienceOf(connection).View.Head - connection.Position) : 0;
            string address = ConnectionTable.AddressOf(connection);
            string user = _table.IdentityOf(fd) is { } identity ? $",\"user\":\"{Escape(Encoding.UTF8.GetString(identity.User))}\"" : "";
            string line = Text($$"""

                {"id":"{{connection.Home}}-{{connection.Number}}","address":"{{address}}","room":{{room}},"since":{{connection.SinceSeconds}}
                """);
            line = Text($"{line},\"lag\":{lag}{user}}}");
            _ = lines.Append(line);
            bytes += Encoding.UTF8.GetByteCount(line);
        }

        return $"ok{lines}";
    }

    /// <summary>A user's id in JSON: it has no control characters.</summary>
    private static string Escape(string user) =>
        user.Replace("\\", "\\\\", StringComparison.Ordinal).Replace("\"", "\\\"", StringComparison.Ordinal);

    private static string Text(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
