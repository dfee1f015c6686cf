using System.CommandLine;
using System.Globalization;
using System.Text;
using System.Text.Json;
using Appliance.Native;
using Appliance.Protocols;

namespace Appliance.Cli;

/// <summary><c>history [--room R] [-n N] [--follow]</c>: what was said in a room, and with <c>--follow</c> what is being said.</summary>
internal static class HistoryCommand
{
    private const int DefaultCount = 50;

    /// <summary>How often a follower asks: ten times a second costs the server nothing that could be measured.</summary>
    private const int FollowMs = 100;

    private static readonly Option<string> Room = new("--room") { Description = "the room [lobby]", HelpName = "R", DefaultValueFactory = _ => "lobby" };

    private static readonly Option<string> Count = new("-n") { Description = "the last N messages [50]", HelpName = "N" };

    private static readonly Option<bool> Announcements =
        new("--announcements") { Arity = ArgumentArity.Zero, Description = "also print joins and leaves between them" };

    private static readonly Option<bool> Follow = new("--follow", "-f") { Arity = ArgumentArity.Zero, Description = "then print new messages as they come" };

    /// <summary>The command.</summary>
    public static Command Make()
    {
        var command = new ActionCommand("history") { Room, Count, Announcements, Follow, KeyOptions.Json };
        command.SetAction(Run);
        return command;
    }

    private static int Run(ParseResult parsed)
    {
        int count = NumberOptions.InRange(parsed, Count, 0, int.MaxValue) ?? DefaultCount;
        string room = parsed.GetValue(Room)!;
        bool follow = parsed.GetValue(Follow);
        bool json = parsed.GetValue(KeyOptions.Json);
        bool announcements = parsed.GetValue(Announcements);
        var client = ControlClient.Open("history", parsed);
        string which = string.Create(CultureInfo.InvariantCulture, $"last {count}");
        bool hasMore;
        do
        {
            (hasMore, string last, string[] lines) = client.Ask($"history @{room} {which}");
            foreach (string line in lines)
            {
                if (announcements || !IsAnnouncement(line))
                {
                    StandardOutput.Out.WriteLine(json ? line : Show(line));
                }
            }

            which = $"after {last}";
            if (follow && !hasMore)
            {
                Syscall.Rest(FollowMs);
            }
        }
        while (hasMore || follow);
        return ExitCode.Fine;
    }

    /// <summary><c>2026-11-25 22:40:01  ann: hello</c>; nothing that anybody says can steer a terminal.</summary>
    private static string Show(string line)
    {
        try
        {
            var message = JsonLine.Read(line);
            string time = message.Has("time") ? ControlCommands.LocalTime(message.Number("time")) : NoTime;
            string who = message.Has("name") ? $"{Printable(message.Text("name"))}:" : "*";

            if (message.Text("type") is "deleted" or "delete")
            {
                return $"{time}  * {(message.Has("deleted") ? $"message {Printable(message.Text("deleted"))} was deleted" : "deleted")}";
            }

            // In the place of a blank, where no name reaches: an operator said it.
            char mark = message.Has("from") ? '!' : ' ';
            return $"{time} {mark}{who} {Printable(message.Text("message"))}";
        }
        catch (Exception failure) when (failure is JsonException or InvalidOperationException or KeyNotFoundException or FormatException)
        {
            // What a former version wrote while its clock stood before 2001 was not JSON, and lies in the log for as long as that does.
            return $"{NoTime}  ? {Printable(line)}";
        }
    }

    private static string NoTime => new(' ', "yyyy-MM-dd HH:mm:ss".Length);

    /// <summary>Whether a line says that somebody came or went, or deleted something. The server writes its own messages, and begins each alike.</summary>
    private static bool IsAnnouncement(string line) =>
        line.StartsWith("{\"type\":\"system\"", StringComparison.Ordinal) || line.StartsWith("{\"type\":\"delete\"", StringComparison.Ordinal);

    private static string Printable(string text) => PrintableText.Escape(Encoding.UTF8.GetBytes(text));
}
