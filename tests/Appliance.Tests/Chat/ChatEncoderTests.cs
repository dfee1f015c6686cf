using System.Globalization;
using System.Text;
using System.Text.Json;
using Appliance.Chat;
using FsCheck;
using FsCheck.Fluent;

namespace Appliance.Tests.Chat;

/// <summary>What the server writes, System.Text.Json reads back as it was.</summary>
public sealed class ChatEncoderTests
{
    private const long UnixMs = 1_700_000_000_000;
    private const string Id = "1700000000000001";

    private static Gen<string> Texts => Gen.OneOf(
        Gen.Choose(0, 0x7F).Select(char.ConvertFromUtf32),
        Gen.Elements("é", "€", "🙂", "\u0085", "\u2028", "\u2029", "\uFEFF", "</script>", "\\u0041", "\"", "\\")).ListOf().Select(string.Concat);

    public static TheoryData<string> Samples =>
        ["", "hello", "\"\\/\b\f\n\r\t\0\u001f\u007f", "</script><!--", "\u2028\u2029", "🙂", new('\u0001', 100), "ends with \\"];

    [Theory]
    [MemberData(nameof(Samples))]
    public void User_message_comes_back(string text) => AssertUserMessage(text, text);

    [Fact]
    public void Any_user_message_comes_back() => RandomCases.Check(
        Texts.SelectMany(name => Texts.Select(message => (name, message))), one => AssertUserMessage(one.name, one.message), 500);

    /// <summary>Texts are copied in blocks of sixteen bytes: what must be escaped, behind and before so many bytes.</summary>
    [Theory]
    [InlineData("\"")]
    [InlineData("\\")]
    [InlineData("\n\u0001")]
    [InlineData("\u007f")]
    [InlineData("é")]
    public void Byte_comes_back_wherever_it_stands(string part)
    {
        for (int before = 0; before <= 40; before++)
        {
            for (int behind = 0; behind <= 40; behind++)
            {
                string text = new string('b', before) + part + new string('c', behind);
                AssertUserMessage(text, text);
            }
        }
    }

    [Fact]
    public void Message_of_an_operator_is_marked()
    {
        var written = ParseMessage(destination => ChatEncoder.WriteUserMessage(
            destination, new ChatInput { Name = "ops"u8, Message = "hello"u8, Color = "#007AFF"u8 }, UnixMs, fromServer: true));
        Assert.Equal(["usermsg", "ops", "hello", "#007AFF", "server", Id], Values(written, "type", "name", "message", "color", "from", "id", "time")[..6]);
    }

    [Theory]
    [MemberData(nameof(Samples))]
    public void System_message_comes_back(string text)
    {
        var json = ParseMessage(destination => ChatEncoder.WriteSystemMessage(destination, Bytes(text), UnixMs));
        Assert.Equal(["system", text, Id, UnixMs.ToString(CultureInfo.InvariantCulture)], Values(json, "type", "message", "id", "time"));
    }

    [Theory]
    [MemberData(nameof(Samples))]
    public void Error_and_gap_come_back(string text)
    {
        var error = Parse(Write(destination => ChatEncoder.WriteError(destination, "too_long"u8, Bytes(text))));
        Assert.Equal(["error", "too_long", text], Values(error, "type", "code", "message"));
        var gap = Parse(Write(destination => ChatEncoder.WriteGap(destination, Bytes(text), 1_700_000_000_000_001)));
        Assert.Equal(["gap", text, Id], Values(gap, "type", "message", "id"));
    }

    /// <summary>A time has as many digits as the clock makes of it; the id stands where it is said to stand.</summary>
    [Theory]
    [InlineData(0)]
    [InlineData(-1)]
    [InlineData(1)]
    [InlineData(999_999_999_999)]
    [InlineData(1_000_000_000_000)]
    [InlineData(9_999_999_999_999)]
    [InlineData(10_000_000_000_000)]
    [InlineData(long.MaxValue)]
    [InlineData(long.MinValue)]
    public void Message_is_JSON_with_its_id_at_any_time(long unixMs)
    {
        string time = unixMs.ToString(CultureInfo.InvariantCulture);
        var system = ParseMessage(destination => ChatEncoder.WriteSystemMessage(destination, "hello"u8, unixMs));
        Assert.Equal(["system", "hello", Id, time], Values(system, "type", "message", "id", "time"));
        var user = ParseMessage(destination => ChatEncoder.WriteUserMessage(
            destination, new ChatInput { Name = "ann"u8, Message = "hello"u8, Color = "#007AFF"u8 }, unixMs));
        Assert.Equal(["usermsg", "ann", "hello", "#007AFF", Id, time], Values(user, "type", "name", "message", "color", "id", "time"));
    }

    [Theory]
    [InlineData(15, 100)]
    [InlineData(1, 1)]
    [InlineData(ChatLimits.CharactersMax, ChatLimits.CharactersMax)]
    public void Longest_message_fits_into_its_limit(int nameMax, int messageMax)
    {
        var limits = new ChatLimits(nameMax, messageMax);
        foreach (string character in (string[])["\u0001", "🙂"])
        {
            byte[] destination = new byte[limits.EncodedBytesMax - Appliance.Protocols.WebSocket.FrameLength.ServerHeaderBytesMax];
            var input = new ChatInput
            {
                Name = Bytes(string.Concat(Enumerable.Repeat(character, nameMax))),
                Message = Bytes(string.Concat(Enumerable.Repeat(character, messageMax))),
                Color = "#123456"u8,
            };
            Assert.InRange(ChatEncoder.WriteUserMessage(destination, input, long.MinValue, fromServer: true).Length, 1, destination.Length);
        }
    }

    [Fact]
    public void Shortest_message_covers_its_index_entry()
    {
        int length = ChatEncoder.WriteSystemMessage(new byte[100], default, 0).Length;
        Assert.True(length + Appliance.Protocols.WebSocket.FrameLength.ServerHeaderBytes(length) >= Appliance.Rooms.RoomLogLayout.RecordBytesMin);
    }

    private static void AssertUserMessage(string name, string message)
    {
        var written = ParseMessage(destination => ChatEncoder.WriteUserMessage(
            destination, new ChatInput { Name = Bytes(name), Message = Bytes(message), Color = "#007AFF"u8 }, UnixMs));
        Assert.Equal(
            ["usermsg", name, message, "#007AFF", Id, UnixMs.ToString(CultureInfo.InvariantCulture)],
            Values(written, "type", "name", "message", "color", "id", "time"));
    }

    private static byte[] Write(Func<byte[], int> write)
    {
        byte[] destination = new byte[100_000];
        return destination[..write(destination)];
    }

    /// <summary>Puts the id in at its place, as a room's log does, and parses.</summary>
    private static JsonElement ParseMessage(Func<byte[], EncodedMessage> write)
    {
        byte[] destination = new byte[100_000];
        var encoded = write(destination);
        Bytes(Id).CopyTo(destination, encoded.IdOffset);
        return Parse(destination[..encoded.Length]);
    }

    private static JsonElement Parse(byte[] written)
    {
        Assert.DoesNotContain(written, value => value is < 0x20 or 0x7F);
        return JsonDocument.Parse(written).RootElement;
    }

    /// <summary>The values of exactly these members in this order.</summary>
    private static string[] Values(JsonElement json, params string[] names)
    {
        Assert.Equal(string.Join(" ", names), string.Join(" ", json.EnumerateObject().Select(member => member.Name)));
        return [.. names.Select(name => json.GetProperty(name).ToString())];
    }

    private static byte[] Bytes(string text) => Encoding.UTF8.GetBytes(text);
}
