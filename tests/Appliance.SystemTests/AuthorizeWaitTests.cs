using Appliance.SystemTests.Harness;

namespace Appliance.SystemTests;

/// <summary>Handshakes that wait for a back end: what comes and goes meanwhile, how many are asked at a time, and what becomes of them in a daemon.</summary>
public sealed class AuthorizeWaitTests
{
    [Fact]
    public async Task Back_end_that_does_not_answer_costs_its_time_and_no_more()
    {
        await using var backEnd = new AuthBackEnd(_ => Task.CompletedTask);
        await using var server = await ApplianceServer.StartAsync("--auth", "ask", "--auth-url", backEnd.Url, "--auth-timeout", "1");
        await using var client = await RawClient.ConnectAsync(server);
        await client.SendAsync(RawClient.UpgradeRequest());
        await using var page = await RawClient.ConnectAsync(server);
        await page.SendAsync(RawClient.Request("GET / HTTP/1.1", "Host: a"));
        Assert.Equal(200, (await page.ReadResponseAsync()).Status);
        Assert.Equal(503, (await client.ReadResponseAsync()).Status);
        _ = await server.WaitForLogAsync($"3012 .*no answer within 1 seconds .*--auth-timeout.*{System.Text.RegularExpressions.Regex.Escape(backEnd.Url)}");
        await (await backEnd.WaitForQuestionAsync()).WaitForEndAsync();
    }

    [Fact]
    public async Task Back_end_that_is_not_there_is_told_at_a_bounded_rate_and_counted_until_it_is_there()
    {
        var backEnd = AuthBackEnd.Always(AuthBackEnd.Yes);
        var (url, address) = (backEnd.Url, backEnd.Address);
        await backEnd.DisposeAsync();
        await using var server = await ApplianceServer.StartAsync("--auth", "ask", "--auth-url", url, "--metrics", "127.0.0.1:0");
        for (int i = 0; i < 30; i++)
        {
            await using var refused = await RawClient.ConnectAsync(server);
            await refused.SendAsync(RawClient.UpgradeRequest());
            var response = await refused.ReadResponseAsync();
            Assert.Equal((503, "5"), (response.Status, response.Header("Retry-After")));
        }

        _ = await server.WaitForLogAsync("3020 .* more clients got 503");
        string[] lines = [.. server.Log.Where(line => line.Contains(" 3012 ", StringComparison.Ordinal))];
        Assert.InRange(lines.Length, 1, 29);
        Assert.All(lines, line => Assert.Contains("ECONNREFUSED", line, StringComparison.Ordinal));
        await using var again = new AuthBackEnd(question => question.SendAsync(AuthBackEnd.Yes), address);
        await using var client = await RawClient.OpenAsync(server);
    }

    [Fact]
    public async Task Client_that_goes_away_frees_everything()
    {
        await using var backEnd = new AuthBackEnd(_ => Task.CompletedTask);
        await using var server = await ApplianceServer.StartAsync("--auth", "ask", "--auth-url", backEnd.Url);
        int descriptors = server.DescriptorCount;
        for (int i = 0; i < 40; i++)
        {
            var client = await RawClient.ConnectAsync(server);
            await client.SendAsync(RawClient.UpgradeRequest());
            var question = await backEnd.WaitForQuestionAsync(i);
            await client.DisposeAsync();
            await question.WaitForEndAsync();
        }

        await server.WaitForDescriptorCountAsync(descriptors);
        Assert.DoesNotContain(server.Log, line => line.Contains(" 3012 ", StringComparison.Ordinal));
    }

    [Fact]
    public async Task Messages_that_come_before_the_answer_are_kept()
    {
        var held = new TaskCompletionSource();
        await using var backEnd = new AuthBackEnd(async question =>
        {
            await held.Task;
            await question.SendAsync(AuthBackEnd.Yes);
        });
        await using var server = await ApplianceServer.StartAsync("--auth", "ask", "--auth-url", backEnd.Url, "--announce", "off");
        await using var client = await RawClient.ConnectAsync(server);
        await client.SendAsync((byte[])[.. RawClient.UpgradeRequest(), .. ClientFrame.Encode(ClientFrame.Text(ChatClient.Json("first")))]);
        _ = await backEnd.WaitForQuestionAsync();
        await client.SendAsync(ClientFrame.Text(ChatClient.Json("second")));
        await client.WaitUntilReadAsync();
        held.SetResult();
        Assert.Equal(101, (await client.ReadResponseAsync()).Status);
        var chat = ChatClient.Over(client);
        _ = await chat.ReadMessageAsync("first");
        _ = await chat.ReadMessageAsync("second");
    }

    [Fact]
    public async Task Too_much_before_the_answer_is_refused()
    {
        await using var backEnd = new AuthBackEnd(_ => Task.CompletedTask);
        await using var server = await ApplianceServer.StartAsync("--auth", "ask", "--auth-url", backEnd.Url);
        await using var client = await RawClient.ConnectAsync(server);
        await client.SendAsync(RawClient.UpgradeRequest());
        var question = await backEnd.WaitForQuestionAsync();
        await client.SendAsync(new byte[40 << 10]);
        Assert.Equal(431, (await client.ReadResponseAsync()).Status);
        await question.WaitForEndAsync();
    }

    [Fact]
    public async Task Crowd_gets_in_behind_a_bounded_number_of_questions()
    {
        const int Clients = 200;
        int underWay = 0;
        int most = 0;
        var gate = new TaskCompletionSource();
        await using var backEnd = new AuthBackEnd(async question =>
        {
            int now = Interlocked.Increment(ref underWay);
            lock (gate)
            {
                most = Math.Max(most, now);
            }

            await gate.Task;
            _ = Interlocked.Decrement(ref underWay);
            await question.SendAsync("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
        });
        await using var server = await ApplianceServer.StartAsync("--auth", "ask", "--auth-url", backEnd.Url, "--auth-timeout", "60");
        List<RawClient> clients = [];
        for (int i = 0; i < Clients; i++)
        {
            clients.Add(await RawClient.ConnectAsync(server));
            await clients[i].SendAsync(RawClient.UpgradeRequest());
        }

        _ = await backEnd.WaitForQuestionAsync(31);
        foreach (var client in clients)
        {
            await client.WaitUntilReadAsync();
        }

        gate.SetResult();
        foreach (var client in clients)
        {
            Assert.Equal(101, (await client.ReadResponseAsync()).Status);
            await client.DisposeAsync();
        }

        Assert.Equal((32, Clients), (most, backEnd.Questions.Count));
    }

    [Theory]
    [InlineData(0)]
    [InlineData(2)]
    public async Task Stop_tells_those_who_wait_to_come_again(int workers)
    {
        await using var backEnd = new AuthBackEnd(_ => Task.CompletedTask);
        await using var daemon = await ApplianceDaemon.StartInModeAsync(workers, "--auth", "ask", "--auth-url", backEnd.Url, "--auth-timeout", "60");
        await using var client = await RawClient.ConnectAsync(daemon.Address);
        await client.SendAsync(RawClient.UpgradeRequest());
        _ = await backEnd.WaitForQuestionAsync();
        var stop = daemon.RunCommandAsync("stop");
        var response = await client.ReadResponseAsync();
        Assert.Equal((503, "5"), (response.Status, response.Header("Retry-After")));
        Assert.True(await client.ExpectEndAsync());
        Assert.Equal(0, (await stop).ExitCode);
    }

    /// <summary>Nothing is lost: the next process asks again, and the first message is kept, too.</summary>
    [Fact]
    public async Task Upgrade_asks_again()
    {
        var held = new TaskCompletionSource();
        await using var backEnd = new AuthBackEnd(async question =>
        {
            await held.Task;
            await question.SendAsync("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 26\r\n\r\n{\"sub\":\"u7\",\"name\":\"Ann\"} ");
        });
        await using var daemon = await ApplianceDaemon.StartAsync(2, "--auth", "ask", "--auth-url", backEnd.Url, "--announce", "off", "--auth-timeout", "60");
        await using var client = await RawClient.ConnectAsync(daemon.Address);
        await client.SendAsync((byte[])[.. RawClient.UpgradeRequest(), .. ClientFrame.Encode(ClientFrame.Text(ChatClient.Json("early")))]);
        var first = await backEnd.WaitForQuestionAsync();
        _ = await daemon.SucceedAsync("upgrade");
        await first.WaitForEndAsync();
        var second = await backEnd.WaitForQuestionAsync(1);
        Assert.Equal(first.Head, second.Head);
        held.SetResult();
        Assert.Equal(101, (await client.ReadResponseAsync()).Status);
        Assert.Equal("Ann", (await ChatClient.Over(client).ReadMessageAsync("early")).Name);
    }

    [Fact]
    public async Task Killed_worker_leaves_no_question_and_its_successor_asks()
    {
        bool answers = false;
        await using var backEnd = new AuthBackEnd(question => Volatile.Read(ref answers) ? question.SendAsync(AuthBackEnd.Yes) : Task.CompletedTask);
        await using var daemon = await ApplianceDaemon.StartAsync(1, "--auth", "ask", "--auth-url", backEnd.Url);
        await using var client = await RawClient.ConnectAsync(daemon.Address);
        await client.SendAsync(RawClient.UpgradeRequest());
        var question = await backEnd.WaitForQuestionAsync();
        await ApplianceDaemon.SignalAsync(daemon.Workers()[0], "KILL");
        await question.WaitForEndAsync();
        await daemon.WaitUntilAsync("another worker", () => daemon.Workers().Count == 1);
        Volatile.Write(ref answers, true);
        await using var next = await daemon.JoinAsync();
        _ = await next.SayAndReadAsync("hello");
    }

    /// <summary>A filter of system calls is for good, so a server that could not connect does not begin to ask.</summary>
    [Fact]
    public async Task Reload_takes_another_url_and_no_filter_away()
    {
        await using var backEnd = AuthBackEnd.Always(AuthBackEnd.Yes);
        await using var other = AuthBackEnd.Always(AuthBackEnd.Yes);
        await using var daemon = new ApplianceDaemon();
        string file = Path.Combine(daemon.Folder, "appliance.conf");
        File.WriteAllText(file, "auth = open\n");
        await daemon.StartWorkersAsync(1, "--config", file);
        File.WriteAllText(file, $"auth = ask\nauth-url = {backEnd.Url}\n");
        _ = await daemon.SucceedAsync("reload", "--config", file);
        _ = await daemon.WaitForLogAsync("1020 .*only after a restart: auth");
        await using var open = await daemon.JoinAsync();
        Assert.Empty(backEnd.Questions);
        _ = await daemon.SucceedAsync("upgrade", "--config", file);
        await using var asked = await daemon.JoinAsync();
        _ = Assert.Single(backEnd.Questions);
        File.WriteAllText(file, $"auth = ask\nauth-url = {other.Url}\n");
        _ = await daemon.SucceedAsync("reload", "--config", file);
        await using var again = await daemon.JoinAsync();
        Assert.Equal((1, 1), (backEnd.Questions.Count, other.Questions.Count));
        _ = await open.SayAndReadAsync("still here");
    }
}
