using System.Globalization;
using System.Text;
using System.Text.RegularExpressions;
using Appliance.SystemTests.Harness;
using static VerifyXunit.Verifier;

namespace Appliance.SystemTests;

/// <summary>A conversation byte for byte, as a snapshot: who changes the wire sees it here.</summary>
public sealed class TranscriptTests
{
    private readonly StringBuilder _transcript = new();
    private long? _firstId;

    [Fact]
    public async Task Conversation()
    {
        await using var server = await ApplianceServer.StartAsync();
        await using var client = await RawClient.ConnectAsync(server);
        var request = RawClient.UpgradeRequest("/?room=support&after=1700000000000000");
        Note('>', Encoding.ASCII.GetString(request).TrimEnd());
        await client.SendAsync(request);
        Note('<', (await client.ReadResponseAsync()).Head);

        await ReceiveAsync(client, 2);
        await ExchangeAsync(client, ClientFrame.Text("""{"message":"hello","name":"ann","color":"#007AFF"}"""));
        await ExchangeAsync(client, ClientFrame.Text("""{"message":"a \"quote\", <b>, \u00e9, 😀","name":"ann","color":"blue"}"""));
        await ExchangeAsync(client, ClientFrame.Text("hello"));
        await ExchangeAsync(client, ClientFrame.Text("""{"message":"hello"}"""));
        await ExchangeAsync(client, ClientFrame.Text(ChatClient.Json(new string('x', 101))));
        await ExchangeAsync(client, ClientFrame.Ping("are you there"));
        await ExchangeAsync(client, ClientFrame.Close(1000, "bye"));
        await client.ExpectEndAsync();
        Note('<', "end");

        await Verify(Scrub(_transcript.ToString())).UseDirectory("Snapshots");
    }

    private async Task ExchangeAsync(RawClient client, ClientFrame frame)
    {
        Note('>', Describe(frame.Opcode, frame.Payload.ToArray()));
        await client.SendAsync(frame);
        await ReceiveAsync(client, 1);
    }

    private async Task ReceiveAsync(RawClient client, int frames)
    {
        for (var i = 0; i < frames; i++)
        {
            var frame = await client.ReadFrameAsync();
            Note('<', Describe(frame.Opcode, frame.Payload));
        }
    }

    private static string Describe(Opcode opcode, byte[] payload) => opcode == Opcode.Close
        ? $"Close {new ServerFrame(opcode, Final: true, payload).CloseCode} {Encoding.UTF8.GetString(payload.AsSpan(2))}".TrimEnd()
        : $"{opcode} {Encoding.UTF8.GetString(payload)}";

    private void Note(char direction, string text)
    {
        foreach (var line in text.Split("\r\n"))
        {
            _ = _transcript.Append(direction).Append(' ').Append(line).Append('\n');
        }

        _ = _transcript.Append('\n');
    }

    /// <summary>Counts ids from the first one, and takes out the times.</summary>
    private string Scrub(string text)
    {
        var withoutTimes = Regex.Replace(text, "\"time\":[0-9]{13}", "\"time\":{time}", RegexOptions.None, TimeSpan.FromSeconds(1));
        return Regex.Replace(withoutTimes, "\"id\":\"(?<id>[0-9]{16})\"", match =>
        {
            var id = long.Parse(match.Groups["id"].Value, CultureInfo.InvariantCulture);
            _firstId ??= id;
            return $"\"id\":\"{{first id + {id - _firstId}}}\"";
        }, RegexOptions.ExplicitCapture, TimeSpan.FromSeconds(1));
    }
}
