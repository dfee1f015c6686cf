using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using Appliance.PackageTests.Harness;
using Appliance.SystemTests.Harness;

namespace Appliance.PackageTests;

/// <summary>The example configurations of proxies, in the proxies themselves: page and WebSocket pass through.</summary>
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
        LoadModule proxy_module /usr/lib/apache2/modules/mod_proxy.so
        LoadModule proxy_http_module /usr/lib/apache2/modules/mod_proxy_http.so
        LoadModule proxy_wstunnel_module /usr/lib/apache2/modules/mod_proxy_wstunnel.so
        Include {0}/appliance.conf
        """;

    [Fact]
    public Task Nginx_passes_pages_and_WebSockets() => PassAsync(
        Nginx, "nginx/appliance.conf", "listen 80;", "listen 127.0.0.1:{0};", folder => ["/usr/sbin/nginx", "-p", folder, "-c", $"{folder}/main.conf"], "-t");

    [Fact]
    public Task Apache_passes_pages_and_WebSockets() => PassAsync(
        Apache, "apache/appliance.conf", "<VirtualHost *:80>", "<VirtualHost *:{0}>",
        folder => ["/usr/sbin/apache2", "-f", $"{folder}/main.conf", "-D", "FOREGROUND"], "-t");

    private async Task PassAsync(string main, string example, string listen, string listenThere, Func<string, string[]> command, string check)
    {
        await using var server = await ApplianceServer.StartAsync();
        var folder = Directory.CreateTempSubdirectory("appliance-proxy-");
        var port = FreePort();
        try
        {
            var configuration = await File.ReadAllTextAsync(dumped[$"usr/share/doc/appliance/examples/{example}"]);
            Assert.Contains(listen, configuration, StringComparison.Ordinal);
            Assert.Contains("127.0.0.1:9000", configuration, StringComparison.Ordinal);
            await File.WriteAllTextAsync(
                $"{folder}/appliance.conf",
                configuration
                    .Replace(listen, string.Format(CultureInfo.InvariantCulture, listenThere, port), StringComparison.Ordinal)
                    .Replace("127.0.0.1:9000", $"127.0.0.1:{server.Port}", StringComparison.Ordinal));
            await File.WriteAllTextAsync($"{folder}/main.conf", string.Format(CultureInfo.InvariantCulture, main, folder, port));
            var line = command(folder.FullName);
            var tested = await CommandResult.RunAsync(line[0], [.. line[1..], check]);
            Assert.True(tested.ExitCode == 0, tested.ToString());

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

    /// <summary>A page and a conversation: one through the proxy, one not.</summary>
    private static async Task ChatAsync(ApplianceServer server, int port)
    {
        await using (var page = await ConnectAsync(port))
        {
            await page.SendAsync(RawClient.Request("GET / HTTP/1.1", "Host: chat.example.org", "Connection: close"));
            Assert.Equal(200, (await page.ReadResponseAsync()).Status);
        }

        var raw = await ConnectAsync(port);
        _ = await raw.UpgradeAsync("/?room=proxy");
        await using var ann = ChatClient.Over(raw);
        await using var bob = await ChatClient.JoinAsync(server, "room=proxy");
        _ = await ann.SayAndReadAsync("through the proxy");
        _ = await bob.ReadMessageAsync("through the proxy");
        await bob.SayAsync("and back", "bob");
        _ = await ann.ReadMessageAsync("and back");
    }

    /// <summary>Connects once the proxy listens.</summary>
    private static Task<RawClient> ConnectAsync(int port) => TimeLimit.GuardAsync("listening proxy", async limit =>
    {
        while (true)
        {
            try
            {
                return await RawClient.ConnectAsync(new IPEndPoint(IPAddress.Loopback, port));
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
