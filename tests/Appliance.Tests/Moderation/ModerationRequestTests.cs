using System.Text;
using Appliance.Moderation;

namespace Appliance.Tests.Moderation;

/// <summary>Requests of clients that may moderate: read, refused, and as they travel to the master.</summary>
public sealed class ModerationRequestTests
{
    private const long Now = 1_700_000_000;

    [Theory]
    [InlineData("\"action\":\"mute\",\"user\":\"u7\",\"seconds\":60,\"reason\":\"loud\"", "mute", "add\tmute\tuser\tu7\t1700000060\t1700000000\tloud\tlobby")]
    [InlineData("\"action\":\"mute\",\"name\":\"Ann \\\"B.\\\"\"", "mute", "add\tmute\tname\tAnn \"B.\"\t0\t1700000000\t\tlobby")]
    [InlineData("\"action\":\"unmute\",\"name\":\"ann\",\"reason\":\"x\"", "unmute", "remove\tmute\tname\tann\t0\t1700000000\t\tlobby")]
    [InlineData("\"action\":\"ban\",\"address\":\"192.0.2.0/24\"", "ban", "add\tban\tnetwork\t192.0.2.0/24\t0\t1700000000\t\tlobby")]
    [InlineData("\"action\":\"ban\",\"user\":\"u7\",\"everywhere\":true", "ban", "add\tban\tuser\tu7\t0\t1700000000\t")]
    [InlineData("\"action\":\"ban\",\"user\":\"u7\",\"everywhere\":false", "ban", "add\tban\tuser\tu7\t0\t1700000000\t\tlobby")]
    [InlineData("\"action\":\"unban\",\"user\":\"u7\",\"seconds\":5", "unban", "remove\tban\tuser\tu7\t0\t1700000000\t\tlobby")]
    [InlineData("\"action\":\"kick\",\"user\":\"u7\",\"reason\":\"out\",\"seconds\":9", "kick", "kick\tban\tuser\tu7\t0\t1700000000\tout\tlobby")]
    [InlineData("\"action\":\"room\",\"slow\":5,\"locked\":true", "room", "add\troom\troom\tlobby\t0\t1700000000\tslow=5 locked")]
    [InlineData("\"action\":\"room\",\"read_only\":true,\"closed\":true", "room", "add\troom\troom\tlobby\t0\t1700000000\tread-only closed")]
    [InlineData("\"action\":\"room\",\"slow\":0,\"locked\":false", "room", "remove\troom\troom\tlobby\t0\t1700000000\t")]
    [InlineData("\"action\":\"delete\",\"id\":\"1795343688551002\"", "delete", "delete\troom\troom\tlobby\t0\t1795343688551002\t")]
    [InlineData("\"action\":\"room\"", "room", "remove\troom\troom\tlobby\t0\t1700000000\t")]
    public void Request_is_read_and_travels(string members, string action, string line)
    {
        var request = Read($"{{\"type\":\"moderate\",{members},\"other\":[1,{{}}]}}", out string wrong);
        Assert.Equal("", wrong);
        Assert.Equal((action, line), (request!.Action, request.Line));
        Assert.Equal(request, ModerationRequest.OfLine(line));
    }

    [Theory]
    [InlineData("\"action\":\"mute\"", "one of user, name and address")]
    [InlineData("\"action\":\"mute\",\"user\":7", "one of user, name and address")]
    [InlineData("\"action\":\"mute\",\"user\":\"u\",\"name\":\"n\"", "one of user, name and address")]
    [InlineData("\"action\":\"mute\",\"user\":\" \"", "a user or name is a text")]
    [InlineData("\"action\":\"mute\",\"user\":\"a\\tb\"", "a user or name is a text")]
    [InlineData("\"action\":\"mute\",\"address\":\"10.0.0.1/8\"", "address is an address or a network")]
    [InlineData("\"action\":\"mute\",\"user\":\"u\",\"seconds\":0", "seconds is a number from 1")]
    [InlineData("\"action\":\"mute\",\"user\":\"u\",\"seconds\":\"60\"", "seconds is a number from 1")]
    [InlineData("\"action\":\"mute\",\"user\":\"u\",\"seconds\":1e3", "seconds is a number from 1")]
    [InlineData("\"action\":\"mute\",\"user\":\"u\",\"seconds\":316224001", "seconds is a number from 1")]
    [InlineData("\"action\":\"mute\",\"user\":\"u\",\"reason\":5", "reason is a text")]
    [InlineData("\"action\":\"mute\",\"user\":\"u\",\"reason\":\"a\\nb\"", "control characters")]
    [InlineData("\"action\":\"kick\",\"name\":\"ann\"", "kick takes a user or an address")]
    [InlineData("\"action\":\"delete\",\"id\":5", "id is that of a message")]
    [InlineData("\"action\":\"delete\",\"id\":\"5\",\"everywhere\":true", "id is that of a message")]
    [InlineData("\"action\":\"stop\"", "action is kick")]
    [InlineData("\"action\":7", "action is kick")]
    [InlineData("\"other\":1", "action is kick")]
    [InlineData("\"action\":\"room\",\"slow\":86401", "slow is a number of seconds")]
    [InlineData("\"action\":\"room\",\"slow\":\"5\"", "slow is a number of seconds")]
    [InlineData("\"action\":\"room\",\"locked\":1", "are true or false")]
    [InlineData("\"action\":\"room\",\"locked\":true,\"everywhere\":true", "concerns one room")]
    public void Slip_is_refused_in_words(string members, string words)
    {
        Assert.Null(Read($"{{\"type\":\"moderate\",{members}}}", out string wrong));
        Assert.Contains(words, wrong, StringComparison.Ordinal);
    }

    [Fact]
    public void What_does_not_fit_into_a_line_is_refused()
    {
        string user = new('u', ModerationRule.SubjectBytesMax);
        string reason = new('r', ModerationRule.ReasonBytesMax);
        string json = $$"""{"type":"moderate","action":"ban","user":"{{user}}","seconds":60,"reason":"{{reason}}"}""";
        Assert.Null(Read(json, out string wrong, room: new string('r', 64)));
        Assert.Contains("at most 256 bytes", wrong, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("{\"type\":\"moderate\"")]
    [InlineData("{\"type\":\"moderate\"}}")]
    [InlineData("{\"type\":\"chat\",\"action\":\"moderate\"}")]
    [InlineData("{\"type\":moderate}")]
    [InlineData("[\"moderate\"]")]
    [InlineData("{\"type\":\"moderate\",\"user\":\"\\uD800\"}")]
    public void Another_message_is_none(string json) =>
        Assert.False(ModerationRequest.TryReadMembers(Encoding.UTF8.GetBytes(json), new byte[json.Length], out _));

    [Theory]
    [InlineData("")]
    [InlineData("add")]
    [InlineData("add\tban\tuser\tu7\t0\t0")]
    [InlineData("add\tban\tuser\tu7\t0\t0\t\ta/b")]
    [InlineData("add\troom\troom\tlobby\t0\t0\tlocked\tlobby")]
    [InlineData("stop\tban\tuser\tu7\t0\t0\t")]
    public void Damaged_line_is_none(string line) => Assert.Null(ModerationRequest.OfLine(line));

    private static ModerationRequest? Read(string json, out string wrong, string room = "lobby")
    {
        byte[] utf8 = Encoding.UTF8.GetBytes(json);
        Assert.True(ModerationRequest.TryReadMembers(utf8, new byte[utf8.Length], out var members));
        return ModerationRequest.Read(members, room, Now, out wrong);
    }
}
