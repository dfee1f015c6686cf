using System.Buffers;
using System.CommandLine;
using System.Globalization;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using Appliance.Config;
using Appliance.Identity;

namespace Appliance.Cli;

/// <summary>Makes a token that <c>--auth jwt</c> lets in: for a trial, or a program that is nobody's browser.</summary>
internal static class TokenCommand
{
    private const int ExpiresDefault = 3600;

    private const int ExpiresMax = 10 * 366 * 86_400;

    private static readonly JsonWriterOptions JsonOptions = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    private static readonly Option<string?> Subject = new("--sub") { Description = "the user's id", HelpName = "USER" };

    private static readonly Option<string?> Name = new("--name") { Description = "the name that the user's messages carry", HelpName = "NAME" };

    private static readonly Option<string[]> Room = new("--room")
    {
        Description = "a room, or its beginning and *, with r (read), w (write), m (moderate); repeatable; without: read and write everywhere",
        HelpName = "R=rw",
    };

    private static readonly Option<string?> Expires = new("--expires") { Description = "how long it is valid [3600]", HelpName = "SECONDS" };

    private static readonly Option<string?> Info = new("--info") { Description = "what else there is to say of the user", HelpName = "JSON" };

    private static readonly Option<string?> Key = new("--auth-key") { Description = "the file of the secret [that of the configuration]", HelpName = "FILE" };

    /// <summary><c>token --sub USER</c></summary>
    public static Command Make()
    {
        var command = new ActionCommand("token") { Subject, Name, Room, Expires, Info, Key };
        command.SetAction(parsed =>
        {
            var settings = CommandLine.ReadSettings(parsed);
            string[] files = parsed.GetValue(Key) is { } file ? [Path.GetFullPath(file, CommandLine.StartDirectory)] : [.. settings.AuthKeyFiles];
            if (files.Length == 0)
            {
                throw CommandLine.Wrong("token: a secret is needed: --auth-key FILE, here or in the configuration file");
            }

            byte[] claims = WriteClaims(parsed, settings);
            var keys = KeySet.Unpack(KeyFile.Read(files));
            string token = TokenWriter.Write(keys, claims) ?? throw new IOException(
                "token: it is made with a secret (HS256), and --auth-key names only public keys: whoever has the private one signs");
            CheckAgain(token, keys, settings);
            StandardOutput.Out.WriteLine(token);
            return ExitCode.Fine;
        });
        return command;
    }

    /// <summary>What the server would refuse is not printed.</summary>
    private static void CheckAgain(string token, KeySet keys, Settings settings)
    {
        var rules = new TokenRules(settings.AuthAudience, settings.AuthIssuer, settings.AuthLeewaySeconds);
        var fault = new TokenReader(keys, rules).Read(Encoding.ASCII.GetBytes(token), DateTimeOffset.UtcNow.ToUnixTimeMilliseconds(), out _);
        if (fault != TokenFault.None)
        {
            throw CommandLine.Wrong($"token: {TokenFaults.Describe(fault)}");
        }
    }

    private static byte[] WriteClaims(ParseResult parsed, Settings settings)
    {
        var output = new ArrayBufferWriter<byte>();
        using var writer = new Utf8JsonWriter(output, JsonOptions);
        writer.WriteStartObject();
        writer.WriteString("sub", parsed.GetValue(Subject) ?? throw CommandLine.Wrong("token: --sub USER is needed: the user's id"));
        if (parsed.GetValue(Name) is { } name)
        {
            writer.WriteString("name", name);
        }

        if (parsed.GetValue(Room) is { Length: > 0 } rooms)
        {
            WriteRooms(writer, rooms);
        }

        if (parsed.GetValue(Info) is { } info)
        {
            WriteInfo(writer, info);
        }

        if (settings.AuthAudience.Length > 0)
        {
            writer.WriteString("aud", settings.AuthAudience);
        }

        if (settings.AuthIssuer.Length > 0)
        {
            writer.WriteString("iss", settings.AuthIssuer);
        }

        int seconds = NumberOptions.InRange(parsed, Expires!, 1, ExpiresMax) ?? ExpiresDefault;
        writer.WriteNumber("exp", DateTimeOffset.UtcNow.ToUnixTimeSeconds() + seconds);
        writer.WriteEndObject();
        writer.Flush();
        return output.WrittenSpan.ToArray();
    }

    private static void WriteRooms(Utf8JsonWriter writer, string[] rooms)
    {
        writer.WriteStartObject("rooms");
        foreach (string room in rooms)
        {
            int equals = room.LastIndexOf('=');
            string pattern = equals < 0 ? room : room[..equals];
            string letters = equals < 0 ? "rw" : room[(equals + 1)..];
            if (!RoomClaim.IsPattern(Encoding.UTF8.GetBytes(pattern)) || !RoomClaim.TryParse(Encoding.UTF8.GetBytes(letters), out _))
            {
                throw CommandLine.Wrong($"--room: '{room}' must be a room's name, or its beginning and *, then = and letters of rwm: team-*=rw");
            }

            writer.WriteString(pattern, letters);
        }

        writer.WriteEndObject();
    }

    private static void WriteInfo(Utf8JsonWriter writer, string info)
    {
        try
        {
            writer.WritePropertyName("info");
            writer.WriteRawValue(info);
        }
        catch (JsonException wrong)
        {
            throw CommandLine.Wrong(string.Create(CultureInfo.InvariantCulture, $"--info: must be JSON: {wrong.Message}"));
        }
    }
}
