using System.Text;
using Appliance.Protocols.WebSocket;
using FsCheck.Fluent;
using static Appliance.Tests.Protocols.WebSocket.ClientBytes;

namespace Appliance.Tests.Protocols.WebSocket;

/// <summary>Frames in, messages out (RFC 6455, 5 to 8), in one piece, byte by byte and in random pieces.</summary>
public sealed class MessageReaderTests
{
    private const int Max = 1000;

    private static readonly MessageLimits Limits = new(Max, TakesBinary: true);

    private static readonly Dictionary<string, (byte[] Bytes, string Expected)> All = new(StringComparer.Ordinal)
    {
        ["nothing"] = ([], ""),
        ["text"] = (Text("hello"), "text(hello)"),
        ["empty text"] = (Text(""), "text()"),
        ["text of 125, 126 and all bytes"] = ([.. Text(A(125)), .. Text(A(126)), .. Text(A(Max))], $"text({A(125)}) text({A(126)}) text({A(Max)})"),
        ["binary"] = (Frame(Opcode.Binary, [0, 0xFF]), "binary(00FF)"),
        ["three messages"] = ([.. Text("a"), .. Text("b"), .. Frame(Opcode.Binary, [1])], "text(a) text(b) binary(01)"),
        ["fragments"] = ([.. Text("Hel", false), .. Continuation("l", false), .. Continuation("o")], "text(Hello)"),
        ["empty fragments"] = ([.. Text("", false), .. Continuation("", false), .. Continuation("")], "text()"),
        ["empty last fragment"] = ([.. Text("a", false), .. Continuation("")], "text(a)"),
        ["control frames between fragments"] = ([.. Text("a", false), .. Ping("p"), .. Frame(Opcode.Pong, []), .. Continuation("b")], "ping(p) pong text(ab)"),
        ["character cut by fragments"] = ([.. Frame(Opcode.Text, [0xE2, 0x82], false), .. Frame(Opcode.Continuation, [0xAC])], "text(€)"),
        ["binary is not checked as UTF-8"] = ([.. Frame(Opcode.Binary, [0xC3], false), .. Frame(Opcode.Continuation, [0x28])], "binary(C328)"),
        ["largest ping"] = (Ping(A(125)), $"ping({A(125)})"),
        ["unasked pong"] = (Frame(Opcode.Pong, [1, 2]), "pong"),
        ["close without a code"] = (Frame(Opcode.Close, []), "close(1005)"),
        ["close with a code"] = (Close(1000), "close(1000)"),
        ["close with a reason"] = (Close(4999, "güte"), "close(4999)"),
        ["close between fragments"] = ([.. Text("a", false), .. Close(1001)], "close(1001)"),

        ["half a header"] = ([0x81], "..."),
        ["half a payload"] = (Text("hello")[..8], "..."),
        ["header alone"] = (Text("hello")[..6], "..."),
        ["no last fragment"] = (Text("a", false), "..."),
        ["half a ping"] = (Ping("abc")[..7], "..."),

        ["message, then nonsense"] = ([.. Text("a"), 0xFF, 0xFF], "text(a) -> 1002"),
        ["abc"] = ("abc"u8.ToArray(), "-> 1002"),
        ["not masked"] = ([0x81, 1, (byte)'a'], "-> 1002"),
        ["reserved bit"] = ([0xC1, 0x80], "-> 1002"),
        ["opcode 3"] = ([0x83, 0x80], "-> 1002"),
        ["opcode 11"] = ([0x8B, 0x80], "-> 1002"),
        ["fragmented ping"] = ([0x09, 0x80], "-> 1002"),
        ["ping of 126 bytes"] = ([0x89, 0xFE], "-> 1002"),
        ["length in too many bytes"] = ([.. Header(0x81, 125, 3), 0, 0, 0, 0], "-> 1002"),
        ["length of 2^63"] = ([.. Header(0x81, long.MinValue, 9), 0, 0, 0, 0], "-> 1002"),
        ["nothing to continue"] = (Continuation("a"), "-> 1002"),
        ["nothing to continue any more"] = ([.. Text("a"), .. Continuation("b")], "text(a) -> 1002"),
        ["new message within one"] = ([.. Text("a", false), .. Text("b")], "-> 1002"),
        ["close of one byte"] = (Frame(Opcode.Close, [3]), "-> 1002"),
        ["close with a code that is none"] = (Close(1005), "-> 1002"),
        ["close with a reason that is no text"] = (Frame(Opcode.Close, [3, 0xE8, 0xC0]), "-> 1007"),
        ["close with half a character"] = (Frame(Opcode.Close, [3, 0xE8, 0xC3]), "-> 1007"),

        ["no UTF-8"] = (Frame(Opcode.Text, [0xC0, 0xAF]), "-> 1007"),
        ["surrogate"] = (Frame(Opcode.Text, [0xED, 0xA0, 0x80]), "-> 1007"),
        ["half a character at the end"] = (Frame(Opcode.Text, [0xC3]), "-> 1007"),
        ["half a character, message ends empty"] = ([.. Frame(Opcode.Text, [0xC3], false), .. Continuation("")], "-> 1007"),
        ["no UTF-8 in a message that has not ended"] = (Frame(Opcode.Text, [(byte)'a', 0xFF, (byte)'b'])[..8], "-> 1007"),
        ["character cut by a ping stays cut"] = ([.. Frame(Opcode.Text, [0xE2], false), .. Ping(), .. Frame(Opcode.Continuation, [0x28])], "ping() -> 1007"),

        ["too large a frame, told by its header"] = ([.. Header(0x81, Max + 1), 0, 0, 0, 0], "-> 1009"),
        ["too large a frame of 64-bit length"] = ([.. Header(0x82, long.MaxValue, 9), 0, 0, 0, 0], "-> 1009"),
        ["too large together"] = ([.. Text(A(Max), false), .. Header(0x80, 1), 0, 0, 0, 0], "-> 1009"),
    };

    public static TheoryData<string> Cases => [.. All.Keys];

    [Theory]
    [MemberData(nameof(Cases))]
    public void Bytes_become_events(string name) => Assert.Equal(All[name].Expected, MessageRecorder.Read(ExactlyOnce(All[name].Bytes), Limits));

    [Theory]
    [MemberData(nameof(Cases))]
    public void Bytes_become_the_same_events_one_by_one(string name) =>
        Assert.Equal(All[name].Expected, MessageRecorder.Read(All[name].Bytes.Select(value => new[] { value }), Limits));

    [Theory]
    [MemberData(nameof(Cases))]
    public void Another_reader_goes_on_after_every_byte(string name) =>
        Assert.Equal(All[name].Expected, MessageRecorder.Read(All[name].Bytes.Select(value => new[] { value }), Limits, moves: true));

    [Theory]
    [MemberData(nameof(Cases))]
    public void Bytes_become_the_same_events_cut_anywhere(string name)
    {
        byte[] bytes = All[name].Bytes;
        for (int cut = 0; cut <= bytes.Length; cut++)
        {
            Assert.Equal(All[name].Expected, MessageRecorder.Read([bytes[..cut], bytes[cut..]], Limits));
        }
    }

    [Fact]
    public void Any_valid_conversation_in_any_pieces()
    {
        var frames = Gen.Elements([.. All.Values.Where(one => !one.Expected.Contains("->", StringComparison.Ordinal)
            && !one.Expected.Contains("close", StringComparison.Ordinal) && !one.Expected.Contains("...", StringComparison.Ordinal))]).ListOf();
        var cases = frames.SelectMany(list => RandomCases.Randomness.Select(random => (list, random)));
        RandomCases.Check(cases, one =>
        {
            byte[] bytes = [.. one.list.SelectMany(item => item.Bytes)];
            string expected = string.Join(' ', one.list.Select(item => item.Expected).Where(text => text.Length > 0));
            Assert.Equal(expected, MessageRecorder.Read(RandomCases.Pieces(bytes, one.random, one.random.Next(1, 400)), Limits));
        });
    }

    [Fact]
    public void Any_bytes_in_any_pieces_are_read_alike()
    {
        var cases = Gen.Elements([.. All.Values.Select(one => one.Bytes)]).ListOf().SelectMany(list => RandomCases.Randomness.Select(random => (list, random)));
        RandomCases.Check(
            cases,
            one =>
            {
                byte[] bytes = [.. one.list.SelectMany(item => item)];
                for (int i = 0; i < 3 && bytes.Length > 0; i++)
                {
                    bytes[one.random.Next(bytes.Length)] ^= (byte)(1 << one.random.Next(8));
                }

                Assert.Equal(MessageRecorder.Read(ExactlyOnce(bytes), Limits), MessageRecorder.Read(RandomCases.Pieces(bytes, one.random, 50), Limits));
            },
            500);
    }

    [Fact]
    public void Close_codes_0_to_5000_are_read_as_registered()
    {
        var allowed = CloseCodeTests.Allowed.ToHashSet();
        for (int code = 0; code <= 5000; code++)
        {
            Assert.Equal(allowed.Contains(code) ? $"close({code})" : "-> 1002", MessageRecorder.Read([Close(code, "x")], Limits));
        }
    }

    [Fact]
    public void Binary_is_refused_by_its_header_where_it_is_not_taken() => Assert.Equal(
        "text(a) -> 1003", MessageRecorder.Read([Text("a"), Frame(Opcode.Binary, [1])[..6]], Limits with { TakesBinary = false }));

    [Theory]
    [InlineData(1, "text(a)")]
    [InlineData(2, "text(a) ping()")]
    [InlineData(3, "text(a) ping() pong")]
    public void Handler_that_says_no_ends_the_reading(int stopAt, string expected)
    {
        var recorder = new MessageRecorder { StopAt = stopAt };
        using var reader = new MessageReader();
        byte[] bytes = [.. Text("a"), .. Ping(), .. Frame(Opcode.Pong, []), .. Text("b")];
        Assert.Equal(CloseCode.None, reader.Read(bytes, Limits, recorder));
        Assert.Equal(expected, recorder.Told());
    }

    /// <summary>A reload lowers the limit while a message is under way, in whatever state that is.</summary>
    [Theory]
    [InlineData("one frame")]
    [InlineData("first fragment and half of the next one")]
    [InlineData("fragments, all but the last one, which is empty")]
    [InlineData("fragments and a ping between them")]
    public void Limit_that_is_lowered_within_a_message_holds_for_it(string what)
    {
        (byte[] Begun, byte[] Remaining) message = what switch
        {
            "one frame" => (Text(A(Max))[..500], Text(A(Max))[500..]),
            "first fragment and half of the next one" => ([.. Text(A(400), false), .. Continuation(A(400))[..100]], Continuation(A(400))[100..]),
            "fragments, all but the last one, which is empty" => ([.. Text(A(400), false), .. Continuation(A(400), false)], Continuation("")),
            _ => ([.. Text(A(400), false), .. Ping("p")[..3]], [.. Ping("p")[3..], .. Continuation(A(200))]),
        };
        for (int limit = 0; limit <= Max; limit += 100)
        {
            var recorder = new MessageRecorder();
            using var reader = new MessageReader();
            Assert.Equal(CloseCode.None, reader.Read([.. message.Begun], Limits, recorder));
            int length = what switch { "one frame" => Max, "fragments and a ping between them" => 600, _ => 800 };
            var expected = limit >= length ? CloseCode.None : CloseCode.MessageTooBig;
            Assert.Equal(expected, reader.Read([.. message.Remaining], Limits with { MessageBytesMax = limit }, recorder));
            Assert.Equal(limit >= length, recorder.Told().Contains("text(", StringComparison.Ordinal));
        }
    }

    [Fact]
    public void Nothing_behind_a_close_is_read() => Assert.Equal("close(1000)", MessageRecorder.Read([[.. Close(1000), .. "garbage"u8]], Limits));

    [Fact]
    public void Reader_that_was_reset_begins_anew()
    {
        var recorder = new MessageRecorder();
        using var reader = new MessageReader();
        foreach (byte[] begun in (byte[][])[Text("half", false), Text("half")[..3], Ping("half")[..7], Frame(Opcode.Text, [0xC3], false)])
        {
            Assert.Equal(CloseCode.None, reader.Read(begun, Limits, recorder));
            Assert.False(reader.IsIdle);
            reader.Reset();
            Assert.True(reader.IsIdle);
            Assert.Equal(CloseCode.None, reader.Read([.. Ping("p"), .. Text("whole")], Limits, recorder));
        }

        Assert.Equal(string.Join(' ', Enumerable.Repeat("ping(p) text(whole)", 4)), recorder.Told());
    }

    [Fact]
    public void Message_that_lies_whole_in_a_piece_is_not_copied()
    {
        byte[] bytes = Text("hello");
        using var reader = new MessageReader();
        reader.Read(bytes, Limits, new MessageRecorder());
        Assert.Equal("hello", Encoding.UTF8.GetString(bytes.AsSpan(6)));
    }

    private static IEnumerable<byte[]> ExactlyOnce(byte[] bytes) => [bytes];

    private static string A(int length) => new('a', length);
}
