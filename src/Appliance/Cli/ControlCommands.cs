using System.Buffers;
using System.CommandLine;
using System.Globalization;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;

namespace Appliance.Cli;

/// <summary>Commands that the running server does for operators: <c>say</c>, <c>kick</c>, <c>clients</c>, <c>rooms</c>.</summary>
internal static class ControlCommands
{
    private static readonly Option<string?> Room = new("--room") { Description = "the room [lobby]", HelpName = "R" };

    private static readonly Option<string> Name =
        new("--name") { Description = "name of the sender [server]", HelpName = "N", DefaultValueFactory = _ => "server" };

    private static readonly Option<string?> Color = new("--color") { Description = "colour of the name, #rgb or #rrggbb", HelpName = "C" };

    private static readonly long UnixMsMin = DateTimeOffset.MinValue.ToUnixTimeMilliseconds();

    private static readonly long UnixMsMax = DateTimeOffset.MaxValue.ToUnixTimeMilliseconds();

    private static readonly JsonWriterOptions JsonOptions = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    /// <summary><c>say TEXT</c></summary>
    public static Command MakeSay()
    {
        var text = new Argument<string[]>("TEXT") { Arity = ArgumentArity.OneOrMore };
        var command = new ActionCommand("say") { text, Room, Name, Color };
        command.SetAction(parsed =>
        {
            string message = string.Join(' ', parsed.GetValue(text)!);
            message = message == "-" ? Encoding.UTF8.GetString(ValueSource.ReadStdin()).TrimEnd('\r', '\n') : message;
            _ = ControlClient.Open("say", parsed).Ask(ChatJson(message, parsed.GetValue(Name)!, parsed.GetValue(Color), parsed.GetValue(Room)));
            return ExitCode.Fine;
        });
        return command;
    }

    /// <summary><c>kick ID|IP|USER</c></summary>
    public static Command MakeKick()
    {
        var whom = new Argument<string>("ID|IP|USER");
        var command = new ActionCommand("kick") { whom };
        command.SetAction(parsed =>
        {
            var (_, count, _) = ControlClient.Open("kick", parsed).Ask($"kick {parsed.GetValue(whom)}");
            StandardOutput.Out.WriteLine(count == "1" ? "1 client removed" : $"{count} clients removed");
            return ExitCode.Fine;
        });
        return command;
    }

    /// <summary><c>clients [--json]</c></summary>
    public static Command MakeClients() => MakeList("clients", (client, json) =>
    [
        new("id", client.Text("id")),
        new("address", client.Text("address")),
        new("room", client.Text("room")),
        new("since", json ? client.Number("since") : LocalTime(client.Number("since") * 1000)),
        new("lag", client.Number("lag")),
        .. json && !client.Has("user") ? (Field[])[] : [new("user", client.Has("user") ? client.Text("user") : "-")],
    ]);

    /// <summary><c>rooms [--json]</c></summary>
    public static Command MakeRooms() => MakeList("rooms", (room, _) =>
    [
        new("room", room.Text("room")),
        new("clients", room.Number("clients")),
        new("messages", room.Number("messages")),
        new("bytes", room.Number("bytes")),
        new("last_id", room.Text("last_id")),
    ]);

    /// <summary>A time for people, in their zone; one beyond the years 1 to 9999 is shown as the next one within them.</summary>
    internal static string LocalTime(long unixMs) =>
        DateTimeOffset.FromUnixTimeMilliseconds(Math.Clamp(unixMs, UnixMsMin, UnixMsMax)).ToLocalTime()
            .ToString("yyyy-MM-dd HH:mm:ss", CultureInfo.InvariantCulture);

    internal static ActionCommand MakeList(string name, Func<JsonLine, bool, Field[]> describe)
    {
        var command = new ActionCommand(name) { KeyOptions.Json };
        command.SetAction(parsed =>
        {
            bool json = parsed.GetValue(KeyOptions.Json);
            FieldReport.PrintTable([.. ControlClient.Open(name, parsed).AskForList(name).Select(one => describe(one, json))], json);
            return ExitCode.Fine;
        });
        return command;
    }

    private static string ChatJson(string message, string name, string? color, string? room)
    {
        var output = new ArrayBufferWriter<byte>();
        using (var writer = new Utf8JsonWriter(output, JsonOptions))
        {
            writer.WriteStartObject();
            writer.WriteString("type", "usermsg");
            writer.WriteString("name", name);
            writer.WriteString("message", message);
            foreach (var (member, value) in new[] { ("color", color), ("room", room) })
            {
                if (value is not null)
                {
                    writer.WriteString(member, value);
                }
            }

            writer.WriteEndObject();
        }

        return Encoding.UTF8.GetString(output.WrittenSpan);
    }
}
