using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text;

namespace Appliance.SystemTests.Harness;

/// <summary>A client that sends any bytes and reads strictly. Not for use from several threads, but one may read while another sends.</summary>
public sealed class RawClient : IAsyncDisposable
{
    /// <summary>The key of RFC 6455 section 1.3.</summary>
    public const string SampleKey = "dGhlIHNhbXBsZSBub25jZQ==";

    /// <summary>The answer to <see cref="SampleKey"/>.</summary>
    public const string SampleAccept = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";

    private readonly Socket _socket;
    private byte[] _buffer = new byte[4096];
    private int _start;
    private int _end;

    private RawClient(Socket socket) => _socket = socket;

    /// <summary>Bytes received and not yet read by anyone.</summary>
    public int BufferedBytes => _end - _start;

    /// <summary>Our end of a TCP connection.</summary>
    public IPEndPoint LocalAddress => (IPEndPoint)_socket.LocalEndPoint!;

    /// <summary>The server's end of a TCP connection.</summary>
    public IPEndPoint RemoteAddress => (IPEndPoint)_socket.RemoteEndPoint!;

    /// <summary>Takes over a socket that is connected.</summary>
    public static RawClient Over(Socket socket) => new(socket);

    /// <summary>Connects to a server. A small <paramref name="receiveBuffer"/>, in bytes, makes a client that soon blocks its sender.</summary>
    public static Task<RawClient> ConnectAsync(ApplianceServer server, int? receiveBuffer = null) => ConnectAsync(server.Address, receiveBuffer);

    /// <summary>Connects to an IPv4, IPv6 or Unix address, from an address of this host.</summary>
    public static async Task<RawClient> ConnectAsync(EndPoint address, int? receiveBuffer = null, IPAddress? from = null)
    {
        var isUnix = address is UnixDomainSocketEndPoint;
        var socket = new Socket(address.AddressFamily, SocketType.Stream, isUnix ? ProtocolType.Unspecified : ProtocolType.Tcp);
        try
        {
            if (receiveBuffer is { } bytes)
            {
                socket.ReceiveBufferSize = bytes;
            }

            if (!isUnix)
            {
                socket.NoDelay = true;
            }

            if (from is not null)
            {
                socket.Bind(new IPEndPoint(from, 0));
            }

            return await TimeLimit.GuardAsync($"connection to {address}", async limit =>
            {
                await socket.ConnectAsync(address, limit);
                return new RawClient(socket);
            });
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }

    /// <summary>Connects and completes the handshake of <paramref name="target"/>.</summary>
    public static async Task<RawClient> OpenAsync(ApplianceServer server, string target = "/", int? receiveBuffer = null)
    {
        var client = await ConnectAsync(server, receiveBuffer);
        await client.UpgradeAsync(target);
        return client;
    }

    /// <summary>A correct handshake request with additional header lines (without CRLF).</summary>
    public static byte[] UpgradeRequest(string target = "/", params string[] headerLines) => Request(
        $"GET {target} HTTP/1.1",
        [
            "Host: 127.0.0.1",
            "Upgrade: websocket",
            "Connection: Upgrade",
            $"Sec-WebSocket-Key: {SampleKey}",
            "Sec-WebSocket-Version: 13",
            .. headerLines,
        ]);

    /// <summary>Any request: its first line and its header lines, all without CRLF.</summary>
    public static byte[] Request(string requestLine, params string[] headerLines) =>
        Encoding.UTF8.GetBytes(string.Concat(headerLines.Prepend(requestLine).Append("").Select(line => line + "\r\n")));

    /// <summary>Sends bytes as one piece.</summary>
    public Task SendAsync(ReadOnlyMemory<byte> bytes) => TimeLimit.GuardAsync("room to send", async limit =>
    {
        while (!bytes.IsEmpty)
        {
            bytes = bytes[await _socket.SendAsync(bytes, limit)..];
        }

        return true;
    });

    /// <summary>Waits until the server has taken all that was sent out of its socket, so that the next bytes come to it by a read of their own.</summary>
    public Task WaitUntilReadAsync() => TimeLimit.GuardAsync("reading of the server", async limit =>
    {
        while (SocketDiagnostics.UnreadBytes((IPEndPoint)_socket.RemoteEndPoint!, (IPEndPoint)_socket.LocalEndPoint!) > 0)
        {
            await Task.Delay(1, limit);
        }

        return true;
    });

    /// <summary>Sends bytes until all are gone or the server has taken none for a second; the rest goes on being sent.</summary>
    /// <returns>The sending, to be awaited when the server is to take the rest.</returns>
    public async Task<Task> SendUntilBlockedAsync(ReadOnlyMemory<byte> bytes)
    {
        const int PieceBytes = 64 * 1024;
        var pieces = 0;
        var sending = SendPiecesAsync();
        for (var seen = -1; !sending.IsCompleted && seen != pieces;)
        {
            seen = pieces;
            _ = await Task.WhenAny(sending, Task.Delay(TimeSpan.FromSeconds(1)));
        }

        return sending;

        async Task SendPiecesAsync()
        {
            for (; pieces * PieceBytes < bytes.Length; pieces++)
            {
                await SendAsync(bytes.Slice(pieces * PieceBytes, Math.Min(PieceBytes, bytes.Length - (pieces * PieceBytes))));
            }
        }
    }

    /// <summary>Sends bytes in pieces of a size, a TCP segment each.</summary>
    public async Task SendChoppedAsync(ReadOnlyMemory<byte> bytes, int pieceBytes)
    {
        for (var sent = 0; sent < bytes.Length; sent += pieceBytes)
        {
            await SendAsync(bytes.Slice(sent, Math.Min(pieceBytes, bytes.Length - sent)));
        }
    }

    /// <summary>Sends frames, all in one piece.</summary>
    public Task SendAsync(params ClientFrame[] frames) => SendAsync(ClientFrame.Encode(frames));

    /// <summary>Ends the sending direction; reading goes on.</summary>
    public void EndSending() => _socket.Shutdown(SocketShutdown.Send);

    /// <summary>Closes with a TCP reset.</summary>
    public void Reset()
    {
        _socket.LingerState = new LingerOption(enable: true, seconds: 0);
        _socket.Dispose();
    }

    /// <summary>Sends a correct handshake and asserts its answer.</summary>
    public async Task<HttpResponse> UpgradeAsync(string target = "/", params string[] headerLines)
    {
        await SendAsync(UpgradeRequest(target, headerLines));
        var response = await ReadResponseAsync();
        Assert.True(response.Status == 101, response.Head + response.Text);
        Assert.Equal(SampleAccept, response.Header("Sec-WebSocket-Accept"));
        return response;
    }

    /// <summary>Reads one response, its body by Content-Length. The answer to a HEAD request has none, whatever it claims.</summary>
    public async Task<HttpResponse> ReadResponseAsync(bool toHead = false)
    {
        int headBytes;
        while ((headBytes = Buffered.IndexOf("\r\n\r\n"u8)) < 0)
        {
            await ReceiveAsync("response");
        }

        var response = HttpResponse.ParseHead(Take(headBytes + 4));
        if (toHead || response.Header("Content-Length") is not { } length)
        {
            return response;
        }

        var bodyBytes = int.Parse(length, NumberStyles.None, CultureInfo.InvariantCulture);
        while (BufferedBytes < bodyBytes)
        {
            await ReceiveAsync("response body");
        }

        return response with { Body = Take(bodyBytes) };
    }

    /// <summary>Reads one frame.</summary>
    /// <exception cref="EndOfStreamException">The connection ended, orderly or by a reset.</exception>
    /// <exception cref="InvalidDataException">The frame breaks the RFC.</exception>
    public async Task<ServerFrame> ReadFrameAsync()
    {
        while (true)
        {
            var used = ServerFrame.TryParse(Buffered, out var frame);
            if (frame is not null)
            {
                _start += used;
                return frame;
            }

            await ReceiveAsync("frame");
        }
    }

    /// <summary>Reads frames up to the close frame, skipping the others.</summary>
    /// <returns>Its status code; null if it has none.</returns>
    public async Task<int?> ReadCloseAsync()
    {
        ServerFrame frame;
        do
        {
            frame = await ReadFrameAsync();
        }
        while (frame.Opcode != Opcode.Close);
        return frame.CloseCode;
    }

    /// <summary>Asserts that the server ends the connection and sends nothing more before it.</summary>
    /// <returns>True if it ended orderly, false if by a reset.</returns>
    public async Task<bool> ExpectEndAsync()
    {
        try
        {
            await ReceiveAsync("end of the connection");
        }
        catch (EndOfStreamException e)
        {
            Assert.True(BufferedBytes == 0, $"Unread bytes before the end: {Convert.ToHexString(Buffered)}");
            return e.InnerException is null;
        }

        throw new InvalidDataException($"Bytes instead of the end of the connection: {Convert.ToHexString(Buffered[..Math.Min(BufferedBytes, 256)])}");
    }

    /// <summary>All that comes until the server ends, by a reset or not.</summary>
    public Task<byte[]> ReadToEndAsync() => TimeLimit.GuardAsync("end of the connection", async limit =>
    {
        List<byte> all = [];
        try
        {
            while (await _socket.ReceiveAsync(_buffer, limit) is > 0 and var count)
            {
                all.AddRange(_buffer.AsSpan(0, count));
            }
        }
        catch (SocketException)
        {
            // A reset.
        }

        return all.ToArray();
    });

    /// <inheritdoc/>
    public ValueTask DisposeAsync()
    {
        _socket.Dispose();
        return ValueTask.CompletedTask;
    }

    private ReadOnlySpan<byte> Buffered => _buffer.AsSpan(_start, _end - _start);

    private byte[] Take(int bytes)
    {
        var taken = Buffered[..bytes].ToArray();
        _start += bytes;
        return taken;
    }

    private async Task ReceiveAsync(string awaited)
    {
        if (_start > 0)
        {
            Buffered.CopyTo(_buffer);
            (_start, _end) = (0, _end - _start);
        }

        if (_end == _buffer.Length)
        {
            Array.Resize(ref _buffer, _buffer.Length * 2);
        }

        int received;
        try
        {
            received = await TimeLimit.GuardAsync(awaited, limit => _socket.ReceiveAsync(_buffer.AsMemory(_end), limit).AsTask());
        }
        catch (SocketException e) when (e.SocketErrorCode == SocketError.ConnectionReset)
        {
            throw new EndOfStreamException($"The server reset the connection instead of: {awaited}.", e);
        }

        _end += received;
        if (received == 0)
        {
            throw new EndOfStreamException($"The server ended the connection instead of: {awaited}.");
        }
    }
}
