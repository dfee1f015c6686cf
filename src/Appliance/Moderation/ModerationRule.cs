using System.Globalization;
using System.Text;
using Appliance.Chat;

namespace Appliance.Moderation;

/// <summary>What a rule does.</summary>
public enum RuleAction
{
    /// <summary>Keeps somebody out.</summary>
    Ban,

    /// <summary>Lets somebody read and not write.</summary>
    Mute,

    /// <summary>Changes what may be done in a room.</summary>
    Room,
}

/// <summary>Whom a rule concerns.</summary>
public enum RuleSubject
{
    /// <summary>An address, or a network.</summary>
    Network,

    /// <summary>A user, by the <c>sub</c> of its token.</summary>
    User,

    /// <summary>Whoever writes under a name.</summary>
    Name,

    /// <summary>A room.</summary>
    Room,
}

/// <summary>
/// A ban, a mute, or the state of a room. Its text is one line, fields separated by tabs:
/// <c>ban|mute|room network|user|name|room SUBJECT UNTIL SINCE REASON [ROOM]</c>; times in seconds since 1970, UNTIL 0 for ever; of a room the reason is
/// its state, <see cref="RoomState"/>. A rule with ROOM holds in that room alone; an older release passes over it.
/// </summary>
/// <param name="Action">What it does.</param>
/// <param name="Kind">Whom it concerns.</param>
/// <param name="Subject">The network in its shortest form, user, name, or room.</param>
/// <param name="UntilSeconds">When it ends; 0: never.</param>
/// <param name="SinceSeconds">When it was made.</param>
/// <param name="Reason">Why, for whom it concerns; may be empty.</param>
/// <param name="Room">The only room in which it holds; empty for all.</param>
public sealed record ModerationRule(
    RuleAction Action, RuleSubject Kind, string Subject, long UntilSeconds, long SinceSeconds, string Reason, string Room = "")
{
    /// <summary>Longest subject: a user of a token has no longer name.</summary>
    public const int SubjectBytesMax = 128;

    /// <summary>Longest reason: with some words of ours it fits into a close frame.</summary>
    public const int ReasonBytesMax = 80;

    /// <summary>The longest line, its end included.</summary>
    public const int LineBytesMax = 256;

    private const int Fields = 6;

    private static readonly string[] Actions = ["ban", "mute", "room"];
    private static readonly string[] Kinds = ["network", "user", "name", "room"];

    /// <summary>The word for what it does.</summary>
    public string ActionWord => Actions[(int)Action];

    /// <summary>The word for whom it concerns.</summary>
    public string KindWord => Kinds[(int)Kind];

    /// <summary>Whether it still holds.</summary>
    public bool HoldsAt(long unixSeconds) => UntilSeconds == 0 || unixSeconds < UntilSeconds;

    /// <summary>Whether another rule does the same to the same: it takes this one's place.</summary>
    public bool IsSameAs(ModerationRule other) => Action == other.Action && Kind == other.Kind && Room == other.Room
        && string.Equals(Subject, other.Subject, Kind == RuleSubject.Name ? StringComparison.OrdinalIgnoreCase : StringComparison.Ordinal);

    /// <summary>The rules of a text; lines that are none are passed over: of damage only that is lost.</summary>
    public static List<ModerationRule> ReadAll(ReadOnlySpan<byte> text)
    {
        List<ModerationRule> rules = [];
        foreach (var range in text.Split((byte)'\n'))
        {
            if (Read(Encoding.UTF8.GetString(text[range])) is { } rule)
            {
                rules.Add(rule);
            }
        }

        return rules;
    }

    /// <summary>The text of rules.</summary>
    public static byte[] WriteAll(IEnumerable<ModerationRule> rules) => Encoding.UTF8.GetBytes(string.Concat(rules.Select(rule => rule.Line + "\n")));

    /// <summary>The rule as a line, without its end.</summary>
    public string Line => string.Create(
        CultureInfo.InvariantCulture,
        $"{ActionWord}\t{KindWord}\t{Subject}\t{UntilSeconds}\t{SinceSeconds}\t{Reason}{(Room.Length > 0 ? "\t" : "")}{Room}");

    /// <summary>Whether its line is short enough.</summary>
    public bool Fits => Encoding.UTF8.GetByteCount(Line) < LineBytesMax;

    /// <summary>The rule of a line; null for none.</summary>
    public static ModerationRule? Read(string line)
    {
        string[] fields = line.Split('\t');
        if (fields.Length is not (Fields or Fields + 1) || Encoding.UTF8.GetByteCount(line) >= LineBytesMax)
        {
            return null;
        }

        int action = Array.IndexOf(Actions, fields[0]);
        int kind = Array.IndexOf(Kinds, fields[1]);
        bool isRule = action >= 0 && kind >= 0 && fields[2].Length > 0 && (fields[0] == "room") == (fields[1] == "room");
        isRule &= long.TryParse(fields[3], NumberStyles.None, CultureInfo.InvariantCulture, out long until);
        isRule &= long.TryParse(fields[4], NumberStyles.None, CultureInfo.InvariantCulture, out long since);
        string room = fields.Length > Fields ? fields[Fields] : "";
        isRule &= fields.Length == Fields || (fields[0] != "room" && RoomName.IsValid(Encoding.UTF8.GetBytes(room)));
        return isRule ? new ModerationRule((RuleAction)action, (RuleSubject)kind, fields[2], until, since, fields[5], room) : null;
    }
}
