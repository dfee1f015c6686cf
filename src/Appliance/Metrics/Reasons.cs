namespace Appliance.Metrics;

/// <summary>Why a request was rejected, by HTTP or at the handshake.</summary>
public enum RejectReason
{
    /// <summary>Not HTTP, or HTTP that no honest client writes: 400.</summary>
    Malformed,

    /// <summary>A major version other than 1: 505.</summary>
    HttpVersion,

    /// <summary>Request line and headers are too long: 431.</summary>
    HeadTooLarge,

    /// <summary>A body that nothing takes: 413.</summary>
    Body,

    /// <summary>No whole request in time: 408.</summary>
    Timeout,

    /// <summary>A method that is not served: 405.</summary>
    Method,

    /// <summary>There is nothing at the path: 404.</summary>
    NotFound,

    /// <summary>Headers of a handshake are missing or wrong: 400.</summary>
    Handshake,

    /// <summary>Sec-WebSocket-Version is not 13: 426.</summary>
    WebSocketVersion,

    /// <summary>A bad room name, id or number in the query: 400.</summary>
    Parameter,

    /// <summary>All rooms are taken: 403.</summary>
    RoomsFull,

    /// <summary>All places for clients are taken, or all memory for rooms: 503.</summary>
    Full,

    /// <summary>No PROXY header where there must be one: closed without an answer.</summary>
    Proxy,

    /// <summary>A page of another site: 403.</summary>
    Origin,

    /// <summary>A token is missing, or is not good: 401.</summary>
    Token,

    /// <summary>The token does not let its user read the room: 403.</summary>
    Forbidden,

    /// <summary>An operator has banned the address or user: 403.</summary>
    Banned,

    /// <summary>An operator has locked or closed the room: 403.</summary>
    RoomLocked,

    /// <summary>An address has all connections that it may have: 429.</summary>
    AddressConnections,

    /// <summary>An address shakes hands too often: 429.</summary>
    AddressHandshakes,

    /// <summary>An address makes rooms too often: 429.</summary>
    AddressRooms,

    /// <summary>The back end of <c>--auth ask</c> answers 401.</summary>
    AuthUnauthorized,

    /// <summary>The back end answers 403.</summary>
    AuthForbidden,

    /// <summary>The back end does not answer, or not so that it can be understood: 503.</summary>
    AuthUnavailable,

    /// <summary>Somebody else has the name that a token gives: 409.</summary>
    NameTaken,
}

/// <summary>The words for reasons, in their order.</summary>
public static class RejectReasons
{
    /// <summary>A word for each.</summary>
    public static IReadOnlyList<string> All { get; } =
    [
        "malformed", "http_version", "head_too_large", "body", "timeout", "method", "not_found", "handshake", "websocket_version",
        "parameter", "rooms_full", "connections_full", "proxy", "origin", "token", "forbidden", "banned", "room_locked",
        "address_connections", "address_handshakes", "address_rooms", "auth_unauthorized", "auth_forbidden", "auth_unavailable",
        "name_taken",
    ];
}

/// <summary>How WebSockets end: the close codes that are told apart (RFC 6455, 7.4), the rest summed up.</summary>
public static class CloseKinds
{
    private const int Abnormal = 1006;

    /// <summary>A word for each: the code, or the range.</summary>
    public static IReadOnlyList<string> All { get; } =
        ["1000", "1001", "1002", "1003", "1005", "1006", "1007", "1008", "1009", "1011", "1012", "1013", "3xxx", "4xxx", "other", "4401"];

    /// <summary>The place of a code among the words; 0 stands for an end without a close frame.</summary>
    public static int PlaceOf(int code) => code switch
    {
        0 => PlaceOf(Abnormal),
        >= 1000 and <= 1003 => code - 1000,
        >= 1005 and <= 1009 => code - 1001,
        >= 1011 and <= 1013 => code - 1002,
        >= 3000 and < 4000 => 12,
        4401 => 15,
        >= 4000 and < 5000 => 13,
        _ => 14,
    };
}

/// <summary>Why a text was no chat message: the codes of the chat protocol's errors, without <c>None</c> in their order.</summary>
public static class RefusedMessages
{
    /// <summary>A word for each.</summary>
    public static IReadOnlyList<string> All { get; } =
        [
            "bad_json", "bad_message", "too_long", "too_fast", "forbidden", "bad_token", "muted", "read_only", "slow_mode", "bad_moderation", "name_taken",
        ];
}
