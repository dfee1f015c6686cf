using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;
using System.Text;

namespace Appliance.SystemTests.Harness;

/// <summary>An application that <c>--auth ask</c> asks: each request goes to a handler, which says byte for byte what comes back.</summary>
public sealed class AuthBackEnd : IAsyncDisposable
{
    /// <summary>Lets everybody in.</summary>
    public const string Yes = "HTTP/1.1 204 No Content\r\n\r\n";

    private readonly Socket _listener;
    private readonly EndPoint _address;
    private readonly Func<Question, Task> _handler;
    private readonly ConcurrentDictionary<Socket, byte> _open = new();
    private readonly Task _serving;
    private int _connections;

    /// <summary>Answers by a handler at a port of its own, or at an address.</summary>
    public AuthBackEnd(Func<Question, Task> handler, EndPoint? address = null)
    {
        _handler = handler;
        address ??= new IPEndPoint(IPAddress.Loopback, 0);
        _listener = new Socket(address.AddressFamily, SocketType.Stream, address is IPEndPoint ? ProtocolType.Tcp : ProtocolType.Unspecified);
        _listener.Bind(address);
        _listener.Listen(512);
        _address = _listener.LocalEndPoint!;
        _serving = ServeAsync();
    }

    /// <summary>Where it is, for <c>--auth-url</c>.</summary>
    public string Url => _address is IPEndPoint ip ? $"http://127.0.0.1:{ip.Port}/auth?a=b" : $"http://unix:{_address}:/auth?a=b";

    /// <summary>Its address, for another one.</summary>
    public EndPoint Address => _address;

    /// <summary>All requests so far.</summary>
    public ConcurrentQueue<Question> Questions { get; } = new();

    /// <summary>Connections so far.</summary>
    public int Connections => Volatile.Read(ref _connections);

    /// <summary>Answers everybody the same.</summary>
    public static AuthBackEnd Always(string response) => new(question => question.SendAsync(response));

    /// <summary>Waits for the request of a number, from 0 on.</summary>
    public Task<Question> WaitForQuestionAsync(int number = 0) => TimeLimit.GuardAsync($"question {number} to the back end", async limit =>
    {
        while (Questions.Count <= number)
        {
            await Task.Delay(2, limit);
        }

        return Questions.ElementAt(number);
    });

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        _listener.Dispose();
        foreach (var socket in _open.Keys)
        {
            socket.Dispose();
        }

        await _serving;
        if (_address is UnixDomainSocketEndPoint)
        {
            File.Delete(_address.ToString()!);
        }
    }

    private async Task ServeAsync()
    {
        try
        {
            while (true)
            {
                var socket = await _listener.AcceptAsync();
                _ = _open.TryAdd(socket, 0);
                _ = Interlocked.Increment(ref _connections);
                _ = AnswerAsync(socket);
            }
        }
        catch (Exception end) when (end is SocketException or ObjectDisposedException)
        {
            // It is closed.
        }
    }

    private async Task AnswerAsync(Socket socket)
    {
        try
        {
            var text = "";
            var buffer = new byte[32 << 10];
            while (await socket.ReceiveAsync(buffer) is > 0 and var count)
            {
                text += Encoding.Latin1.GetString(buffer, 0, count);
                for (var end = text.IndexOf("\r\n\r\n", StringComparison.Ordinal); end >= 0; end = text.IndexOf("\r\n\r\n", StringComparison.Ordinal))
                {
                    var question = new Question(text[..end], socket);
                    text = text[(end + 4)..];
                    Questions.Enqueue(question);
                    await _handler(question);
                }
            }
        }
        catch (Exception end) when (end is SocketException or ObjectDisposedException)
        {
            // The server does not want the answer any more.
        }
        finally
        {
            _ = _open.TryRemove(socket, out _);
            socket.Dispose();
        }
    }

    /// <summary>One request.</summary>
    /// <param name="Head">Its lines.</param>
    /// <param name="Socket">Where it came.</param>
    public sealed record Question(string Head, Socket Socket)
    {
        /// <summary>The path and query of the handshake.</summary>
        public string Target => Header("X-Original-URI") ?? "";

        /// <summary>The value of a header.</summary>
        public string? Header(string name) => Head.Split("\r\n")
            .FirstOrDefault(line => line.StartsWith($"{name}: ", StringComparison.OrdinalIgnoreCase))?[(name.Length + 2)..];

        /// <summary>Sends bytes.</summary>
        public async Task SendAsync(string text)
        {
            var bytes = Encoding.UTF8.GetBytes(text).AsMemory();
            while (!bytes.IsEmpty)
            {
                bytes = bytes[await Socket.SendAsync(bytes)..];
            }
        }

        /// <summary>Sends bytes, and nothing more.</summary>
        public async Task SendLastAsync(string text)
        {
            await SendAsync(text);
            Socket.Shutdown(SocketShutdown.Send);
        }

        /// <summary>Waits until the server has ended the connection.</summary>
        public Task WaitForEndAsync() => TimeLimit.GuardAsync("end of a connection to the back end", async limit =>
        {
            while (!HasEnded())
            {
                await Task.Delay(2, limit);
            }

            return true;
        });

        private bool HasEnded()
        {
            try
            {
                return Socket.Poll(0, SelectMode.SelectRead) && Socket.Available == 0;
            }
            catch (ObjectDisposedException)
            {
                return true;
            }
        }
    }
}
