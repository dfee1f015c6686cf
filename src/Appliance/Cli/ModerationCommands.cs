using System.CommandLine;
using System.Globalization;

namespace Appliance.Cli;

/// <summary>Commands of moderation: <c>ban</c>, <c>unban</c>, <c>mute</c>, <c>unmute</c>, <c>bans</c>, <c>room</c>, <c>delete</c>.</summary>
internal static class ModerationCommands
{
    private const string Whom = "WHOM";

    private static readonly Option<string?> Time = new("--for") { Description = "how long: 90s, 15m, 12h, 30d [for ever]", HelpName = "TIME" };

    private static readonly Option<string?> Reason = new("--reason") { Description = "why, for whom it concerns; 80 bytes at most", HelpName = "TEXT" };

    private static readonly Option<string> Room = new("--room") { Description = "the room [lobby]", HelpName = "R", DefaultValueFactory = _ => "lobby" };

    private static readonly Option<string?> OnlyIn = new("--room") { Description = "only in this room [in all]", HelpName = "ROOM" };

    private static readonly Option<string?> Slow =
        new("--slow") { Description = "seconds between two messages of a connection", HelpName = "SECONDS" };

    private static readonly Option<bool> ReadOnly = Switch("--read-only", "nobody may write");

    private static readonly Option<bool> Lock = Switch("--lock", "nobody may join");

    private static readonly Option<bool> Close = Switch("--close", "nobody may be in it: its clients are closed");

    private static readonly Option<bool> Open = Switch("--open", "everything may be done again");

    /// <summary><c>ban WHOM [--room ROOM] [--for TIME] [--reason TEXT]</c></summary>
    public static Command MakeBan() => MakeRule("ban");

    /// <summary><c>mute WHOM [--room ROOM] [--for TIME] [--reason TEXT]</c></summary>
    public static Command MakeMute() => MakeRule("mute");

    /// <summary><c>unban WHOM [--room ROOM]</c></summary>
    public static Command MakeUnban() => MakeUndo("unban");

    /// <summary><c>unmute WHOM [--room ROOM]</c></summary>
    public static Command MakeUnmute() => MakeUndo("unmute");

    /// <summary><c>bans [--json]</c></summary>
    public static Command MakeBans() => ControlCommands.MakeList("bans", (rule, json) =>
    [
        new("action", rule.Text("action")),
        new("kind", rule.Text("kind")),
        new("subject", rule.Text("subject")),
        new("until", json ? rule.Number("until") : rule.Number("until") == 0 ? "-" : ControlCommands.LocalTime(rule.Number("until") * 1000)),
        new("since", json ? rule.Number("since") : ControlCommands.LocalTime(rule.Number("since") * 1000)),
        new("reason", rule.Text("reason")),
        new("room", rule.Text("room")),
    ]);

    /// <summary><c>room NAME [--slow SECONDS] [--read-only] [--lock] [--close] [--open]</c>; without an option it prints the state.</summary>
    public static Command MakeRoom()
    {
        var name = new Argument<string>("NAME");
        var command = new ActionCommand("room") { name, Slow, ReadOnly, Lock, Close, Open };
        command.SetAction(parsed =>
        {
            string room = parsed.GetValue(name)!;
            List<string> words = [];
            foreach (var (option, word) in new[] { (ReadOnly, "read-only"), (Lock, "locked"), (Close, "closed"), (Open, "open") })
            {
                if (parsed.GetValue(option))
                {
                    words.Add(word);
                }
            }

            if (parsed.GetValue(Slow) is { } seconds)
            {
                words.Insert(0, $"slow={seconds}");
            }

            var client = ControlClient.Open("room", parsed);
            if (words.Count == 0)
            {
                var rule = client.AskForList("bans").FirstOrDefault(rule => rule.Text("kind") == "room" && rule.Text("subject") == room);
                StandardOutput.Out.WriteLine(rule?.Text("reason") ?? "open");
                return ExitCode.Fine;
            }

            Tell(client.Ask($"room {room} {string.Join(' ', words)}").Word);
            return ExitCode.Fine;
        });
        return command;
    }

    /// <summary><c>delete ID [--room R]</c></summary>
    public static Command MakeDelete()
    {
        var id = new Argument<string>("ID");
        var command = new ActionCommand("delete") { id, Room };
        command.SetAction(parsed =>
        {
            _ = ControlClient.Open("delete", parsed).Ask($"delete @{parsed.GetValue(Room)} {parsed.GetValue(id)}");
            return ExitCode.Fine;
        });
        return command;
    }

    private static ActionCommand MakeRule(string word)
    {
        var whom = new Argument<string>(Whom);
        var command = new ActionCommand(word) { whom, OnlyIn, Time, Reason };
        command.SetAction(parsed =>
        {
            string time = parsed.GetValue(Time) is { } given ? $" for {given}" : "";
            string reason = parsed.GetValue(Reason) is { Length: > 0 } text ? $" because {text}" : "";
            Tell(ControlClient.Open(word, parsed).Ask($"{word} {Quote(parsed.GetValue(whom)!)}{In(parsed)}{time}{reason}").Word);
            return ExitCode.Fine;
        });
        return command;
    }

    private static ActionCommand MakeUndo(string word)
    {
        var whom = new Argument<string>(Whom);
        var command = new ActionCommand(word) { whom, OnlyIn };
        command.SetAction(parsed =>
        {
            _ = ControlClient.Open(word, parsed).Ask($"{word} {Quote(parsed.GetValue(whom)!)}{In(parsed)}");
            return ExitCode.Fine;
        });
        return command;
    }

    private static string In(ParseResult parsed) => parsed.GetValue(OnlyIn) is { } room ? $" in {room}" : "";

    /// <summary>A user or name that has blanks in it.</summary>
    private static string Quote(string whom)
    {
        int colon = whom.IndexOf(':', StringComparison.Ordinal) + 1;
        return colon == "user:".Length && whom.Contains(' ', StringComparison.Ordinal) ? $"{whom[..colon]}\"{whom[colon..]}\"" : whom;
    }

    private static void Tell(string closed)
    {
        if (int.TryParse(closed, NumberStyles.None, CultureInfo.InvariantCulture, out int count) && count > 0)
        {
            StandardOutput.Out.WriteLine(count == 1 ? "1 client removed" : $"{count} clients removed");
        }
    }

    private static Option<bool> Switch(string name, string description) => new(name) { Arity = ArgumentArity.Zero, Description = description };
}
