using System.Globalization;
using System.Text;
using System.Text.Json;
using System.Text.RegularExpressions;
using Appliance.Config;
using Appliance.Endpoints;
using Appliance.Metrics;
using Appliance.Protocols.Http;
using Appliance.Protocols.WebSocket;

namespace Appliance.Tests.Protocols;

/// <summary>docs/protocol.md, which clients are written by: each of its tables has what the code has, no more and no less.</summary>
public sealed class ProtocolDocumentTests
{
    private static readonly TimeSpan RegexLimit = TimeSpan.FromSeconds(5);

    private static readonly string[] Lines = File.ReadAllLines(Path.Combine(SourceTree.Root, "../../docs/protocol.md"));

    [Fact]
    public void Close_codes_are_those_that_the_server_sends() => Assert.Equal(
        CloseCodes.Sent.Select(row => ((int)row.Code).ToString(CultureInfo.InvariantCulture)),
        FirstColumn("code | when the server sends it"),
        StringComparer.Ordinal);

    [Fact]
    public void Error_codes_are_those_of_the_chat() => Assert.Equal(RefusedMessages.All, FirstColumn("error code"));

    [Fact]
    public void Each_reason_for_a_refusal_has_its_status()
    {
        var statuses = Table("status").ToDictionary(cells => cells[1], cells => cells[0], StringComparer.Ordinal);
        Assert.Equal(RejectReasons.All.Order(StringComparer.Ordinal), statuses.Keys.Order(StringComparer.Ordinal));
        Assert.All(Enum.GetValues<RejectReason>(), reason => Assert.Equal(
            new Refusal(reason, "").Status.ToString(CultureInfo.InvariantCulture), statuses[RejectReasons.All[(int)reason]]));
    }

    [Fact]
    public void Head_of_a_request_has_the_limit_that_is_written() => Assert.Contains(
        HttpRequestReader.HeadBytesMax.ToString("N0", CultureInfo.InvariantCulture) + " bytes", string.Join('\n', Lines), StringComparison.Ordinal);

    [Fact]
    public void Sub_protocols_are_those_that_the_server_selects()
    {
        string[] names = FirstColumn("sub-protocol");
        Assert.Equal(Found("Protocols/WebSocket/SubProtocols.cs", @"ReadOnlySpan<byte> (?!Header)\w+ => ""(?<word>[^""]+)""u8"), names);
        Assert.All(names, name => Assert.Equal(name, Selected(name)));
        Assert.Equal("", Selected("appliance.v0"));
    }

    [Fact]
    public void Parameters_are_those_that_the_query_is_asked_for() =>
        Assert.Equal(Found("Endpoints/ChatEndpoint.cs", @"TryGetParameter\(""(?<word>\w+)""u8"), FirstColumn("parameter"));

    [Fact]
    public void Messages_have_the_types_and_members_that_the_server_writes()
    {
        var fields = Table("`type`").ToDictionary(cells => cells[0], cells => cells[2], StringComparer.Ordinal);
        var written = ((string[])["Chat/ChatEncoder.cs", "Rooms/Erasure.cs"]).SelectMany(file => Found(file, @"\\""type\\"":\\""(?<word>\w+)\\"""));
        Assert.Equal(written.Distinct(StringComparer.Ordinal).Order(StringComparer.Ordinal), fields.Keys.Order(StringComparer.Ordinal));

        // Each line of an example is JSON of a type that the table has, with members that its row names.
        var examples = Lines.Where(line => line.StartsWith("    {\"type\":", StringComparison.Ordinal))
            .Select(line => JsonDocument.Parse(line).RootElement).ToList();
        Assert.All(fields.Keys, type => Assert.Contains(examples, example => TypeOf(example) == type));
        var members = examples.Where(example => fields.ContainsKey(TypeOf(example)))
            .SelectMany(example => example.EnumerateObject().Select(member => (Type: TypeOf(example), member.Name)));
        Assert.All(
            members.Where(member => member.Name != "type"),
            member => Assert.Contains($"`{member.Name}`", fields[member.Type], StringComparison.Ordinal));
    }

    [Fact]
    public void Limits_are_settings_with_their_defaults() => Assert.All(
        Table("option"), cells => Assert.Equal(SettingsTable.Find(cells[0].TrimStart('-'))?.Default, cells[1]));

    [Fact]
    public void Options_that_are_named_are_settings() => Assert.All(
        Regex.Matches(string.Join('\n', Lines), "`--(?<name>[a-z-]+)", RegexOptions.ExplicitCapture, RegexLimit).Select(match => match.Groups["name"].Value),
        name => Assert.NotNull(SettingsTable.Find(name)));

    private static string TypeOf(JsonElement message) => message.GetProperty("type").GetString()!;

    private static string Selected(string offered)
    {
        byte[] head = Encoding.ASCII.GetBytes($"GET / HTTP/1.1\r\nHost: a\r\nSec-WebSocket-Protocol: {offered}\r\n\r\n");
        Assert.Equal(HttpReadStatus.Complete, HttpRequestReader.Read(head, out var request, out _));
        return Encoding.ASCII.GetString(SubProtocols.Choose(request, out _));
    }

    private static string[] Found(string file, string pattern)
    {
        string text = string.Join('\n', SourceTree.Lines(file));
        return [.. Regex.Matches(text, pattern, RegexOptions.ExplicitCapture, RegexLimit).Select(match => match.Groups["word"].Value)];
    }

    private static string[] FirstColumn(string heading) => [.. Table(heading).Select(cells => cells[0])];

    /// <summary>The rows of the only table whose heading begins so, without the marks of code.</summary>
    private static IEnumerable<string[]> Table(string heading)
    {
        int at = Array.FindIndex(Lines, line => line.StartsWith($"| {heading} |", StringComparison.Ordinal));
        Assert.True(at >= 0, $"docs/protocol.md has no table '{heading}'");
        return Lines.Skip(at + 2).TakeWhile(line => line.StartsWith('|'))
            .Select(line => line.Trim('|').Split('|').Select((cell, column) => column < 2 ? cell.Trim().Trim('`') : cell.Trim()).ToArray());
    }
}
