using Appliance.Moderation;

namespace Appliance.Tests.Moderation;

/// <summary>Commands of moderation, read and refused.</summary>
public sealed class ModerationCommandTests
{
    private const long Now = 1_700_000_000;

    [Theory]
    [InlineData("ban", "192.0.2.7", "ban\tnetwork\t192.0.2.7\t0\t1700000000\t")]
    [InlineData("ban", "192.0.2.0/24 for 90", "ban\tnetwork\t192.0.2.0/24\t1700000090\t1700000000\t")]
    [InlineData("ban", "2001:DB8:0::/32 for 15m because spam  and more", "ban\tnetwork\t2001:db8::/32\t1700000900\t1700000000\tspam  and more")]
    [InlineData("ban", "::ffff:10.0.0.0/104", "ban\tnetwork\t10.0.0.0/8\t0\t1700000000\t")]
    [InlineData("ban", "user:u7 in news for 90 because spam", "ban\tuser\tu7\t1700000090\t1700000000\tspam\tnews")]
    [InlineData("mute", "name:\"in news\" in news", "mute\tname\tin news\t0\t1700000000\t\tnews")]
    [InlineData("ban", "user:u7 because for ever", "ban\tuser\tu7\t0\t1700000000\tfor ever")]
    [InlineData("mute", "name:\"Ann B.\" for 30d", "mute\tname\tAnn B.\t1702592000\t1700000000\t")]
    [InlineData("mute", "name:\"", "mute\tname\t\"\t0\t1700000000\t")]
    [InlineData("unban", "10.0.0.1", "ban\tnetwork\t10.0.0.1\t0\t1700000000\t")]
    [InlineData("unmute", "name:ann", "mute\tname\tann\t0\t1700000000\t")]
    [InlineData("room", "news slow=5 read-only", "room\troom\tnews\t0\t1700000000\tslow=5 read-only")]
    [InlineData("room", "@news closed locked", "room\troom\tnews\t0\t1700000000\tlocked closed")]
    [InlineData("room", "news open", "room\troom\tnews\t0\t1700000000\t")]
    [InlineData("room", "news slow=0", "room\troom\tnews\t0\t1700000000\t")]
    public void Command_is_read(string word, string arguments, string line)
    {
        var command = ModerationCommand.Read(word, arguments, Now, out string wrong);
        Assert.Equal("", wrong);
        Assert.Equal(line, command!.Rule.Line);
        bool opens = word == "room" && line.EndsWith("1700000000\t", StringComparison.Ordinal);
        Assert.Equal(opens || word.StartsWith("un", StringComparison.Ordinal), command.IsUndone);
        Assert.Equal(command.Rule, Assert.Single(ModerationRule.ReadAll(ModerationRule.WriteAll([command.Rule]))));
    }

    [Theory]
    [InlineData("ban", "", "must be an address")]
    [InlineData("ban", "ann", "must be an address, or a network as 10.0.0.0/8 or 2001:db8::/32, or user:ID, or name:NAME")]
    [InlineData("ban", "10.0.0.1/8", "must be 10.0.0.0/8")]
    [InlineData("ban", "010.0.0.1", "must be an address")]
    [InlineData("ban", "user:", "a user or name is a text")]
    [InlineData("ban", "name:\" \"", "a user or name is a text")]
    [InlineData("ban", "10.0.0.1 for", "'' is no time")]
    [InlineData("ban", "10.0.0.1 for ever", "'ever' is no time")]
    [InlineData("ban", "10.0.0.1 for 0", "'0' is no time")]
    [InlineData("ban", "10.0.0.1 for -5", "'-5' is no time")]
    [InlineData("ban", "10.0.0.1 for 3661d", "'3661d' is no time")]
    [InlineData("ban", "10.0.0.1 for 1w", "'1w' is no time")]
    [InlineData("ban", "10.0.0.1 spam", "expected: ban WHOM [in ROOM] [for TIME] [because REASON]")]
    [InlineData("ban", "10.0.0.1 in", "a room's name")]
    [InlineData("ban", "10.0.0.1 in a/b for 5m", "a room's name")]
    [InlineData("ban", "10.0.0.1 for 5m in news", "expected: ban WHOM [in ROOM]")]
    [InlineData("ban", "10.0.0.1 because a\tb", "control characters")]
    [InlineData("ban", "10.0.0.1 because 012345678901234567890123456789012345678901234567890123456789012345678901234567890", "at most 80 bytes")]
    [InlineData("unban", "10.0.0.1 for 5m", "expected: unban WHOM")]
    [InlineData("unmute", "name:a b", "expected: unmute WHOM")]
    [InlineData("room", "", "a room's name")]
    [InlineData("room", "a/b open", "a room's name")]
    [InlineData("room", "news", "expected: room NAME")]
    [InlineData("room", "news slow", "expected: room NAME")]
    [InlineData("room", "news slow=-1", "expected: room NAME")]
    [InlineData("room", "news slow=86401", "expected: room NAME")]
    [InlineData("room", "news open locked", "expected: room NAME")]
    public void Slip_is_refused_in_words(string word, string arguments, string words)
    {
        Assert.Null(ModerationCommand.Read(word, arguments, Now, out string wrong));
        Assert.Contains(words, wrong, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("")]
    [InlineData("ban\tnetwork\t10.0.0.1\t0\t0")]
    [InlineData("ban\tnetwork\t10.0.0.1\t0\t0\t\t")]
    [InlineData("ban\troom\ta\t0\t0\t")]
    [InlineData("room\tname\ta\t0\t0\t")]
    [InlineData("keep\tnetwork\t10.0.0.1\t0\t0\t")]
    [InlineData("ban\tnetwork\t\t0\t0\t")]
    [InlineData("ban\tnetwork\t10.0.0.1\t-1\t0\t")]
    [InlineData("ban\tnetwork\t10.0.0.1\t0\t99999999999999999999\t")]
    public void Damaged_line_is_passed_over_and_the_others_are_read(string line)
    {
        var rules = ModerationRule.ReadAll(System.Text.Encoding.UTF8.GetBytes($"{line}\nmute\tuser\tu7\t0\t5\t\n\u0000\uFFFD\n"));
        Assert.Equal("u7", Assert.Single(rules).Subject);
    }
}
