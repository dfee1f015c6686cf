using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using Appliance.PackageTests.Harness;
using Appliance.SystemTests.Harness;

namespace Appliance.PackageTests;

/// <summary>The example configurations of proxies, in the proxies themselves: page and WebSocket pass through, and the server knows the clients.</summary>
public sealed class ReverseProxyTests(DumpedFiles dumped) : IClassFixture<DumpedFiles>
{
    private const string Nginx = """
        daemon off;
        pid {0}/nginx.pid;
        error_log stderr;
        events {{ }}
        http {{
            access_log off;
            client_body_temp_path {0}/body; proxy_temp_path {0}/proxy; fastcgi_temp_path {0}/f; uwsgi_temp_path {0}/u; scgi_temp_path {0}/s;
            include {0}/appliance.conf;
        }}
        """;

    private const string Apache = """
        ServerRoot {0}
        ServerName localhost
        PidFile {0}/apache.pid
        DefaultRuntimeDir {0}
        ErrorLog /dev/stderr
        User nobody
        Group nogroup
        Listen 127.0.0.1:{1}
        LoadModule mpm_event_module /usr/lib/apache2/modules/mod_mpm_event.so
        LoadModule authz_core_module /usr/lib/apache2/modules/mod_authz_core.so
        LoadModule headers_module /usr/lib/apache2/modules/mod_headers.so
        LoadModule proxy_module /usr/lib/apache2/modules/mod_proxy.so
        LoadModule proxy_http_module /usr/lib/apache2/modules/mod_proxy_http.so
        LoadModule proxy_wstunnel_module /usr/lib/apache2/modules/mod_proxy_wstunnel.so
        Include {0}/appliance.conf
        """;

    private const string HaProxy = "global";

    private const string Caddy = """
        {{
            admin off
            auto_https off
            storage file_system {0}
        }}
        import {0}/appliance.conf
        """;

    [Fact]
    public Task Nginx_passes_pages_and_WebSockets() => PassAsync(
        Nginx, "nginx/appliance.conf", "listen 80;", "listen 127.0.0.1:{0};", folder => ["/usr/sbin/nginx", "-p", folder, "-c", $"{folder}/main.conf", "-t"]);

    [Fact]
    public Task Apache_passes_pages_and_WebSockets() => PassAsync(
        Apache, "apache/appliance.conf", "<VirtualHost *:80>", "<VirtualHost *:{0}>",
        folder => ["/usr/sbin/apache2", "-f", $"{folder}/main.conf", "-D", "FOREGROUND", "-t"]);

    [Fact]
    public Task HAProxy_passes_pages_and_WebSockets() => PassAsync(
        HaProxy, "haproxy/appliance.cfg", "bind :80", "bind 127.0.0.1:{0}",
        folder => ["/usr/sbin/haproxy", "-db", "-f", $"{folder}/main.conf", "-f", $"{folder}/appliance.conf", "-c"]);

    [Fact]
    public Task Caddy_passes_pages_and_WebSockets() => PassAsync(
        Caddy, "caddy/Caddyfile", "http://chat.example.org:80 ", "http://127.0.0.1:{0}, http://chat.example.org:{0} ",
        folder => ["/usr/bin/caddy", "run", "--adapter", "caddyfile", "--config", $"{folder}/main.conf"]);

    /// <param name="main">The proxy's own configuration.</param>
    /// <param name="example">Ours.</param>
    /// <param name="listen">Where the example listens.</param>
    /// <param name="listenThere">Where it is to listen.</param>
    /// <param name="command">The proxy, and last, unless it has none, the option with which it only looks at its configuration.</param>
    private async Task PassAsync(string main, string example, string listen, string listenThere, Func<string, string[]> command)
    {
        // What the example says of the server's configuration is what the server gets.
        var configuration = await File.ReadAllTextAsync(dumped[$"usr/share/doc/appliance/examples/{example}"]);
        var bySocket = configuration.Contains("listen = 127.0.0.1:9002,proxy", StringComparison.Ordinal);
        Assert.True(bySocket || configuration.Contains("trusted-proxy = 127.0.0.1", StringComparison.Ordinal), "the server is not told who its clients are");
        await using var server = await ApplianceServer.StartAsync(
            bySocket ? ["--listen", "127.0.0.1:0", "--listen", "127.0.0.1:0,proxy"] : ["--trusted-proxy", "127.0.0.1"]);
        if (bySocket)
        {
            _ = await server.WaitForLogAsync(",proxy");
        }

        var folder = Directory.CreateTempSubdirectory("appliance-proxy-");
        var port = FreePort();
        try
        {
            Assert.Contains(listen, configuration, StringComparison.Ordinal);
            await File.WriteAllTextAsync(
                $"{folder}/appliance.conf",
                configuration
                    .Replace(listen, string.Format(CultureInfo.InvariantCulture, listenThere, port), StringComparison.Ordinal)
                    .Replace("127.0.0.1:9000", $"127.0.0.1:{server.Port}", StringComparison.Ordinal)
                    .Replace("127.0.0.1:9002", $"127.0.0.1:{ProxyPort(server)}", StringComparison.Ordinal));
            await File.WriteAllTextAsync($"{folder}/main.conf", string.Format(CultureInfo.InvariantCulture, main, folder, port) + "\n");
            var line = command(folder.FullName);
            if (line[^1] is "-t" or "-c")
            {
                var tested = await CommandResult.RunAsync(line[0], line[1..]);
                Assert.True(tested.ExitCode == 0, tested.ToString());
                line = line[..^1];
            }

            using var proxy = Process.Start(
                new ProcessStartInfo(line[0], line[1..]) { UseShellExecute = false, RedirectStandardError = true, RedirectStandardOutput = true })!;
            try
            {
                await ChatAsync(server, port);
            }
            finally
            {
                _ = await CommandResult.RunAsync("sh", "-c", $"kill -TERM {proxy.Id}");
                _ = await TimeLimit.GuardAsync("end of the proxy", async limit =>
                {
                    await proxy.WaitForExitAsync(limit);
                    return true;
                });
            }
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }

    /// <summary>
    /// A page and a conversation: one through the proxy, one not. The proxy's client is 127.0.0.7, and whatever it invents of others, the room sees
    /// that.
    /// </summary>
    private static async Task ChatAsync(ApplianceServer server, int port)
    {
        await using (var page = await ConnectAsync(port))
        {
            await page.SendAsync(RawClient.Request("GET / HTTP/1.1", "Host: chat.example.org", "Connection: close"));
            Assert.Equal(200, (await page.ReadResponseAsync()).Status);
        }

        // As a browser does, for a page of the proxy and for one of another site.
        await using (var stranger = await ConnectAsync(port))
        {
            await stranger.SendAsync(Upgrade(port, "https://evil.example"));
            Assert.Equal(403, (await stranger.ReadResponseAsync()).Status);
        }

        await using var bob = await ChatClient.JoinAsync(server, "room=proxy");
        Assert.Equal("127.0.0.1 connected", (await bob.ReadAsync()).Message);
        var raw = await ConnectAsync(port);
        await raw.SendAsync(Upgrade(
            port, $"http://chat.example.org:{port}", "X-Forwarded-For: 192.0.2.1", "X-Real-IP: 192.0.2.2", "Forwarded: for=192.0.2.3"));
        Assert.Equal(101, (await raw.ReadResponseAsync()).Status);
        await using var ann = ChatClient.Over(raw);
        Assert.Equal("127.0.0.7 connected", (await bob.ReadAsync()).Message);
        _ = await ann.SayAndReadAsync("through the proxy");
        _ = await bob.ReadMessageAsync("through the proxy");
        await bob.SayAsync("and back", "bob");
        _ = await ann.ReadMessageAsync("and back");
    }

    private static string ProxyPort(ApplianceServer server)
    {
        var line = server.Log.FirstOrDefault(line => line.Contains(",proxy", StringComparison.Ordinal)) ?? "";
        var end = Math.Max(0, line.IndexOf(",proxy", StringComparison.Ordinal));
        return line[(line.LastIndexOf(':', end) + 1)..end];
    }

    private static byte[] Upgrade(int port, string origin, params string[] headers) => RawClient.Request(
        "GET /?room=proxy HTTP/1.1",
        [
            $"Host: chat.example.org:{port}", $"Origin: {origin}", "Upgrade: websocket", "Connection: Upgrade",
            $"Sec-WebSocket-Key: {RawClient.SampleKey}", "Sec-WebSocket-Version: 13", .. headers,
        ]);

    /// <summary>Connects once the proxy listens.</summary>
    private static Task<RawClient> ConnectAsync(int port) => TimeLimit.GuardAsync("listening proxy", async limit =>
    {
        while (true)
        {
            try
            {
                var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
                socket.Bind(new IPEndPoint(IPAddress.Parse("127.0.0.7"), 0));
                await socket.ConnectAsync(new IPEndPoint(IPAddress.Loopback, port), limit);
                return RawClient.Over(socket);
            }
            catch (SocketException)
            {
                await Task.Delay(20, limit);
            }
        }
    });

    private static int FreePort()
    {
        using var socket = new TcpListener(IPAddress.Loopback, 0);
        socket.Start();
        return ((IPEndPoint)socket.LocalEndpoint).Port;
    }
}
