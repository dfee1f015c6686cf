using Appliance.SystemTests.Harness;

namespace Appliance.SystemTests;

/// <summary>Clients that do not read what they get: others go on, memory stays bounded, and what is read later is never garbage.</summary>
public sealed class BackpressureTests
{
    private const long ResidentBytesMax = 100 << 20;

    /// <summary>
    /// 30 MB pass a client that does not read: more than its room and the kernel hold for it. The others see every message at once;
    /// it later reads what is left, whole and in order, with a gap message for what is not, or finds its connection reset.
    /// </summary>
    [Fact]
    public async Task Client_that_stops_reading_holds_nobody_up_and_never_gets_garbage()
    {
        await using var server = await ApplianceServer.StartAsync(
            "--announce", "off", "--max-rate", "0", "--max-message", "10000", "--room-size", "1048576");
        await using var pair = await ChatPair.JoinAsync(server);
        await using var blocked = await ChatClient.JoinAsync(server, pair.Query, receiveBuffer: 4096);
        var text = string.Concat(Enumerable.Repeat("é€", 5000));
        var last = "";
        for (var i = 0; i < 1200; i++)
        {
            await pair.Ann.SayAsync(text);
            last = (await pair.Ann.ReadAsync()).Id!;
            Assert.Equal(last, (await pair.Bob.ReadAsync()).Id);
        }

        await pair.AssertChatsAsync();
        var gaps = 0;
        try
        {
            var previous = 0L;
            var afterGap = true;
            ChatMessage message;
            do
            {
                message = await blocked.ReadAsync();
                if (message.Type == "gap")
                {
                    gaps++;
                    afterGap = true;
                    continue;
                }

                var id = message.IdNumber;
                Assert.True(afterGap ? id > previous : id == previous + 1, $"id {id} behind {previous}, gap: {afterGap}");
                Assert.Equal(text, message.Message);
                (previous, afterGap) = (id, false);
            }
            while (message.Id != last);
            Assert.True(gaps > 0, "The flood was too small to overtake the client.");
        }
        catch (EndOfStreamException e) when (e.InnerException is not null)
        {
            // The server may reset a client that it overtook inside a frame.
        }

        await pair.AssertChatsAsync();
    }

    /// <summary>Three times 3 MB, each less than the room keeps: what the kernel cannot hold waits in the room, across its end.</summary>
    [Fact]
    public async Task Slow_client_that_the_room_can_wait_for_misses_nothing()
    {
        await using var server = await ApplianceServer.StartAsync("--announce", "off", "--max-rate", "0", "--max-message", "10000");
        await using var pair = await ChatPair.JoinAsync(server);
        await using var slow = await ChatClient.JoinAsync(server, pair.Query, receiveBuffer: 4096);
        var text = string.Concat(Enumerable.Repeat("é€", 5000));
        for (var round = 0; round < 3; round++)
        {
            var said = new List<ChatMessage>();
            for (var i = 0; i < 120; i++)
            {
                await pair.Ann.SayAsync(text[i..]);
                said.Add(await pair.Ann.ReadAsync());
                Assert.Equal(said[^1].Id, (await pair.Bob.ReadAsync()).Id);
            }

            foreach (var message in said)
            {
                Assert.Equal(message.ToString(), (await slow.ReadAsync()).ToString());
            }
        }
    }

    /// <summary>While a client is blocked inside a frame, its answers must wait for the frame's end.</summary>
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Answers_to_a_blocked_client_come_between_messages(bool serverStops)
    {
        await using var server = await ApplianceServer.StartAsync("--announce", "off", "--max-rate", "0", "--max-message", "10000");
        await using var pair = await ChatPair.JoinAsync(server);
        await using var blocked = await RawClient.OpenAsync(server, "/?" + pair.Query, receiveBuffer: 4096);
        var text = new string('x', 10_000);
        for (var i = 0; i < 300; i++)
        {
            await pair.Ann.SayAsync(text);
            _ = await pair.Ann.ReadAsync();
            _ = await pair.Bob.ReadAsync();
        }

        await blocked.SendAsync(ClientFrame.Ping("still there?"), ClientFrame.Text("no chat"));
        await blocked.WaitUntilReadAsync();
        await pair.AssertChatsAsync();
        var stopping = Task.FromResult(0);
        if (serverStops)
        {
            stopping = server.StopAsync();
            Assert.Equal(1001, await pair.Ann.Raw.ReadCloseAsync());
        }
        else
        {
            await blocked.SendAsync(ClientFrame.Close(1000));
        }

        var answers = new List<string>();
        ServerFrame frame;
        while ((frame = await blocked.ReadFrameAsync()).Opcode != Opcode.Close)
        {
            var isMessage = frame.Opcode == Opcode.Text && frame.Text.StartsWith("{\"type\":\"usermsg\"", StringComparison.Ordinal);
            Assert.True(
                !isMessage || frame.Text.Contains(text, StringComparison.Ordinal) || frame.Text.Contains("from ", StringComparison.Ordinal), frame.Text);
            if (!isMessage)
            {
                answers.Add(frame.Opcode == Opcode.Pong ? $"pong {frame.Text}" : frame.Text[..33] + "}");
            }
        }

        Assert.Equal(["pong still there?", """{"type":"error","code":"bad_json"}"""], answers);
        Assert.Equal(serverStops ? 1001 : 1000, frame.CloseCode);
        if (serverStops)
        {
            await blocked.SendAsync(ClientFrame.Close(1001));
        }

        await blocked.ExpectEndAsync();
        Assert.Equal(0, await stopping);
    }

    /// <summary>32 MB of pings without reading a pong: the server must stop reading instead of keeping the pongs.</summary>
    [Fact]
    public async Task Client_that_reads_no_pongs_is_not_read()
    {
        await using var server = await ApplianceServer.StartAsync("--announce", "off");
        await using var pair = await ChatPair.JoinAsync(server);
        await using var client = await RawClient.OpenAsync(server);
        var ping = ClientFrame.Ping(new string('p', 125)).Encode();
        var pings = (32 << 20) / ping.Length;
        var sending = await client.SendUntilBlockedAsync(Repeat(ping, pings));
        Assert.False(sending.IsCompleted, "The server took all pings.");
        Assert.InRange(server.ResidentBytes, 0, ResidentBytesMax);
        await pair.AssertChatsAsync();

        for (var i = 0; i < pings; i++)
        {
            var pong = await client.ReadFrameAsync();
            Assert.True(pong.Opcode == Opcode.Pong && pong.Payload.Length == 125 && !pong.Payload.AsSpan().ContainsAnyExcept((byte)'p'), $"pong {i}: {pong}");
        }

        await sending;
    }

    /// <summary>The same with echoes of 1 MiB, which are not small beside any buffer.</summary>
    [Fact]
    public async Task Client_that_reads_no_echo_is_not_read()
    {
        const int MessageBytes = 1 << 20;
        await using var server = await ApplianceServer.StartAsync("--announce", "off", "--echo");
        await using var pair = await ChatPair.JoinAsync(server);
        await using var client = await RawClient.OpenAsync(server, "/echo");
        var message = new byte[MessageBytes];
        new Random(1).NextBytes(message);
        var sending = await client.SendUntilBlockedAsync(Repeat(ClientFrame.Binary(message).Encode(), 64));
        Assert.False(sending.IsCompleted, "The server took all messages.");
        Assert.InRange(server.ResidentBytes, 0, ResidentBytesMax);
        await pair.AssertChatsAsync();

        for (var i = 0; i < 64; i++)
        {
            var echo = await client.ReadFrameAsync();
            Assert.True(echo.Opcode == Opcode.Binary && echo.Payload.AsSpan().SequenceEqual(message), $"echo {i} differs");
        }

        await sending;
    }

    private static byte[] Repeat(byte[] frame, int times)
    {
        var bytes = new byte[frame.Length * times];
        for (var i = 0; i < times; i++)
        {
            frame.CopyTo(bytes, i * frame.Length);
        }

        return bytes;
    }
}
