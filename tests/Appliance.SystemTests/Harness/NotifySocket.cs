using System.Net.Sockets;
using System.Text;
using System.Threading.Channels;

namespace Appliance.SystemTests.Harness;

/// <summary>
/// The socket of a service manager, sd_notify(3). It is read from the beginning on, as systemd's is: its queue holds a dozen datagrams, those of
/// a watchdog fill it in a moment, and what does not fit then is lost.
/// </summary>
public sealed class NotifySocket : IDisposable
{
    private readonly Socket _socket = new(AddressFamily.Unix, SocketType.Dgram, ProtocolType.Unspecified);
    private readonly Channel<IReadOnlyDictionary<string, string>> _told = Channel.CreateUnbounded<IReadOnlyDictionary<string, string>>();

    /// <summary>Binds it.</summary>
    /// <param name="path">A path, or NUL and the name of an abstract address.</param>
    public NotifySocket(string path)
    {
        _socket.Bind(new UnixDomainSocketEndPoint(path));
        _ = ReadOnAsync();
    }

    /// <summary>The next datagram: <c>NAME=value</c> a line.</summary>
    public Task<IReadOnlyDictionary<string, string>> ReceiveAsync() => TimeLimit.GuardAsync("notification", limit => _told.Reader.ReadAsync(limit).AsTask());

    /// <inheritdoc/>
    public void Dispose() => _socket.Dispose();

    private async Task ReadOnAsync()
    {
        var buffer = new byte[4096];
        try
        {
            while (true)
            {
                var received = await _socket.ReceiveAsync(buffer);
                _ = _told.Writer.TryWrite(Encoding.UTF8.GetString(buffer, 0, received)
                    .Split('\n', StringSplitOptions.RemoveEmptyEntries)
                    .Select(line => line.Split('=', 2))
                    .ToDictionary(pair => pair[0], pair => pair[1], StringComparer.Ordinal));
            }
        }
        catch (Exception end) when (end is SocketException or ObjectDisposedException)
        {
            _ = _told.Writer.TryComplete();
        }
    }
}
