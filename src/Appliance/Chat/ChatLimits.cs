namespace Appliance.Chat;

/// <summary>What a chat message may be; the defaults are those of the chat form.</summary>
/// <param name="NameMax">Longest name, in Unicode code points.</param>
/// <param name="MessageMax">Longest message, in Unicode code points.</param>
public readonly record struct ChatLimits(int NameMax, int MessageMax)
{
    /// <summary>Most of either that settings allow; they also ask for rooms that hold what is encoded.</summary>
    public const int CharactersMax = 10_000;

    /// <summary>Names that are not for clients to choose, beside the server's own; null for none.</summary>
    public NameSet? Reserved { get; init; }

    /// <summary>Of a code point: six bytes for an escaped control character, four for the longest UTF-8.</summary>
    public const int BytesPerCharacterMax = 6;

    /// <summary>Largest encoded message, its frame header included.</summary>
    public int EncodedBytesMax => ((NameMax + MessageMax) * BytesPerCharacterMax) + ChatEncoder.FixedBytesMax;
}

/// <summary>Why something a client sent is not passed on.</summary>
public enum ChatRefusal
{
    /// <summary>Nothing is wrong.</summary>
    None,

    /// <summary>Not a JSON object.</summary>
    BadJson,

    /// <summary>JSON, but without a name and a message that are texts and not blank.</summary>
    BadMessage,

    /// <summary>Name or message is longer than allowed.</summary>
    TooLong,

    /// <summary>More messages a second than allowed.</summary>
    TooFast,

    /// <summary>The sender's token does not let it write to the room.</summary>
    Forbidden,

    /// <summary>A token that does not renew the connection's.</summary>
    BadToken,

    /// <summary>An operator has muted the sender.</summary>
    Muted,

    /// <summary>Nobody may write to the room.</summary>
    ReadOnly,

    /// <summary>The room is slow, and the sender's last message is not long ago.</summary>
    TooSoon,

    /// <summary>A request to moderate that is malformed, or cannot be carried out.</summary>
    BadModeration,

    /// <summary>The name is somebody else's.</summary>
    NameTaken,

    /// <summary>A control or format character; one of the kinds of <see cref="BadMessage"/>.</summary>
    BadCharacter,

    /// <summary>A name that is the server's own; one of the kinds of <see cref="BadMessage"/>.</summary>
    ReservedName,

    /// <summary>Nobody may write under the name; counted as <see cref="Muted"/>, and the connection is closed.</summary>
    Banned,
}

/// <summary>How clients and figures see a refusal.</summary>
public static class ChatRefusals
{
    /// <summary>The kind that it is counted as, and that its code names.</summary>
    public static ChatRefusal KindOf(ChatRefusal refusal) =>
        refusal is ChatRefusal.BadCharacter or ChatRefusal.ReservedName ? ChatRefusal.BadMessage
        : refusal is ChatRefusal.Banned ? ChatRefusal.Muted
        : refusal;
}
