using System.Text;
using Appliance.Chat;

namespace Appliance.Tests.Chat;

/// <summary>Limits and colours of chat messages.</summary>
public sealed class ChatInputTests
{
    private static readonly ChatLimits Limits = new(NameMax: 3, MessageMax: 5);

    public static TheoryData<string, string, ChatRefusal> Messages => new()
    {
        { "ann", "hello", ChatRefusal.None },
        { "é€🙂", "🙂🙂🙂🙂🙂", ChatRefusal.None },
        { "\\u00e9\\u20ac\\ud83d\\ude42", "\\\"\\\\\\n\\t.", ChatRefusal.None },
        { "a", "e\u0301", ChatRefusal.None },
        { "anna", "hello", ChatRefusal.TooLong },
        { "ann", "hello!", ChatRefusal.TooLong },
        { "é€🙂a", "b", ChatRefusal.TooLong },
        { "a", "🙂🙂🙂🙂🙂🙂", ChatRefusal.TooLong },
        { "a", "e\u0301e\u0301e\u0301", ChatRefusal.TooLong },
        { "", "hello", ChatRefusal.BadMessage },
        { "ann", "", ChatRefusal.BadMessage },
        { " \\t", "hello", ChatRefusal.BadMessage },
        { "ann", "\\r\\n", ChatRefusal.BadMessage },
        { "annabel", "", ChatRefusal.BadMessage },
    };

    public static TheoryData<string, bool> Colors => new()
    {
        { "#000", true },
        { "#fFf", true },
        { "#007AFF", true },
        { "", false },
        { "#", false },
        { "#ff", false },
        { "#ffff", false },
        { "#fffff", false },
        { "#fffffff", false },
        { "#ggg", false },
        { "#00000 ", false },
        { "0007AFF", false },
        { "red", false },
        { "#é1", false },
        { "#0\";x:", false },
        { "#<b>", false },
    };

    [Theory]
    [MemberData(nameof(Messages))]
    public void Name_and_message_are_counted_in_code_points(string name, string message, ChatRefusal expected) =>
        Assert.Equal(expected, Read($$"""{"name":"{{name}}","message":"{{message}}"}""", out _));

    [Theory]
    [MemberData(nameof(Colors))]
    public void Color_is_one_or_becomes_the_default(string color, bool valid)
    {
        Assert.Equal(valid, ChatInput.IsColor(Encoding.UTF8.GetBytes(color)));
        string escaped = System.Text.Json.JsonSerializer.Serialize(color);
        Assert.Equal(ChatRefusal.None, Read($$"""{"name":"a","message":"b","color":{{escaped}}}""", out string read));
        Assert.Equal(valid ? color : "#000000", read);
    }

    [Theory]
    [InlineData("null")]
    [InlineData("7")]
    [InlineData("[\"#fff\"]")]
    public void Color_that_is_no_text_becomes_the_default(string color)
    {
        Assert.Equal(ChatRefusal.None, Read($$"""{"name":"a","message":"b","color":{{color}}}""", out string read));
        Assert.Equal("#000000", read);
    }

    [Theory]
    [InlineData("lobby", true)]
    [InlineData("a", true)]
    [InlineData("A-z_0.9", true)]
    [InlineData("", false)]
    [InlineData("a b", false)]
    [InlineData("a/b", false)]
    [InlineData("é", false)]
    [InlineData("a\n", false)]
    [InlineData("a\0", false)]
    public void Room_name_is_checked(string name, bool valid) => Assert.Equal(valid, RoomName.IsValid(Encoding.UTF8.GetBytes(name)));

    [Fact]
    public void Room_name_has_a_limit()
    {
        Assert.True(RoomName.IsValid(Encoding.UTF8.GetBytes(new string('a', RoomName.BytesMax))));
        Assert.False(RoomName.IsValid(Encoding.UTF8.GetBytes(new string('a', RoomName.BytesMax + 1))));
        Assert.True(RoomName.IsValid(RoomName.Default));
    }

    [Theory]
    [InlineData("""{"type":"ping"}""", true)]
    [InlineData(""" { "id" : 7 , "type" : "ping" } """, true)]
    [InlineData("""{"type":"usermsg","type":"ping","name":"ann","message":"hello"}""", true)]
    [InlineData("""{"type":"pi\u006eg"}""", true)]
    [InlineData("""{"\u0074ype":"\u0070\u0069\u006E\u0067"}""", true)]
    [InlineData("""{"type":"pi\u006fg"}""", false)]
    [InlineData("""{"type":"\\u0070ing"}""", false)]
    [InlineData("""{"type":"Ping"}""", false)]
    [InlineData("""{"type":"usermsg","name":"ann","message":"ping"}""", false)]
    [InlineData("""{"name":"ping","message":"ping"}""", false)]
    [InlineData("""{"type":["ping"]}""", false)]
    [InlineData("""{"type":"ping"}}""", false)]
    [InlineData("""{"type":"ping" """, false)]
    [InlineData("\"ping\"", false)]
    public void Heartbeat_is_told_from_a_message(string json, bool expected)
    {
        byte[] bytes = Encoding.UTF8.GetBytes(json);
        Assert.Equal(expected, ChatInput.IsPing(bytes, new byte[bytes.Length]));
    }

    [Fact]
    public void Heartbeat_is_short()
    {
        byte[] longest = Encoding.UTF8.GetBytes("{\"type\":\"ping\"" + new string(' ', 113) + "}");
        Assert.Equal(128, longest.Length);
        Assert.True(ChatInput.IsPing(longest, new byte[200]));
        Assert.False(ChatInput.IsPing([.. longest, (byte)' '], new byte[200]));
    }

    private static ChatRefusal Read(string json, out string color)
    {
        byte[] bytes = Encoding.UTF8.GetBytes(json);
        var refusal = ChatInput.Read(bytes, new byte[bytes.Length], Limits, out var input);
        color = Encoding.UTF8.GetString(input.Color);
        return refusal;
    }
}
