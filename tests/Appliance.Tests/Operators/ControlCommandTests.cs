using System.Text;
using Appliance.Operators;
using Appliance.Php;

namespace Appliance.Tests.Operators;

/// <summary>Messages of the control queue, read.</summary>
public sealed class ControlCommandTests
{
    [Theory]
    [InlineData("stop", 0, "stop", "")]
    [InlineData("  stop\n", 0, "stop", "")]
    [InlineData("say Back in five minutes", 0, "say", "Back in five minutes")]
    [InlineData("say @room  two  spaces", 0, "say", "@room  two  spaces")]
    [InlineData("say\nline", 0, "say", "line")]
    [InlineData("say\t @room\thello ", 0, "say", "@room\thello")]
    [InlineData("ask 4711 clients", 4711, "clients", "")]
    [InlineData("ask 4711 clients 0-35", 4711, "clients", "0-35")]
    [InlineData("ask 9223372036854775807 status", long.MaxValue, "status", "")]
    [InlineData("ask 2 say ask 3 stop", 2, "say", "ask 3 stop")]
    [InlineData("ask 2", 2, "", "")]
    [InlineData("{\"message\":\"hi\"}", 0, "{", "{\"message\":\"hi\"}")]
    [InlineData(" ask 5 {\"a\": 1} ", 5, "{", "{\"a\": 1}")]
    [InlineData("", 0, "", "")]
    [InlineData("asking", 0, "asking", "")]
    public void Text_is_read_alike_as_it_is_and_in_PHPs_format(string text, long asker, string word, string arguments)
    {
        foreach (bool php in new[] { false, true })
        {
            byte[] bytes = Encoding.UTF8.GetBytes(text);
            var command = ControlCommand.Read(php ? PhpSerialization.Write(new PhpString(bytes)) : bytes, out string reason);
            Assert.Equal("", reason);
            Assert.Equal((asker, word, arguments, php), (command!.Asker, command.Word, command.Arguments, command.IsPhp));
        }
    }

    [Theory]
    [InlineData("ask 5 proof 12-af kick 10.0.0.1", "12-af", "kick 10.0.0.1")]
    [InlineData("ask 5 proof 12-af {\"a\":1}", "12-af", "{\"a\":1}")]
    [InlineData("ask 5 proof", "", "")]
    [InlineData("ask 5 kick proof x", "", "kick proof x")]
    [InlineData("proof 12-af stop", "", "proof 12-af stop")]
    public void Proof_stands_behind_the_message_type(string text, string proof, string command)
    {
        var read = ControlCommand.Read(Encoding.UTF8.GetBytes(text), out _)!;
        Assert.Equal((proof, command), (read.Proof, read.Text));
    }

    [Theory]
    [InlineData("ask")]
    [InlineData("ask me clients")]
    [InlineData("ask 0 clients")]
    [InlineData("ask 1 clients")]
    [InlineData("ask -5 clients")]
    [InlineData("ask 9223372036854775808 clients")]
    public void Answers_need_a_message_type_that_is_no_commands(string text)
    {
        Assert.Null(ControlCommand.Read(Encoding.UTF8.GetBytes(text), out string reason));
        Assert.Contains("message type", reason, StringComparison.Ordinal);
    }

    [Fact]
    public void What_is_too_long_or_no_text_is_refused()
    {
        Assert.NotNull(ControlCommand.Read(new byte[ControlCommand.BytesMax].Select(_ => (byte)'x').ToArray(), out _));
        Assert.Null(ControlCommand.Read(new byte[ControlCommand.BytesMax + 1].Select(_ => (byte)'x').ToArray(), out string tooLong));
        Assert.Contains("24577", tooLong, StringComparison.Ordinal);
        Assert.Null(ControlCommand.Read(new byte[] { (byte)'s', 0xFF }, out string notText));
        Assert.Equal("not UTF-8", notText);
    }

    /// <summary>Arrays and objects of PHP are no commands; their text is not one either.</summary>
    [Theory]
    [InlineData("i:5;")]
    [InlineData("a:1:{i:0;s:4:\"stop\";}")]
    [InlineData("s:400:\"stop\";")]
    public void Other_values_of_PHP_are_no_command(string text)
    {
        var command = ControlCommand.Read(Encoding.UTF8.GetBytes(text), out _);
        Assert.Equal((text.Split(' ')[0], false), (command!.Word, command.IsPhp));
    }

    [Fact]
    public void Any_bytes_are_read_without_an_exception() => RandomCases.Check(
        RandomCases.Randomness,
        random =>
        {
            byte[] bytes = new byte[random.Next(100)];
            random.NextBytes(bytes);
            string[] starts = ["", "ask ", "s:5:\"", "ask 12 ", "{"];
            byte[] message = [.. Encoding.ASCII.GetBytes(starts[random.Next(starts.Length)]), .. bytes];
            var command = ControlCommand.Read(message, out string reason);
            Assert.Equal(command is null, reason.Length > 0);
        },
        2000);
}
