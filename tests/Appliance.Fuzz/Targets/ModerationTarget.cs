using System.Text;
using System.Text.Json;
using Appliance.Fuzz.Driver;
using Appliance.Moderation;
using static Appliance.Fuzz.Driver.FuzzException;

namespace Appliance.Fuzz.Targets;

/// <summary>
/// Moderation. By the first byte: F the file of rules, C a command of the control queue, L a request on its way to the master; otherwise a message
/// of a client.
/// </summary>
internal sealed class ModerationTarget : IFuzzTarget
{
    private const long Now = 1_800_000_000;

    public static FuzzTarget Row { get; } = new(
        "moderation",
        "rules, commands and requests of moderation: what is taken is written and read again the same, and fits into a line",
        () => new ModerationTarget())
    {
        BytesMax = 2048,
        Words =
        [
            "{\"type\":\"moderate\"", ",\"action\":\"mute\"", ",\"action\":\"kick\"", ",\"action\":\"room\"", ",\"user\":\"u7\"", ",\"name\":\"ann\"",
            ",\"address\":\"10.0.0.0/8\"", ",\"seconds\":60", ",\"reason\":\"loud\"", ",\"everywhere\":true", ",\"slow\":5", ",\"locked\":true", "}",
            "Cban ", "Cunmute ", "Croom lobby ", "user:", "name:\"", " in lobby", " for 30d", " because ", "slow=5", " read-only", "Ladd\t", "Lkick\t",
            "Fban\tuser\tu7\t0\t0\tspam\tlobby\n",
            "Fmute\tnetwork\t10.0.0.0/8\t1900000000\t0\t\n", "room\troom\tlobby\t0\t0\tlocked\n", "\t", "\\u0009", "\\uD800",
        ],
    };

    public void Run(ReadOnlySpan<byte> input)
    {
        string text = input.IsEmpty ? "" : Encoding.UTF8.GetString(input[1..]);
        switch (input.IsEmpty ? 0 : input[0])
        {
            case (byte)'F':
                var rules = ModerationRule.ReadAll(input[1..]);
                Require(ModerationRule.ReadAll(ModerationRule.WriteAll(rules)).SequenceEqual(rules), "rules are written and read again the same");
                _ = new RuleSet(rules);
                break;
            case (byte)'C':
                ReadCommand(text);
                break;
            case (byte)'L':
                var travelled = ModerationRequest.OfLine(text);
                Require(travelled is null || ModerationRequest.OfLine(travelled.Line) == travelled, "a request travels as it is");
                break;
            default:
                ReadMessage(input);
                break;
        }
    }

    public void Dispose()
    {
    }

    private static void ReadCommand(string text)
    {
        int space = text.IndexOf(' ', StringComparison.Ordinal);
        string word = space < 0 ? text : text[..space];
        if (word is not ("ban" or "unban" or "mute" or "unmute" or "room"))
        {
            return;
        }

        var command = ModerationCommand.Read(word, space < 0 ? "" : text[(space + 1)..].Trim(), Now, out string wrong);
        Require((command is null) == (wrong.Length > 0), "what is refused has a reason, and nothing else");
        Require(command is null || IsKept(command.Rule), "a rule is written and read again the same");
    }

    private static void ReadMessage(ReadOnlySpan<byte> input)
    {
        if (!System.Text.Unicode.Utf8.IsValid(input) || !ModerationRequest.TryReadMembers(input, new byte[input.Length], out var members))
        {
            return;
        }

        using var document = JsonDocument.Parse(input.ToArray());
        Require(document.RootElement.GetProperty("type").GetString() == "moderate", "another reader of JSON agrees");
        var request = ModerationRequest.Read(members, "lobby", Now, out string wrong);
        Require((request is null) == (wrong.Length > 0), "what is refused has a reason, and nothing else");
        Require(request is null || (IsKept(request.Rule) && ModerationRequest.OfLine(request.Line) == request), "a request travels as it is");
        bool isHere = request is null || request.Rule.Room == "lobby" || request.Rule.Subject == "lobby";
        Require(isHere || ModerationRequest.IsEverywhere(members), "a request concerns its room");
    }

    private static bool IsKept(ModerationRule rule) =>
        rule.Fits && ModerationRule.ReadAll(ModerationRule.WriteAll([rule])) is [var again] && again == rule;
}
