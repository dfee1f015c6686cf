using System.Net;
using System.Net.Sockets;

namespace Appliance.SystemTests.Harness;

/// <summary>
/// The path to a server, which can die as paths do: nothing is passed on any more, and no end of the connection either. What is passed on again
/// later belongs to connections made after that; those of before stay dead.
/// </summary>
public sealed class TcpPath : IAsyncDisposable
{
    private readonly TcpListener _listener = new(IPAddress.Loopback, 0);
    private readonly IPEndPoint _server;
    private readonly CancellationTokenSource _end = new();
    private readonly List<Socket> _sockets = [];
    private readonly Task _accepting;
    private TaskCompletionSource _death = new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <summary>A path that works.</summary>
    public TcpPath(ApplianceServer server)
    {
        _server = server.Address;
        _listener.Start();
        _accepting = AcceptAsync();
    }

    /// <summary>Address of the chat page, by this way.</summary>
    public string Url => $"http://{_listener.LocalEndpoint}/";

    /// <summary>From now on nothing comes through.</summary>
    public void Die() => _death.SetResult();

    /// <summary>New connections come through.</summary>
    public void Revive() => _death = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        await _end.CancelAsync();
        _listener.Dispose();
        await _accepting;
        lock (_sockets)
        {
            _sockets.ForEach(socket => socket.Dispose());
        }

        _end.Dispose();
    }

    private async Task AcceptAsync()
    {
        try
        {
            while (true)
            {
                var client = await _listener.AcceptSocketAsync(_end.Token);
                var server = new Socket(SocketType.Stream, ProtocolType.Tcp);
                lock (_sockets)
                {
                    _sockets.AddRange([client, server]);
                }

                var death = _death.Task;
                if (!death.IsCompleted)
                {
                    await server.ConnectAsync(_server, _end.Token);
                    _ = PassAsync(client, server, death);
                    _ = PassAsync(server, client, death);
                }
            }
        }
        catch (Exception ended) when (ended is OperationCanceledException or SocketException or ObjectDisposedException)
        {
            // The test is over.
        }
    }

    private async Task PassAsync(Socket from, Socket to, Task death)
    {
        var buffer = new byte[64 * 1024];
        try
        {
            int count;
            while ((count = await from.ReceiveAsync(buffer, _end.Token)) > 0 && !death.IsCompleted)
            {
                _ = await to.SendAsync(buffer.AsMemory(0, count), _end.Token);
            }

            if (!death.IsCompleted)
            {
                to.Shutdown(SocketShutdown.Send);
            }
        }
        catch (Exception ended) when (ended is OperationCanceledException or SocketException or ObjectDisposedException)
        {
            // One of both is gone.
        }
    }
}
