using System.Globalization;
using System.Text;
using Appliance.Chat;
using Appliance.Config;
using Appliance.Protocols;

namespace Appliance.Moderation;

/// <summary>
/// A command of moderation, read: from the control queue or a client that may moderate.
/// <code>
/// ban WHOM [in ROOM] [for TIME] [because REASON]     unban WHOM [in ROOM]     WHOM: ADDRESS, NETWORK, user:ID or name:NAME
/// mute WHOM [in ROOM] [for TIME] [because REASON]    unmute WHOM [in ROOM]    TIME: 90, 90s, 15m, 12h or 30d
/// room NAME [slow=SECONDS] [read-only] [locked] [closed]  all that is not named ends
/// room NAME open
/// </code>
/// </summary>
/// <param name="IsUndone">Whether the rule is removed.</param>
/// <param name="Rule">The rule; when it is removed only action, kind and subject count.</param>
public sealed record ModerationCommand(bool IsUndone, ModerationRule Rule)
{
    /// <summary>Longest time that a rule holds, other than for ever: ten years.</summary>
    public const int SecondsMax = 10 * 366 * 86_400;

    private const string In = "in";
    private const string For = "for";
    private const string Because = "because";
    private const string Open = "open";
    private const string UserPrefix = "user:";
    private const string NamePrefix = "name:";
    private const string NoRoom = "a room's name has only letters, digits and -_., 64 at most";

    /// <summary>Reads a command; null when it is none, with the reason in words.</summary>
    /// <param name="word">Its first word.</param>
    /// <param name="arguments">What stands behind it.</param>
    /// <param name="unixSeconds">The time.</param>
    /// <param name="wrong">What is wrong.</param>
    public static ModerationCommand? Read(string word, string arguments, long unixSeconds, out string wrong)
    {
        if (word == "room")
        {
            return ReadRoom(arguments, unixSeconds, out wrong);
        }

        bool isUndone = word.StartsWith("un", StringComparison.Ordinal);
        var action = word.EndsWith("ban", StringComparison.Ordinal) ? RuleAction.Ban : RuleAction.Mute;
        var (whom, rest) = SplitSubject(arguments);
        var subject = ReadSubject(whom, out wrong);
        if (subject is not { } found)
        {
            return null;
        }

        string room = "";
        if (CommandText.Split(rest) is (In, var behind))
        {
            (room, rest) = CommandText.Split(behind);
            if (!RoomName.IsValid(Encoding.UTF8.GetBytes(room)))
            {
                wrong = NoRoom;
                return null;
            }
        }

        long until = 0;
        if (!isUndone && CommandText.Split(rest) is (For, var time))
        {
            (string duration, rest) = CommandText.Split(time);
            if (ReadSeconds(duration) is not { } seconds)
            {
                wrong = $"{PrintableText.Quote(duration)} is no time: 90, 90s, 15m, 12h or 30d, ten years at most";
                return null;
            }

            until = unixSeconds + seconds;
        }

        var (because, reason) = CommandText.Split(rest);
        wrong = rest.Length > 0 && (isUndone || because != Because) ? $"expected: {word} WHOM [in ROOM]{(isUndone ? "" : " [for TIME] [because REASON]")}"
            : FaultOfReason(reason);
        var rule = new ModerationRule(action, found.Kind, found.Subject, until, unixSeconds, reason, room);
        wrong = wrong.Length > 0 ? wrong : FaultOf(rule);
        return wrong.Length > 0 ? null : new ModerationCommand(isUndone, rule);
    }

    /// <summary>Seconds of a time as people write it; null for what is none.</summary>
    public static long? ReadSeconds(string text)
    {
        var (digits, unit) = text.Length == 0 ? (text, 1) : text[^1] switch
        {
            's' => (text[..^1], 1),
            'm' => (text[..^1], 60),
            'h' => (text[..^1], 3600),
            'd' => (text[..^1], 86_400),
            _ => (text, 1),
        };
        return long.TryParse(digits, NumberStyles.None, CultureInfo.InvariantCulture, out long number) && number > 0 && number <= SecondsMax / unit
            ? number * unit
            : null;
    }

    /// <summary>What is wrong with a reason; empty for nothing.</summary>
    internal static string FaultOfReason(string reason) =>
        Encoding.UTF8.GetByteCount(reason) > ModerationRule.ReasonBytesMax ? $"a reason has at most {ModerationRule.ReasonBytesMax} bytes"
        : !IsLine(reason) ? "a reason must not contain control characters"
        : "";

    /// <summary>What is wrong with a rule whose parts are right; empty for nothing.</summary>
    internal static string FaultOf(ModerationRule rule) => rule.Fits ? ""
        : $"a rule has at most {ModerationRule.LineBytesMax} bytes: shorten the reason";

    /// <summary>What is wrong with a user or name; empty for nothing.</summary>
    internal static string FaultOfSubject(string subject) =>
        string.IsNullOrWhiteSpace(subject) || !IsLine(subject) || Encoding.UTF8.GetByteCount(subject) > ModerationRule.SubjectBytesMax
            ? $"a user or name is a text of at most {ModerationRule.SubjectBytesMax} bytes"
            : "";

    private static ModerationCommand? ReadRoom(string arguments, long unixSeconds, out string wrong)
    {
        var (room, words) = CommandText.Split(arguments);
        room = room.StartsWith('@') ? room[1..] : room;
        bool isName = RoomName.IsValid(Encoding.UTF8.GetBytes(room));
        var state = words == Open ? default(RoomState) : RoomState.Read(words);
        wrong = !isName ? NoRoom
            : state is null || words.Length == 0
                ? $"expected: room NAME [slow=SECONDS] [read-only] [locked] [closed], or room NAME open; SECONDS up to {RoomState.SlowSecondsMax}"
            : "";
        return wrong.Length > 0 ? null : new ModerationCommand(
            state!.Value.IsOpen, new ModerationRule(RuleAction.Room, RuleSubject.Room, room, 0, unixSeconds, state.Value.ToString()));
    }

    /// <summary>A subject in quotes may contain blanks: <c>name:"Ann B."</c>.</summary>
    private static (string Subject, string Behind) SplitSubject(string text)
    {
        int quote = text.StartsWith(UserPrefix, StringComparison.Ordinal) || text.StartsWith(NamePrefix, StringComparison.Ordinal) ? NamePrefix.Length : -1;
        int end = quote > 0 && quote < text.Length && text[quote] == '"' ? text.IndexOf('"', quote + 1) : -1;
        return end < 0 ? CommandText.Split(text) : ($"{text[..quote]}{text[(quote + 1)..end]}", text[(end + 1)..].Trim());
    }

    private static (RuleSubject Kind, string Subject)? ReadSubject(string text, out string wrong)
    {
        wrong = "";
        bool isUser = text.StartsWith(UserPrefix, StringComparison.Ordinal);
        if (isUser || text.StartsWith(NamePrefix, StringComparison.Ordinal))
        {
            string subject = text[NamePrefix.Length..];
            wrong = FaultOfSubject(subject);
            return wrong.Length > 0 ? null : (isUser ? RuleSubject.User : RuleSubject.Name, subject);
        }

        if (NetworkList.None.TryAdd(text, out var networks) is { } fault)
        {
            wrong = $"{PrintableText.Quote(text)} {fault}, or user:ID, or name:NAME";
            return null;
        }

        return (RuleSubject.Network, networks.Networks[0]);
    }

    private static bool IsLine(string text) => !text.Any(letter => char.IsControl(letter) || letter is '\u2028' or '\u2029');
}
