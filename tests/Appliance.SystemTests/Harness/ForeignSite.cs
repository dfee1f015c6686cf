using System.Net;
using System.Net.Sockets;
using System.Text;

namespace Appliance.SystemTests.Harness;

/// <summary>A web server of somebody else, with one page. Browsers let a page from the network reach this host less than one from this host.</summary>
public sealed class ForeignSite : IAsyncDisposable
{
    private readonly TcpListener _listener;
    private readonly byte[] _answer;
    private readonly Task _serving;

    /// <summary>Serves a page with this in its body at any path.</summary>
    /// <param name="address">Where, at a port of its own.</param>
    /// <param name="body">HTML.</param>
    public ForeignSite(IPAddress address, string body = "a page")
    {
        var page = $"<!doctype html><title>page</title><link rel=icon href=data:,><p>{body}";
        _answer = Encoding.UTF8.GetBytes($"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: {page.Length}\r\nConnection: close\r\n\r\n{page}");
        _listener = new TcpListener(address, 0);
        _listener.Start();
        _serving = ServeAsync();
    }

    /// <summary>The port.</summary>
    public int Port => ((IPEndPoint)_listener.LocalEndpoint).Port;

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        _listener.Dispose();
        await _serving;
    }

    private async Task ServeAsync()
    {
        try
        {
            while (true)
            {
                var client = await _listener.AcceptSocketAsync();
                _ = AnswerAsync(client);
            }
        }
        catch (Exception end) when (end is SocketException or ObjectDisposedException)
        {
            // The site is closed.
        }
    }

    private async Task AnswerAsync(Socket client)
    {
        using (client)
        {
            try
            {
                _ = await client.ReceiveAsync(new byte[16 << 10]);
                _ = await client.SendAsync(_answer);
            }
            catch (SocketException)
            {
                // The browser has connected for later and gone.
            }
        }
    }
}
