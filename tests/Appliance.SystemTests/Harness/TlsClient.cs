using System.Globalization;
using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Net.WebSockets;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;

namespace Appliance.SystemTests.Harness;

/// <summary>A client by TLS, of the runtime's.</summary>
public sealed class TlsClient : IAsyncDisposable
{
    private readonly byte[] _buffer = new byte[64 << 10];
    private WebSocket? _socket;

    private TlsClient(SslStream stream) => Stream = stream;

    /// <summary>What is sent and received by TLS.</summary>
    public SslStream Stream { get; }

    /// <summary>The subject of the server's certificate.</summary>
    public string Subject => new X509Certificate2(Stream.RemoteCertificate!).Subject;

    /// <summary>Where a server listens for TLS, by its log.</summary>
    public static IPEndPoint AddressOf(IEnumerable<string> log)
    {
        var ready = log.Select(line => Regex.Match(line, @"ready on https://127\.0\.0\.1:(?<port>\d+)/", RegexOptions.ExplicitCapture, TimeLimit.Event));
        return new IPEndPoint(IPAddress.Loopback, int.Parse(ready.Last(match => match.Success).Groups["port"].Value, CultureInfo.InvariantCulture));
    }

    /// <summary>Connects, and shakes hands.</summary>
    /// <param name="address">Where.</param>
    /// <param name="host">The name that it asks for.</param>
    /// <param name="with">What else it wants.</param>
    /// <param name="through">What its bytes pass through below TLS.</param>
    public static async Task<TlsClient> ConnectAsync(
        IPEndPoint address, string host = "localhost", Action<SslClientAuthenticationOptions>? with = null, Func<Stream, Stream>? through = null)
    {
        var tcp = new TcpClient { NoDelay = true };
        await tcp.ConnectAsync(address);
        Stream stream = tcp.GetStream();
        var client = new TlsClient(new SslStream(through?.Invoke(stream) ?? stream));
        var options = new SslClientAuthenticationOptions
        {
            TargetHost = host,
            RemoteCertificateValidationCallback = (_, certificate, _, _) => certificate is not null,
        };
        with?.Invoke(options);
        try
        {
            return await TimeLimit.GuardAsync("handshake of TLS", async limit =>
            {
                await client.Stream.AuthenticateAsClientAsync(options, limit);
                return client;
            });
        }
        catch
        {
            await client.DisposeAsync();
            throw;
        }
    }

    /// <summary>Connects, and enters a room.</summary>
    public static async Task<TlsClient> JoinAsync(IPEndPoint address, string query = "history=0")
    {
        var client = await ConnectAsync(address);
        await client.EnterAsync(query);
        return client;
    }

    /// <summary>Enters a room.</summary>
    public Task EnterAsync(string query) => TimeLimit.GuardAsync("handshake", async limit =>
    {
        await Stream.WriteAsync(RawClient.UpgradeRequest($"/?{query}"), limit);
        var head = new StringBuilder();
        var one = new byte[1];
        while (!head.ToString().EndsWith("\r\n\r\n", StringComparison.Ordinal))
        {
            Assert.True(await Stream.ReadAsync(one, limit) == 1, $"The server ended after '{head}'.");
            _ = head.Append((char)one[0]);
        }

        Assert.StartsWith("HTTP/1.1 101 ", head.ToString(), StringComparison.Ordinal);
        _socket = WebSocket.CreateFromStream(Stream, new WebSocketCreationOptions());
        return true;
    });

    /// <summary>Says something.</summary>
    public Task SayAsync(string message, string name = "ann") => TimeLimit.GuardAsync("room to send", async limit =>
    {
        await _socket!.SendAsync(Encoding.UTF8.GetBytes(ChatClient.Json(message, name)), WebSocketMessageType.Text, endOfMessage: true, limit);
        return true;
    });

    /// <summary>The text of the next message of a user.</summary>
    public Task<string> ReadAsync() => TimeLimit.GuardAsync("message", async limit =>
    {
        while (true)
        {
            var length = 0;
            WebSocketReceiveResult part;
            do
            {
                part = await _socket!.ReceiveAsync(new ArraySegment<byte>(_buffer, length, _buffer.Length - length), limit);
                length += part.Count;
            }
            while (!part.EndOfMessage);
            Assert.True(part.MessageType == WebSocketMessageType.Text, $"closed with {part.CloseStatus} {part.CloseStatusDescription}");
            var json = JsonNode.Parse(Encoding.UTF8.GetString(_buffer, 0, length))!.AsObject();
            if ((string?)json["type"] == "usermsg")
            {
                return (string)json["message"]!;
            }
        }
    });

    /// <summary>Closes by the closing handshake of WebSockets.</summary>
    public Task CloseAsync() => TimeLimit.GuardAsync("close", async limit =>
    {
        await _socket!.CloseAsync(WebSocketCloseStatus.NormalClosure, "", limit);
        return true;
    });

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        _socket?.Dispose();
        await Stream.DisposeAsync();
    }
}
