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

    [Theory]
    [MemberData(nameof(Samples))]
    public void System_message_comes_back(string text)
    {
        var json = Parse(Write(destination => ChatEncoder.WriteSystemMessage(destination, Bytes(text), UnixMs)), withId: true);
        Assert.Equal(["system", text, Id, UnixMs.ToString(CultureInfo.InvariantCulture)], Values(json, "type", "message", "id", "time"));
    }

    [Theory]
    [MemberData(nameof(Samples))]
    public void Error_and_gap_come_back(string text)
    {
        var error = Parse(Write(destination => ChatEncoder.WriteError(destination, "too_long"u8, Bytes(text))), withId: false);
        Assert.Equal(["error", "too_long", text], Values(error, "type", "code", "message"));
        var gap = Parse(Write(destination => ChatEncoder.WriteGap(destination, Bytes(text))), withId: false);
        Assert.Equal(["gap", text], Values(gap, "type", "message"));
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
            byte[] destination = new byte[limits.EncodedBytesMax - Appliance.WebSocket.FrameHeader.ServerBytesMax];
            var input = new ChatInput
            {
                Name = Bytes(string.Concat(Enumerable.Repeat(character, nameMax))),
                Message = Bytes(string.Concat(Enumerable.Repeat(character, messageMax))),
                Color = "#123456"u8,
            };
            Assert.InRange(ChatEncoder.WriteUserMessage(destination, input, UnixMs), 1, destination.Length);
        }
    }

    [Fact]
    public void Shortest_message_covers_its_index_entry()
    {
        int length = Write(destination => ChatEncoder.WriteSystemMessage(destination, default, UnixMs)).Length;
        Assert.True(length + Appliance.WebSocket.FrameHeader.ServerBytes(length) >= Appliance.Ipc.RoomLogLayout.RecordBytesMin);
    }

    private static void AssertUserMessage(string name, string message)
    {
        byte[] written = Write(destination => ChatEncoder.WriteUserMessage(
            destination, new ChatInput { Name = Bytes(name), Message = Bytes(message), Color = "#007AFF"u8 }, UnixMs));
        Assert.Equal(
            ["usermsg", name, message, "#007AFF", Id, UnixMs.ToString(CultureInfo.InvariantCulture)],
            Values(Parse(written, withId: true), "type", "name", "message", "color", "id", "time"));
    }

    private static byte[] Write(Func<byte[], int> write)
    {
        byte[] destination = new byte[100_000];
        return destination[..write(destination)];
    }

    /// <summary>Puts the id in at its place from the end, as a room's log does, and parses.</summary>
    private static JsonElement Parse(byte[] written, bool withId)
    {
        if (withId)
        {
            Bytes(Id).CopyTo(written, written.Length - ChatEncoder.IdFromEnd);
        }

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
