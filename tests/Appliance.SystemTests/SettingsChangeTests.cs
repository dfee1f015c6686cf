using System.Text;
using Appliance.SystemTests.Harness;

namespace Appliance.SystemTests;

/// <summary>
/// Every setting that a running server takes over, lowered and raised, by a reload and by an upgrade, while everything that can be half done is
/// half done: it ends as the new settings have it, nobody is dropped who need not be, and no process dies.
/// </summary>
[Trait(TestEngine.Name, TestEngine.Any)]
public sealed class SettingsChangeTests
{
    /// <summary>Bytes of the message of which half is sent before the change.</summary>
    private const int HalfMessageBytes = 20_000;

    /// <summary>What is in force at the beginning of each case.</summary>
    private static readonly Dictionary<string, string> Base = new(StringComparer.Ordinal)
    {
        ["history"] = "20",
        ["max-message"] = "10000",
        ["max-name"] = "100",
        ["max-frame"] = "65536",
        ["max-rate"] = "0",
        ["echo"] = "on",
        ["room-size"] = "2M",
    };

    /// <summary>The settings, with the values they change to. What else may change at run time has tests of its own: proc.</summary>
    private static readonly (string Name, string[] Values)[] Changes =
    [
        ("history", ["0", "10000"]),
        ("max-memory", ["1M", "64M"]),
        ("max-connections", ["1", "1000000"]),
        ("max-name", ["1", "1000"]),
        ("max-message", ["1", "9999"]),
        ("max-frame", ["128", "16M"]),
        ("max-rate", ["1", "100000"]),
        ("announce", ["off", "count"]),
        ("echo", ["off"]),
        ("ping", ["1", "89"]),
        ("timeout", ["31", "86400"]),
        ("handshake-timeout", ["5", "3600"]),
        ("drain", ["0", "3600"]),
        ("upgrade-timeout", ["5", "90"]),
        ("journal-sync", ["always", "off"]),
        ("log-level", ["error", "debug"]),
    ];

    [Theory]
    [InlineData("reload", 0)]
    [InlineData("reload", 2)]
    [InlineData("upgrade", 2)]
    public async Task Everything_half_done_ends_well(string how, int workers)
    {
        await using var daemon = new ApplianceDaemon();
        daemon.ChoosePort();
        Configure(daemon, workers, []);
        string[] mode = workers == 0 ? ["--nofork"] : [];
        var started = await daemon.LaunchAsync(["--config", ConfigurationOf(daemon), .. mode]);
        Assert.True(started.ExitCode == 0, started.ToString());
        foreach (var (name, values) in Changes)
        {
            foreach (var value in values)
            {
                try
                {
                    await ChangeAsync(daemon, how, workers, name, value);
                }
                catch (Exception failure)
                {
                    throw new InvalidOperationException($"{how} with {name} = {value}: {failure.Message} {daemon.Tail()}", failure);
                }
            }
        }

        Assert.DoesNotContain(daemon.Log, line => line.Contains(" died: ", StringComparison.Ordinal));
        Assert.DoesNotContain(daemon.Log, line => line.Contains("Exception", StringComparison.Ordinal));
    }

    /// <summary>A stop is under way, with a client that does not answer its close, when settings change.</summary>
    [Theory]
    [InlineData(0)]
    [InlineData(2)]
    public async Task Reload_within_a_stop_holds_nothing_up(int workers)
    {
        await using var daemon = new ApplianceDaemon();
        Configure(daemon, workers, [("drain", "3")]);
        string[] mode = workers == 0 ? ["--nofork"] : [];
        var started = await daemon.LaunchAsync(["--config", ConfigurationOf(daemon), .. mode]);
        Assert.True(started.ExitCode == 0, started.ToString());
        await using var silent = await daemon.JoinAsync();
        var master = daemon.Master;
        await ApplianceDaemon.SignalAsync(master, "TERM");
        Assert.Equal(1001, await silent.Raw.ReadCloseAsync());
        Configure(daemon, workers, [("drain", "3600"), ("max-frame", "128")]);
        await ApplianceDaemon.SignalAsync(master, "HUP");
        await daemon.WaitForEndAsync(master);
    }

    private static async Task ChangeAsync(ApplianceDaemon daemon, string how, int workers, string name, string value)
    {
        Configure(daemon, workers, []);
        _ = await daemon.SucceedAsync("reload");
        var processes = daemon.Workers().Values.Select(worker => worker.Pid).ToHashSet();
        await using var pair = await ChatPair.JoinAsync(daemon);
        await using var half = await HalfDone.BeginAsync(daemon);

        Configure(daemon, workers, [(name, value)]);
        _ = await daemon.SucceedAsync(how);
        var frameMax = name == "max-frame" ? (value == "128" ? 128 : 16 << 20) : 64 << 10;
        await half.EndAsync(frameMax, isFull: name == "max-connections" && value == "1", mayLose: name == "max-memory" && value == "1M");

        if (how == "reload")
        {
            Assert.Equal(processes, daemon.Workers().Values.Select(worker => worker.Pid).ToHashSet());
        }

        foreach (var client in new[] { pair.Ann, pair.Bob })
        {
            // A burst of messages may have used up what the new rate allows, but not this member's.
            await client.SayAsync("x", "y");
            foreach (var reader in new[] { pair.Ann, pair.Bob })
            {
                _ = await reader.ReadMessageAsync("x");
            }
        }
    }

    private static void Configure(ApplianceDaemon daemon, int workers, IEnumerable<(string Name, string Value)> changed)
    {
        var settings = new Dictionary<string, string>(Base, StringComparer.Ordinal) { ["journal"] = Path.Combine(daemon.StateDirectory, "journal") };
        if (workers > 0)
        {
            settings["proc"] = $"{workers}";
        }

        foreach (var (name, value) in changed)
        {
            settings[name] = value;
        }

        File.WriteAllLines(ConfigurationOf(daemon), settings.Select(setting => $"{setting.Key} = {setting.Value}"));
    }

    private static string ConfigurationOf(ApplianceDaemon daemon) => Path.Combine(daemon.Folder, "appliance.conf");

    /// <summary>Connections that are in the middle of something.</summary>
    private sealed class HalfDone : IAsyncDisposable
    {
        /// <summary>More than the kernel holds for a client, and less than the room does.</summary>
        private const int FloodMessages = 120;

        private static readonly byte[] Handshake = RawClient.UpgradeRequest("/?room=half&history=0");
        private static readonly byte[] Message = ClientFrame.Text(ChatClient.Json(new string('m', HalfMessageBytes))).Encode();
        private static readonly byte[][] Fragments = [.. ClientFrame
            .Fragments(Opcode.Text, Encoding.UTF8.GetBytes(ChatClient.Json(new string('f', HalfMessageBytes))), HalfMessageBytes / 4)
            .Select(frame => frame.Encode())];

        private static readonly byte[] Ping = ClientFrame.Ping("half a ping").Encode();
        private static readonly byte[] Close = ClientFrame.Close(1000).Encode();
        private static readonly byte[] Echo = ClientFrame.Binary(new byte[HalfMessageBytes]).Encode();

        private readonly List<RawClient> _clients = [];
        private string _last = "";

        private RawClient Asking => _clients[0];

        private RawClient Saying => _clients[1];

        private RawClient Fragmenting => _clients[2];

        private RawClient Pinging => _clients[3];

        private RawClient Closing => _clients[4];

        private RawClient Echoing => _clients[5];

        private RawClient Blocked => _clients[6];

        private RawClient Striking => _clients[7];

        public static async Task<HalfDone> BeginAsync(ApplianceDaemon daemon)
        {
            var half = new HalfDone();
            half._clients.Add(await RawClient.ConnectAsync(daemon.Address));
            for (var i = 1; i <= 7; i++)
            {
                half._clients.Add(await RawClient.ConnectAsync(daemon.Address, receiveBuffer: i == 6 ? 4096 : null));
                _ = await half._clients[i].UpgradeAsync(i == 5 ? "/echo" : i == 6 ? "/?room=flood&history=0" : "/?room=half&history=0");
            }

            await half.Asking.SendAsync(Handshake.AsMemory(0, Handshake.Length / 2));
            await half.Saying.SendAsync(Message.AsMemory(0, Message.Length / 2));
            await half.Fragmenting.SendAsync(Fragments[0]);
            await half.Fragmenting.SendAsync(Fragments[1].AsMemory(0, Fragments[1].Length / 2));
            await half.Pinging.SendAsync(Ping.AsMemory(0, Ping.Length / 2));
            await half.Closing.SendAsync(Close.AsMemory(0, Close.Length / 2));
            await half.Echoing.SendAsync(Echo.AsMemory(0, Echo.Length / 2));
            await half.Striking.SendAsync(ClientFrame.Text("no chat"), ClientFrame.Text("no chat"));
            await using (var flood = await daemon.JoinAsync("room=flood&history=0"))
            {
                for (var i = 0; i < FloodMessages; i++)
                {
                    half._last = (await flood.SayAndReadAsync($"{i} {new string('x', 9000)}", "flood")).Id!;
                }
            }

            // Answers wait behind the message in which it is blocked.
            await half.Blocked.SendAsync(ClientFrame.Ping("waits"), ClientFrame.Text("no chat"));
            foreach (var client in half._clients)
            {
                await client.WaitUntilReadAsync();
            }

            return half;
        }

        public async Task EndAsync(int frameMax, bool isFull, bool mayLose)
        {
            await Asking.SendAsync(Handshake.AsMemory(Handshake.Length / 2));
            Assert.Equal(isFull ? 503 : 101, (await Asking.ReadResponseAsync()).Status);
            await Saying.SendAsync(Message.AsMemory(Message.Length / 2));
            await AssertMessageAsync(Saying, frameMax);
            await Fragmenting.SendAsync(Fragments[1].AsMemory(Fragments[1].Length / 2));
            for (var i = 2; i < Fragments.Length && frameMax > HalfMessageBytes; i++)
            {
                await Fragmenting.SendAsync(Fragments[i]);
            }

            await AssertMessageAsync(Fragmenting, frameMax);
            await Pinging.SendAsync(Ping.AsMemory(Ping.Length / 2));
            Assert.Equal("half a ping", (await ReadUntilAsync(Pinging, Opcode.Pong)).Text);
            await Closing.SendAsync(Close.AsMemory(Close.Length / 2));
            Assert.Equal(1000, await Closing.ReadCloseAsync());
            await Echoing.SendAsync(Echo.AsMemory(Echo.Length / 2));
            Assert.Equal(HalfMessageBytes, (await ReadUntilAsync(Echoing, Opcode.Binary)).Payload.Length);
            await AssertBlockedAsync(mayLose);
            await Striking.SendAsync(ClientFrame.Ping("still there"));
            Assert.Equal("still there", (await ReadUntilAsync(Striking, Opcode.Pong)).Text);
        }

        public async ValueTask DisposeAsync()
        {
            foreach (var client in _clients)
            {
                await client.DisposeAsync();
            }
        }

        /// <summary>Too long for a chat message in any case; beyond the limit of a frame it ends the connection.</summary>
        private static async Task AssertMessageAsync(RawClient client, int frameMax)
        {
            if (frameMax < HalfMessageBytes)
            {
                Assert.Equal(1009, await client.ReadCloseAsync());
                return;
            }

            ServerFrame frame;
            do
            {
                frame = await client.ReadFrameAsync();
                Assert.NotEqual(Opcode.Close, frame.Opcode);
            }
            while (!frame.Text.Contains("\"too_long\"", StringComparison.Ordinal));
        }

        /// <summary>It gets all of the flood and the answers between; where memory was cut, a gap or a reset is allowed.</summary>
        private async Task AssertBlockedAsync(bool mayLose)
        {
            var seen = new HashSet<string>(StringComparer.Ordinal);
            try
            {
                while (!(seen.Contains("pong") && seen.Contains("error") && seen.Contains(_last)))
                {
                    var frame = await Blocked.ReadFrameAsync();
                    Assert.NotEqual(Opcode.Close, frame.Opcode);
                    _ = frame.Opcode == Opcode.Pong ? seen.Add("pong")
                        : frame.Text.Contains("\"bad_json\"", StringComparison.Ordinal) || frame.Text.Contains("\"too_fast\"", StringComparison.Ordinal)
                            ? seen.Add("error")
                        : frame.Text.Contains(_last, StringComparison.Ordinal) && seen.Add(_last);
                    Assert.False(!mayLose && frame.Text.StartsWith("{\"type\":\"gap\"", StringComparison.Ordinal), "messages are missing");
                }
            }
            catch (EndOfStreamException) when (mayLose)
            {
                // A stream that was overtaken inside a message cannot go on.
            }
        }

        private static async Task<ServerFrame> ReadUntilAsync(RawClient client, Opcode wanted)
        {
            while (true)
            {
                var frame = await client.ReadFrameAsync();
                Assert.NotEqual(Opcode.Close, frame.Opcode);
                if (frame.Opcode == wanted)
                {
                    return frame;
                }
            }
        }
    }
}
