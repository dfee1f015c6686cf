using System.Globalization;
using System.Text;
using Appliance.Config;
using Appliance.Protocols.Json;

namespace Appliance.Moderation;

/// <summary>What a request does with its rule.</summary>
public enum ModerationStep
{
    /// <summary>The rule holds from now on.</summary>
    Add,

    /// <summary>It ends.</summary>
    Remove,

    /// <summary>Whom it concerns is closed once, and may come back.</summary>
    Kick,

    /// <summary>The text of a message of the room is deleted; its id stands where the rule has since when it holds.</summary>
    Delete,
}

/// <summary>
/// What a client that may moderate its room asks for, <c>{"type":"moderate","action":"mute","user":"u7","seconds":600}</c> (docs/protocol.md). It
/// travels from its worker to whoever changes the rules as a step, a tab and the rule's line.
/// </summary>
/// <param name="Step">What is done with the rule.</param>
/// <param name="Rule">The rule, of the client's room or of all.</param>
public sealed record ModerationRequest(ModerationStep Step, ModerationRule Rule)
{
    private const string TextMark = "\"";

    private static readonly (string Name, RuleSubject Kind)[] Subjects =
        [("user", RuleSubject.User), ("name", RuleSubject.Name), ("address", RuleSubject.Network)];

    private static readonly string[] Steps = ["add", "remove", "kick", "delete"];

    /// <summary>What the client called it.</summary>
    public string Action => Step is ModerationStep.Kick or ModerationStep.Delete ? Steps[(int)Step]
        : Step == ModerationStep.Remove && Rule.Action != RuleAction.Room ? $"un{Rule.ActionWord}"
        : Rule.ActionWord;

    /// <summary>It as it travels.</summary>
    public string Line => $"{Steps[(int)Step]}\t{Rule.Line}";

    /// <summary>For the log: <c>mute user:u7 in lobby until 1795347288 because loud</c>.</summary>
    public override string ToString() => Step == ModerationStep.Delete
        ? string.Create(CultureInfo.InvariantCulture, $"delete {Rule.SinceSeconds} in {Rule.Subject}")
        : string.Create(
        CultureInfo.InvariantCulture,
        $"{Action} {(Rule.Action == RuleAction.Room ? "" : $"{Rule.KindWord}:")}{Rule.Subject}{(Rule.Room.Length > 0 ? $" in {Rule.Room}" : "")}")
        + (Rule.UntilSeconds > 0 ? string.Create(CultureInfo.InvariantCulture, $" until {Rule.UntilSeconds}") : "")
        + (Rule.Reason.Length > 0 ? $"{(Rule.Action == RuleAction.Room ? "" : " because")} {Rule.Reason}" : "");

    /// <summary>A request as it travels; null for none.</summary>
    public static ModerationRequest? OfLine(string line)
    {
        int tab = line.IndexOf('\t', StringComparison.Ordinal);
        int step = tab < 0 ? -1 : Array.IndexOf(Steps, line[..tab]);
        return step >= 0 && ModerationRule.Read(line[(tab + 1)..]) is { } rule ? new ModerationRequest((ModerationStep)step, rule) : null;
    }

    /// <summary>Whether a message is one, whatever else is wrong with it.</summary>
    /// <param name="json">Valid UTF-8.</param>
    /// <param name="scratch">At least as long.</param>
    /// <param name="members">Its members; of two with one name the last counts.</param>
    internal static bool TryReadMembers(ReadOnlySpan<byte> json, Span<byte> scratch, out Dictionary<string, string> members)
    {
        members = new Dictionary<string, string>(StringComparer.Ordinal);
        var reader = new JsonReader(json, scratch);
        bool sound = reader.TryTake('{');
        for (bool more = sound && !reader.NextIs('}'); more; more = sound && reader.TryTake(','))
        {
            sound = reader.TryReadString(out var name) && reader.TryTake(':');
            bool isText = sound && reader.NextIs('"');
            ReadOnlySpan<byte> value = default;
            sound = sound && (isText ? reader.TryReadString(out value) : reader.TryReadValue(out value));
            if (sound)
            {
                // A text keeps a mark, so that "5" and 5 can be told apart.
                members[Encoding.UTF8.GetString(name)] = (isText ? TextMark : "") + Encoding.UTF8.GetString(value);
            }
        }

        return sound && reader.TryTake('}') && reader.IsAtEnd && reader.IsText && members.GetValueOrDefault("type") == $"{TextMark}moderate";
    }

    /// <summary>Whether a client asks for something in all rooms, for which it needs the right there.</summary>
    internal static bool IsEverywhere(IReadOnlyDictionary<string, string> members) => members.GetValueOrDefault("everywhere") == "true";

    /// <summary>Reads a request of a client; null when it is wrong, with the reason in words.</summary>
    /// <param name="members">Its members.</param>
    /// <param name="room">The client's room.</param>
    /// <param name="unixSeconds">The time.</param>
    /// <param name="wrong">What is wrong.</param>
    internal static ModerationRequest? Read(IReadOnlyDictionary<string, string> members, string room, long unixSeconds, out string wrong)
    {
        string action = TextOf(members, "action") ?? "";
        if (action == "room")
        {
            return ReadRoom(members, room, unixSeconds, out wrong);
        }

        if (action == "delete")
        {
            string id = TextOf(members, "id") ?? "";
            bool isId = long.TryParse(id, NumberStyles.None, CultureInfo.InvariantCulture, out long number) && !IsEverywhere(members);
            wrong = isId ? "" : "id is that of a message of the room, as a text.";
            return isId ? new ModerationRequest(ModerationStep.Delete, new ModerationRule(RuleAction.Room, RuleSubject.Room, room, 0, number, "")) : null;
        }

        ModerationStep? step = action is "ban" or "mute" ? ModerationStep.Add
            : action is "unban" or "unmute" ? ModerationStep.Remove
            : action == "kick" ? ModerationStep.Kick
            : null;
        if (step is not { } known)
        {
            wrong = "action is kick, ban, unban, mute, unmute, delete or room.";
            return null;
        }

        var found = ReadSubject(members, out wrong);
        string reason = TextOf(members, "reason") ?? "";
        long seconds = 0;
        wrong = wrong.Length > 0 ? wrong
            : known == ModerationStep.Kick && found.Kind == RuleSubject.Name ? "kick takes a user or an address: a name belongs to nobody."
            : members.ContainsKey("seconds") && !TryReadNumber(members, "seconds", 1, ModerationCommand.SecondsMax, out seconds)
                ? string.Create(CultureInfo.InvariantCulture, $"seconds is a number from 1 to {ModerationCommand.SecondsMax}.")
            : members.ContainsKey("reason") && TextOf(members, "reason") is null ? "reason is a text."
            : ModerationCommand.FaultOfReason(reason);
        long until = known == ModerationStep.Add && seconds > 0 ? unixSeconds + seconds : 0;
        var rule = new ModerationRule(
            action.EndsWith("mute", StringComparison.Ordinal) ? RuleAction.Mute : RuleAction.Ban,
            found.Kind, found.Subject, until, unixSeconds, known == ModerationStep.Remove ? "" : reason, IsEverywhere(members) ? "" : room);
        wrong = wrong.Length > 0 ? wrong : ModerationCommand.FaultOf(rule);
        return wrong.Length > 0 ? null : new ModerationRequest(known, rule);
    }

    private static ModerationRequest? ReadRoom(IReadOnlyDictionary<string, string> members, string room, long unixSeconds, out string wrong)
    {
        long slow = 0;
        wrong = IsEverywhere(members) ? "a room's state concerns one room."
            : members.ContainsKey("slow") && !TryReadNumber(members, "slow", 0, RoomState.SlowSecondsMax, out slow)
                ? string.Create(CultureInfo.InvariantCulture, $"slow is a number of seconds up to {RoomState.SlowSecondsMax}.")
            : Array.Exists(["read_only", "locked", "closed"], name => members.TryGetValue(name, out string? value) && value is not ("true" or "false"))
                ? "read_only, locked and closed are true or false."
            : "";
        var state = new RoomState((int)slow, Holds(members, "read_only"), Holds(members, "locked"), Holds(members, "closed"));
        return wrong.Length > 0 ? null : new ModerationRequest(
            state.IsOpen ? ModerationStep.Remove : ModerationStep.Add,
            new ModerationRule(RuleAction.Room, RuleSubject.Room, room, 0, unixSeconds, state.ToString()));
    }

    private static (RuleSubject Kind, string Subject) ReadSubject(IReadOnlyDictionary<string, string> members, out string wrong)
    {
        var named = Array.FindAll(Subjects, kind => members.ContainsKey(kind.Name));
        string? subject = named.Length == 1 ? TextOf(members, named[0].Name) : null;
        if (subject is null)
        {
            wrong = "one of user, name and address says who is meant, as a text.";
            return default;
        }

        if (named[0].Kind != RuleSubject.Network)
        {
            wrong = ModerationCommand.FaultOfSubject(subject);
            return (named[0].Kind, subject);
        }

        wrong = NetworkList.None.TryAdd(subject, out var networks) is null ? "" : "address is an address or a network: 192.0.2.7, 2001:db8::/64.";
        return (RuleSubject.Network, wrong.Length > 0 ? "" : networks.Networks[0]);
    }

    private static string? TextOf(IReadOnlyDictionary<string, string> members, string name) =>
        members.TryGetValue(name, out string? value) && value.StartsWith(TextMark, StringComparison.Ordinal) ? value[TextMark.Length..] : null;

    private static bool Holds(IReadOnlyDictionary<string, string> members, string name) => members.GetValueOrDefault(name) == "true";

    private static bool TryReadNumber(IReadOnlyDictionary<string, string> members, string name, long least, long most, out long number) =>
        long.TryParse(members[name], NumberStyles.None, CultureInfo.InvariantCulture, out number) && number >= least && number <= most;
}
