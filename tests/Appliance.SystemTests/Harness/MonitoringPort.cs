using System.Buffers.Binary;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text;
using System.Text.Json;
using System.Text.RegularExpressions;

namespace Appliance.SystemTests.Harness;

/// <summary>The monitoring port of a server that was started with <see cref="Options"/>.</summary>
public sealed class MonitoringPort(IPEndPoint address)
{
    /// <summary>The options of a server whose kernel chooses the port.</summary>
    public static string[] Options => ["--metrics", "127.0.0.1:0"];

    /// <summary>Where it listens.</summary>
    public IPEndPoint Address => address;

    /// <summary>Address of the page.</summary>
    public string Url => $"http://{address}/";

    /// <summary>The port of a single process.</summary>
    public static async Task<MonitoringPort> OfAsync(ApplianceServer server) => Parse(await server.WaitForLogAsync("monitoring on "));

    /// <summary>The port of a daemon.</summary>
    public static async Task<MonitoringPort> OfAsync(ApplianceDaemon daemon) => Parse(await daemon.WaitForLogAsync("monitoring on "));

    /// <summary>Asks once, on a connection of its own.</summary>
    public async Task<HttpResponse> GetAsync(string target)
    {
        await using var client = await RawClient.ConnectAsync(address);
        await client.SendAsync(RawClient.Request($"GET {target} HTTP/1.1", "Host: 127.0.0.1"));
        return await client.ReadResponseAsync();
    }

    /// <summary>The body of an answer that must be 200.</summary>
    public async Task<string> TextAsync(string target)
    {
        var response = await GetAsync(target);
        Assert.True(response.Status == 200, response.Head + response.Text);
        return response.Text;
    }

    /// <summary>All figures.</summary>
    public async Task<JsonElement> StatusAsync()
    {
        using var json = JsonDocument.Parse(await TextAsync("/status"));
        return json.RootElement.Clone();
    }

    /// <summary>Asks until the figures are as expected.</summary>
    public async Task<JsonElement> WaitForStatusAsync(string awaited, Func<JsonElement, bool> isAsExpected)
    {
        var last = default(JsonElement);
        return await TimeLimit.GuardAsync(awaited, async limit =>
        {
            while (!isAsExpected(last = await StatusAsync()))
            {
                await Task.Delay(50, limit);
            }

            return last;
        }, () => last.ToString());
    }

    /// <summary>Asks as a Zabbix server does, with any bytes, and returns the data of the answer.</summary>
    public async Task<string> ZabbixAsync(byte[] question)
    {
        using var socket = new Socket(SocketType.Stream, ProtocolType.Tcp);
        return await TimeLimit.GuardAsync("answer to Zabbix", async limit =>
        {
            await socket.ConnectAsync(address, limit);
            _ = await socket.SendAsync(question, limit);
            using var answer = new MemoryStream();
            var bytes = new byte[4096];
            for (int read; (read = await socket.ReceiveAsync(bytes, limit)) > 0;)
            {
                answer.Write(bytes, 0, read);
            }

            var all = answer.ToArray();
            Assert.Equal("ZBXD\x01", Encoding.Latin1.GetString(all[..5]));
            Assert.Equal(all.Length - 13, (int)BinaryPrimitives.ReadInt64LittleEndian(all.AsSpan(5)));
            return Encoding.UTF8.GetString(all[13..]);
        });
    }

    /// <summary>The samples of a text for Prometheus: name and labels, and the value.</summary>
    public static IReadOnlyDictionary<string, double> Series(string text) => text.Split('\n', StringSplitOptions.RemoveEmptyEntries)
        .Where(line => !line.StartsWith('#'))
        .ToDictionary(
            line => line[..line.LastIndexOf(' ')], line => double.Parse(line[(line.LastIndexOf(' ') + 1)..], CultureInfo.InvariantCulture),
            StringComparer.Ordinal);

    /// <summary>The performance data of a plugin's line: label, and the value without its unit.</summary>
    public static IReadOnlyDictionary<string, double> PerformanceData(string line)
    {
        var data = line[(line.IndexOf('|', StringComparison.Ordinal) + 1)..].Trim().Split(' ');
        return data
            .Select(one => Regex.Match(
                one, @"^(?<label>[a-z0-9_]+)=(?<value>-?[0-9.]+)(?<unit>c|ms|s|%|B|)(;[0-9.:@~-]*){0,4}$", RegexOptions.ExplicitCapture,
                TimeSpan.FromSeconds(1)))
            .ToDictionary(
                match => match.Groups["label"].Value, match => double.Parse(match.Groups["value"].Value, CultureInfo.InvariantCulture), StringComparer.Ordinal);
    }

    private static MonitoringPort Parse(string line)
    {
        var address = Regex.Match(line, @"monitoring on http://127\.0\.0\.1:(?<port>\d+)/", RegexOptions.ExplicitCapture, TimeSpan.FromSeconds(1));
        var port = address.Groups["port"].Value;
        return new MonitoringPort(new IPEndPoint(IPAddress.Loopback, int.Parse(port, CultureInfo.InvariantCulture)));
    }
}
