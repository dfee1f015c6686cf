using Appliance.Protocols.Json;

namespace Appliance.Chat;

/// <summary>What a client said: UTF-8 spans into the message or into the scratch memory it was read with.</summary>
public readonly ref struct ChatInput
{
    /// <summary>Longest text that may be a heartbeat.</summary>
    private const int PingBytesMax = 128;

    /// <summary>The default colour, for whatever is not one.</summary>
    public static ReadOnlySpan<byte> DefaultColor => "#000000"u8;

    /// <summary>What kind of message it calls itself; empty for none. Only <c>ping</c> means something.</summary>
    public ReadOnlySpan<byte> Type { get; init; }

    /// <summary>Name of the sender; not blank.</summary>
    public ReadOnlySpan<byte> Name { get; init; }

    /// <summary>The sender's id for the application; empty when nobody vouches for one.</summary>
    public ReadOnlySpan<byte> User { get; init; }

    /// <summary>The message; not blank.</summary>
    public ReadOnlySpan<byte> Message { get; init; }

    /// <summary><c>#rgb</c> or <c>#rrggbb</c>.</summary>
    public ReadOnlySpan<byte> Color { get; init; }

    /// <summary>The room, for senders that are in none; empty when none is named.</summary>
    public ReadOnlySpan<byte> Room { get; init; }

    /// <summary>
    /// Reads <c>{"message":…,"name":…,"color":…,"room":…}</c>; other members are passed over, and of two with one name the last counts, as in
    /// JavaScript.
    /// </summary>
    /// <param name="json">Valid UTF-8.</param>
    /// <param name="scratch">At least as long as <paramref name="json"/>.</param>
    /// <param name="limits">Longest name and message.</param>
    /// <param name="input">The message, when it is one.</param>
    /// <param name="fromOperator">Whether it may have a name that is the server's own.</param>
    /// <param name="user">The sender's id, if somebody vouches for it.</param>
    /// <param name="givenName">The name that it has, whatever the message says; empty when that counts.</param>
    public static ChatRefusal Read(
        ReadOnlySpan<byte> json, Span<byte> scratch, in ChatLimits limits, out ChatInput input, bool fromOperator = false,
        ReadOnlySpan<byte> user = default, ReadOnlySpan<byte> givenName = default)
    {
        input = default;
        var reader = new JsonReader(json, scratch);
        if (!reader.TryTake('{'))
        {
            return ChatRefusal.BadJson;
        }

        var name = default(ReadOnlySpan<byte>);
        var message = default(ReadOnlySpan<byte>);
        var color = default(ReadOnlySpan<byte>);
        var room = default(ReadOnlySpan<byte>);
        var type = default(ReadOnlySpan<byte>);
        bool more = !reader.TryTake('}');
        while (more)
        {
            if (!reader.TryReadString(out var member) || !reader.TryTake(':'))
            {
                return ChatRefusal.BadJson;
            }

            var target = member.SequenceEqual("name"u8) ? Member.Name
                : member.SequenceEqual("message"u8) ? Member.Message
                : member.SequenceEqual("color"u8) ? Member.Color
                : member.SequenceEqual("room"u8) ? Member.Room
                : member.SequenceEqual("type"u8) ? Member.Type
                : Member.Other;
            if (!TryReadValue(ref reader, target != Member.Other, out var value))
            {
                return ChatRefusal.BadJson;
            }

            name = target == Member.Name ? value : name;
            message = target == Member.Message ? value : message;
            color = target == Member.Color ? value : color;
            room = target == Member.Room ? value : room;
            type = target == Member.Type ? value : type;
            more = reader.TryTake(',');
            if (!more && !reader.TryTake('}'))
            {
                return ChatRefusal.BadJson;
            }
        }

        if (!reader.IsAtEnd || !reader.IsText)
        {
            return ChatRefusal.BadJson;
        }

        input = new ChatInput
        {
            Name = givenName.IsEmpty ? name : givenName,
            User = user,
            Message = message,
            Color = IsColor(color) ? color : DefaultColor,
            Room = room,
            Type = type,
        };
        return input.Check(limits, fromOperator);
    }

    /// <summary>
    /// Whether a text is a heartbeat, <c>{"type":"ping"}</c>: a client checks the connection with it, because a browser hides the
    /// protocol's pings from scripts.
    /// </summary>
    public static bool IsPing(ReadOnlySpan<byte> json, Span<byte> scratch) =>
        json.Length <= PingBytesMax && (json.IndexOf("\"ping\""u8) >= 0 || json.IndexOf("\\u00"u8) >= 0)
        && Read(json, scratch, default, out var input) != ChatRefusal.BadJson && input.Type.SequenceEqual("ping"u8);

    /// <summary>Whether name and message are there, short enough, and of characters that can be seen.</summary>
    public ChatRefusal Check(in ChatLimits limits, bool fromOperator) =>
        ChatText.IsBlank(Name) || ChatText.IsBlank(Message) ? ChatRefusal.BadMessage
        : IsLonger(Name, limits.NameMax) || IsLonger(Message, limits.MessageMax) ? ChatRefusal.TooLong
        : ChatText.HasRefused(Name, isName: true) || ChatText.HasRefused(Message, isName: false) ? ChatRefusal.BadCharacter
        : ChatText.HasUnseenBehindLetter(Name) ? ChatRefusal.BadCharacter
        : !fromOperator && (ReservedNames.Contains(Name) || limits.Reserved?.Contains(Name) == true) ? ChatRefusal.ReservedName
        : ChatRefusal.None;

    /// <summary>Whether a text is <c>#rgb</c> or <c>#rrggbb</c>.</summary>
    public static bool IsColor(ReadOnlySpan<byte> text)
    {
        bool color = text.Length is 4 or 7 && text[0] == (byte)'#';
        for (int i = 1; color && i < text.Length; i++)
        {
            color = char.IsAsciiHexDigit((char)text[i]);
        }

        return color;
    }

    /// <summary>A value that is no string counts as an empty one: name and message are then refused, a colour is the default one.</summary>
    private static bool TryReadValue(scoped ref JsonReader reader, bool wanted, scoped out ReadOnlySpan<byte> value)
    {
        value = default;
        return wanted && reader.NextIs('"') ? reader.TryReadString(out value) : reader.TrySkipValue();
    }

    private static bool IsLonger(ReadOnlySpan<byte> text, int characters) => text.Length > characters && CountCharacters(text) > characters;

    /// <summary>Code points of valid UTF-8: the bytes that do not continue one.</summary>
    private static int CountCharacters(ReadOnlySpan<byte> text)
    {
        int count = 0;
        foreach (byte value in text)
        {
            count += (value & 0xC0) != 0x80 ? 1 : 0;
        }

        return count;
    }

    private enum Member
    {
        Other,
        Name,
        Message,
        Color,
        Room,
        Type,
    }
}
