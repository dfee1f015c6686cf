using System.Net.Sockets;
using System.Text;
using Appliance.SystemTests.Harness;

namespace Appliance.SystemTests.Conformance;

/// <summary>
/// RFC 6455 against <c>/echo</c>, with the case numbers and the strict expectations of the Autobahn|Testsuite's
/// fuzzing client, groups 1 to 7, 9 and 10.
/// </summary>
public sealed class ConformanceTests(EchoServer fixture) : IClassFixture<EchoServer>
{
    private static readonly Dictionary<string, Func<ConformanceCase>> Cases = FramingCases.All.Concat(Utf8Cases.All).Concat(ClosingCases.All)
        .Select(one => (one.Number, Make: (Func<ConformanceCase>)(() => one)))
        .Concat(LimitCases.All)
        .ToDictionary(one => one.Number, one => one.Make);

    public static TheoryData<string> Numbers => new(Cases.Keys);

    [Theory]
    [MemberData(nameof(Numbers))]
    public async Task Case(string number)
    {
        var one = Cases[number]();
        await using var client = await RawClient.OpenAsync(fixture.Server, "/echo");
        var sending = SendPiecesAsync(client, one);
        foreach (var answer in one.Answers)
        {
            AssertAnswer(number, answer, await ReadAnswerAsync(client));
        }

        await sending;
        if (one.ClientCloses)
        {
            await client.SendAsync(ClientFrame.Close(1000));
        }

        var close = await ReadAnswerAsync(client);
        Assert.True(close.Opcode == Opcode.Close, $"{number}: {Describe(close)} instead of the close frame");
        var code = new ServerFrame(Opcode.Close, Final: true, close.Payload).CloseCode;
        Assert.True(code == one.CloseCode, $"{number}: close code {code} instead of {one.CloseCode}");
        var orderly = await client.ExpectEndAsync();
        Assert.True(orderly || !one.ClientCloses, $"{number}: reset instead of an orderly end");
    }

    [Theory]
    [InlineData("9.7", Opcode.Text)]
    [InlineData("9.8", Opcode.Binary)]
    public async Task Case_of_1000_round_trips(string group, Opcode opcode)
    {
        foreach (var bytes in new[] { 0, 16, 64, 256, 1024, 4096 })
        {
            await using var client = await RawClient.OpenAsync(fixture.Server, "/echo");
            var payload = Encoding.ASCII.GetBytes(new string('*', bytes));
            for (var i = 0; i < 1000; i++)
            {
                await client.SendAsync(new ClientFrame(opcode, payload));
                var echo = await client.ReadFrameAsync();
                Assert.True(echo.Opcode == opcode && echo.Payload.AsSpan().SequenceEqual(payload), $"{group}: wrong echo of message {i} of {bytes} bytes");
            }
        }
    }

    [Theory]
    [InlineData("5.19", Chop.None)]
    [InlineData("5.20", Chop.Frames)]
    public async Task Case_of_pings_answered_at_once_within_a_message(string number, Chop chop)
    {
        await using var client = await RawClient.OpenAsync(fixture.Server, "/echo");
        ClientFrame[] fragments = [.. ClientFrame.Fragments(Opcode.Text, "fragment1fragment2fragment3fragment4fragment5"u8.ToArray(), 9)];
        await SendAsync(client, chop, fragments[0], fragments[1], ClientFrame.Ping("pongme 1!"));
        AssertAnswer(number, Answer.Pong("pongme 1!"), await ReadAnswerAsync(client));
        await SendAsync(client, chop, fragments[2], fragments[3], ClientFrame.Ping("pongme 2!"));
        AssertAnswer(number, Answer.Pong("pongme 2!"), await ReadAnswerAsync(client));
        await SendAsync(client, chop, fragments[4]);
        AssertAnswer(number, Answer.Text("fragment1fragment2fragment3fragment4fragment5"), await ReadAnswerAsync(client));
    }

    /// <summary>Nothing behind the bad bytes is ever sent: the close frame alone proves that the server did not wait for it.</summary>
    [Theory]
    [InlineData("6.4.1", true, "CEBAE1BDB9CF83CEBCCEB5", "F4908080")]
    [InlineData("6.4.2", true, "CEBAE1BDB9CF83CEBCCEB5F4", "90")]
    [InlineData("6.4.3", false, "CEBAE1BDB9CF83CEBCCEB5", "F4908080")]
    [InlineData("6.4.4", false, "CEBAE1BDB9CF83CEBCCEB5F4", "90")]
    public async Task Case_of_failing_fast(string number, bool fragmented, string good, string bad)
    {
        await using var client = await RawClient.OpenAsync(fixture.Server, "/echo");
        byte[][] parts = [Convert.FromHexString(good), Convert.FromHexString(bad), "edited"u8.ToArray()];
        byte[][] pieces;
        if (fragmented)
        {
            pieces =
            [
                new ClientFrame(Opcode.Text, parts[0]) { Final = false }.Encode(),
                new ClientFrame(Opcode.Continuation, parts[1]) { Final = false }.Encode(),
            ];
        }
        else
        {
            var frame = new ClientFrame(Opcode.Text, parts.SelectMany(part => part).ToArray()).Encode();
            var badEnd = frame.Length - parts[2].Length;
            pieces = [frame[..(badEnd - parts[1].Length)], frame[(badEnd - parts[1].Length)..badEnd]];
        }

        await client.SendAsync(pieces[0]);
        await client.WaitUntilReadAsync();
        await client.SendAsync(pieces[1]);
        var close = await client.ReadFrameAsync();
        Assert.True(close.Opcode == Opcode.Close && close.CloseCode == 1007, $"{number}: {close.Opcode} {close.CloseCode}");
    }

    [Fact]
    public async Task Message_over_16_MiB_is_refused_before_it_is_sent()
    {
        await using var client = await RawClient.OpenAsync(fixture.Server, "/echo");
        await client.SendAsync(new ClientFrame(Opcode.Binary, default) { ClaimedLength = (16 << 20) + 1 });
        Assert.Equal(1009, await client.ReadCloseAsync());
    }

    [Theory]
    [InlineData(3, 5UL)]
    [InlineData(9, 5UL)]
    [InlineData(9, 65535UL)]
    [InlineData(9, 0x8000_0000_0000_0000UL)]
    public async Task Length_that_is_not_minimal_or_has_the_top_bit_fails(int lengthBytes, ulong length)
    {
        await using var client = await RawClient.OpenAsync(fixture.Server, "/echo");
        await client.SendAsync(ClientFrame.Text("hello") with { LengthBytes = lengthBytes, ClaimedLength = length });
        Assert.Equal(1002, await client.ReadCloseAsync());
    }

    [Fact]
    public async Task Code_1015_must_not_be_sent()
    {
        await using var client = await RawClient.OpenAsync(fixture.Server, "/echo");
        await client.SendAsync(ClientFrame.Close(1015));
        Assert.Equal(1002, await client.ReadCloseAsync());
    }

    private static async Task SendAsync(RawClient client, Chop chop, params ClientFrame[] frames)
    {
        foreach (var piece in new ConformanceCase("") { Frames = frames, Chop = chop }.Pieces())
        {
            await client.SendAsync(piece);
        }
    }

    /// <summary>Sends all pieces; a server that fails the connection meanwhile ends it.</summary>
    private static async Task SendPiecesAsync(RawClient client, ConformanceCase one)
    {
        try
        {
            foreach (var piece in one.Pieces())
            {
                await client.SendAsync(piece);
            }
        }
        catch (SocketException) when (!one.ClientCloses)
        {
        }
    }

    private static async Task<Answer> ReadAnswerAsync(RawClient client)
    {
        var frame = await client.ReadFrameAsync();
        if (frame.Final)
        {
            return new Answer(frame.Opcode, frame.Payload);
        }

        var message = new MemoryStream();
        message.Write(frame.Payload);
        for (var final = false; !final;)
        {
            var next = await client.ReadFrameAsync();
            Assert.Equal(Opcode.Continuation, next.Opcode);
            message.Write(next.Payload);
            final = next.Final;
        }

        return new Answer(frame.Opcode, message.ToArray());
    }

    private static void AssertAnswer(string number, Answer expected, Answer actual) => Assert.True(
        expected.Opcode == actual.Opcode && expected.Payload.AsSpan().SequenceEqual(actual.Payload),
        $"{number}: {Describe(actual)} instead of {Describe(expected)}");

    private static string Describe(Answer answer) =>
        $"{answer.Opcode} of {answer.Payload.Length} bytes ({Convert.ToHexString(answer.Payload.AsSpan(0, Math.Min(32, answer.Payload.Length)))})";
}
