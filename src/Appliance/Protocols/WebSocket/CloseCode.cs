namespace Appliance.Protocols.WebSocket;

/// <summary>The close codes this server sends (RFC 6455, 7.4.1; 1012 and 1013 from the IANA registry).</summary>
public enum CloseCode
{
    /// <summary>No close is meant.</summary>
    None = 0,

    /// <summary>The purpose is fulfilled.</summary>
    Normal = 1000,

    /// <summary>The server is stopping.</summary>
    GoingAway = 1001,

    /// <summary>The frame breaks the protocol.</summary>
    ProtocolError = 1002,

    /// <summary>A kind of data that the endpoint does not take: binary on the chat.</summary>
    UnsupportedData = 1003,

    /// <summary>Stands for a close frame without a code; never sent.</summary>
    NoStatus = 1005,

    /// <summary>A text that is not UTF-8.</summary>
    InvalidPayload = 1007,

    /// <summary>The client does what it was told not to do.</summary>
    PolicyViolation = 1008,

    /// <summary>The message is too large.</summary>
    MessageTooBig = 1009,

    /// <summary>The server cannot take this client now.</summary>
    TryAgainLater = 1013,

    /// <summary>The client's token has expired (of those for applications, RFC 6455, 7.4.2).</summary>
    TokenExpired = 4401,
}

/// <summary>Which codes may come in a close frame, and which ones this server sends.</summary>
public static class CloseCodes
{
    /// <summary>The codes that this server sends of its own accord, with the sentence that the manual has for each.</summary>
    public static IReadOnlyList<(CloseCode Code, string When)> Sent { get; } =
    [
        (CloseCode.GoingAway,
            "The server stops (the reason is \"server stops, retry in N ms\": reconnect after N milliseconds and resume), "
            + "or the client was silent for --timeout seconds."),
        (CloseCode.ProtocolError, "A frame breaks RFC 6455."),
        (CloseCode.UnsupportedData, "A binary message; the chat accepts only text."),
        (CloseCode.InvalidPayload, "A text that is not UTF-8."),
        (CloseCode.PolicyViolation,
            "Too many messages: three times too_fast within ten seconds. Or an operator's kick (the reason is \"removed by an operator\")."),
        (CloseCode.MessageTooBig, "A message longer than --max-frame, all its fragments together."),
        (CloseCode.TokenExpired, "The client's token has expired and was not renewed (the reason is \"token expired\"): connect again with another one."),
    ];

    /// <summary>Whether a peer may send this code: 1000 to 1014 but for those that stand for "none came", and 3000 to 4999.</summary>
    public static bool MayBeReceived(int code) => code is (>= 1000 and <= 1003) or (>= 1007 and <= 1014) or (>= 3000 and <= 4999);
}
