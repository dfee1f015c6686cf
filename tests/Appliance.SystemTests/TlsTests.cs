using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Authentication;
using System.Text;
using Appliance.SystemTests.Harness;

namespace Appliance.SystemTests;

/// <summary>TLS from outside: clients of several kinds, what is refused, certificates and their exchange.</summary>
public sealed class TlsTests
{
    [Theory]
    [InlineData(0)]
    [InlineData(2)]
    public async Task Chat_is_one_by_tls_and_without(int workers)
    {
        await using var scene = await TlsScene.StartAsync(workers);
        await using var ann = await TlsClient.JoinAsync(scene.Address);
        await using var bob = await TlsClient.JoinAsync(scene.Address);
        await using var plain = await scene.Daemon.JoinAsync("history=0");
        await ann.SayAsync("by tls");
        Assert.Equal(("by tls", "by tls"), (await ann.ReadAsync(), await bob.ReadAsync()));
        _ = await plain.ReadMessageAsync("by tls");
        var longest = new string('x', 100);
        for (var i = 0; i < 50; i++)
        {
            await plain.SendAsync(ChatClient.Json($"{i}"));
            Assert.Equal(($"{i}", $"{i}"), (await ann.ReadAsync(), await bob.ReadAsync()));
            await Task.Delay(TimeSpan.FromMilliseconds(60));
        }

        await bob.SayAsync(longest);
        Assert.Equal(longest, await ann.ReadAsync());
        await ann.CloseAsync();
        Assert.Contains(scene.Daemon.Log, line => line.Contains("TLS (preview) by OpenSSL", StringComparison.Ordinal));
    }

    [Fact]
    public async Task Clients_of_other_libraries_are_served()
    {
        await using var scene = await TlsScene.StartAsync();
        var (port, file) = (scene.Address.Port, scene.Files.Certificate);
        var curl = await CommandResult.RunAsync("curl", "-sS", "--cacert", file, "-o", "/dev/null", "-w", "%{http_code}", $"https://localhost:{port}/");
        Assert.Equal("200", curl.Output);
        var python = await CommandResult.RunAsync("python3", "-c", $"""
            import socket, ssl
            context = ssl.create_default_context(cafile='{file}')
            stream = context.wrap_socket(socket.create_connection(('127.0.0.1', {port})), server_hostname='localhost', suppress_ragged_eofs=False)
            stream.sendall(b'GET / HTTP/1.0\r\nHost: localhost\r\n\r\n')
            text = b''
            while (piece := stream.recv(65536)):
                text += piece
            print(stream.version(), text[:12].decode(), text.count(b'</html>'))
            """);
        Assert.Equal("TLSv1.3 HTTP/1.1 200 1", python.Output.Trim());
    }

    /// <summary>Both sides change their keys in the middle of what is asked, as often as the client wants, with each suite.</summary>
    [Theory]
    [InlineData("TLS_AES_128_GCM_SHA256")]
    [InlineData("TLS_AES_256_GCM_SHA384")]
    [InlineData("TLS_CHACHA20_POLY1305_SHA256")]
    public async Task Keys_are_updated_with_every_suite(string suite)
    {
        await using var scene = await TlsScene.StartAsync();
        const string Ask = "echo K; sleep 0.5; printf 'GET / HTTP/1.1\\r\\nHost: localhost\\r\\n";
        const string Script = $"{Ask}\\r\\n'; sleep 0.5; {Ask}\\r\\n'; sleep 0.5; {Ask}Connection: close\\r\\n\\r\\n'; sleep 3";
        var said = await CommandResult.RunAsync(
            "sh", "-c", $"({Script}) | openssl s_client -connect 127.0.0.1:{scene.Address.Port} -servername localhost -ciphersuites {suite} 2>&1");
        Assert.Contains($"Cipher is {suite}", said.Output, StringComparison.Ordinal);
        Assert.Equal(3, said.Output.Split("HTTP/1.1 200 OK").Length - 1);
        Assert.DoesNotContain("alert number", said.Output, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("-tls1_2", "alert number 70")]
    [InlineData("-groups ffdhe8192", "alert number 40")]
    [InlineData("-alpn h2", "alert number 120")]
    public async Task What_is_not_offered_is_refused_with_its_alert(string options, string alert)
    {
        await using var scene = await TlsScene.StartAsync();
        var said = await CommandResult.RunAsync("sh", "-c", $"openssl s_client -connect 127.0.0.1:{scene.Address.Port} {options} </dev/null 2>&1");
        Assert.Contains(alert, said.Output, StringComparison.Ordinal);
        await using var ann = await TlsClient.ConnectAsync(
            scene.Address, with: options => options.ApplicationProtocols = [SslApplicationProtocol.Http2, SslApplicationProtocol.Http11]);
        Assert.Equal((SslProtocols.Tls13, SslApplicationProtocol.Http11), (ann.Stream.SslProtocol, ann.Stream.NegotiatedApplicationProtocol));
    }

    [Fact]
    public async Task Request_without_tls_is_told_so_and_garbage_gets_an_alert()
    {
        await using var scene = await TlsScene.StartAsync();
        await using var plain = await RawClient.ConnectAsync(scene.Address);
        await plain.SendAsync(RawClient.Request("GET / HTTP/1.1", "Host: localhost"));
        var answer = Encoding.ASCII.GetString(await plain.ReadToEndAsync());
        Assert.StartsWith("HTTP/1.1 400 Bad Request\r\n", answer, StringComparison.Ordinal);
        Assert.EndsWith("use https:// and wss:// here\n", answer, StringComparison.Ordinal);
        await using var garbage = await RawClient.ConnectAsync(scene.Address);
        await garbage.SendAsync(new byte[] { 0, 1, 2, 3 });
        Assert.Equal([21, 3, 3, 0, 2, 2, 10], await garbage.ReadToEndAsync());
        await AssertServesAsync(scene);
    }

    [Fact]
    public async Task Client_that_sends_byte_by_byte_is_served()
    {
        await using var scene = await TlsScene.StartAsync();
        await using var ann = await TlsClient.ConnectAsync(scene.Address, through: stream => new SplitStream(stream, pieceBytes: 1));
        await ann.EnterAsync("history=0");
        await ann.SayAsync("slow");
        Assert.Equal("slow", await ann.ReadAsync());
    }

    /// <summary>More than may be under way, all whole: the oldest make room, and the chat goes on.</summary>
    [Fact]
    public async Task Handshakes_that_are_not_brought_to_an_end_make_room()
    {
        const int Many = 300;
        await using var scene = await TlsScene.StartAsync();
        await using var ann = await TlsClient.JoinAsync(scene.Address);
        var hello = await HelloAsync();
        List<RawClient> clients = [];
        for (var i = 0; i < Many; i++)
        {
            var client = await RawClient.ConnectAsync(scene.Address);
            await client.SendAsync(hello);
            clients.Add(client);
            if (i % 30 == 0)
            {
                await ann.SayAsync($"beside {i}");
                Assert.Equal($"beside {i}", await ann.ReadAsync());
                await Task.Delay(TimeSpan.FromMilliseconds(300));
            }
        }

        foreach (var client in clients.Take(Many - 256))
        {
            Assert.NotEmpty(await client.ReadToEndAsync());
        }

        await AssertServesAsync(scene);
        foreach (var client in clients)
        {
            await client.DisposeAsync();
        }
    }

    [Fact]
    public async Task Silent_clients_end_by_the_time_limit_and_half_a_hello_costs_nothing()
    {
        await using var scene = await TlsScene.StartAsync(0, "--handshake-timeout", "1");
        var hello = await HelloAsync();
        await using var silent = await RawClient.ConnectAsync(scene.Address);
        await using var half = await RawClient.ConnectAsync(scene.Address);
        await half.SendAsync(hello.AsMemory(0, hello.Length / 2));
        await using var whole = await RawClient.ConnectAsync(scene.Address);
        await whole.SendAsync(hello);
        Assert.Empty(await silent.ReadToEndAsync());
        Assert.Empty(await half.ReadToEndAsync());
        Assert.NotEmpty(await whole.ReadToEndAsync());
    }

    [Fact]
    public async Task Certificate_is_chosen_by_the_name_and_exchanged_at_reload()
    {
        await using var scene = await TlsScene.StartAsync(2);
        var daemon = scene.Daemon;
        Assert.Equal("CN=localhost", await SubjectAsync(scene, "localhost"));
        Assert.Equal("CN=other.example", await SubjectAsync(scene, "other.example"));
        Assert.Equal("CN=localhost", await SubjectAsync(scene, "unknown.example"));
        await using var ann = await TlsClient.JoinAsync(scene.Address);

        scene.Files.Renew("renewed.example");
        _ = await daemon.SucceedAsync("reload");
        Assert.Equal("CN=renewed.example", await SubjectAsync(scene, "localhost"));

        File.WriteAllText(scene.Files.Key, File.ReadAllText(scene.Other.Key));
        var refused = await daemon.RunCommandAsync("reload");
        Assert.NotEqual(0, refused.ExitCode);
        Assert.Contains($"--tls-key {scene.Files.Key}: is not the key of the first certificate in --tls-cert", refused.Error, StringComparison.Ordinal);
        Assert.Equal("CN=renewed.example", await SubjectAsync(scene, "localhost"));

        scene.Files.Renew("again.example");
        File.SetUnixFileMode(scene.Files.Key, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.OtherRead);
        refused = await daemon.RunCommandAsync("reload");
        Assert.Contains("every user of this host may read the key", refused.Error, StringComparison.Ordinal);
        await ann.SayAsync("all the time");
        Assert.Equal("all the time", await ann.ReadAsync());
    }

    [Fact]
    public async Task Start_refuses_what_it_cannot_serve_with_and_check_tells()
    {
        var folder = Directory.CreateTempSubdirectory("appliance-test-");
        try
        {
            var files = TlsFiles.Make(folder.FullName);
            var expired = TlsFiles.Make(folder.FullName, "expired", days: -1);
            var (garbage, missing) = (Path.Combine(folder.FullName, "garbage"), Path.Combine(folder.FullName, "missing"));
            File.WriteAllText(garbage, "no PEM");
            File.SetUnixFileMode(garbage, UnixFileMode.UserRead | UnixFileMode.UserWrite);
            (string[] Options, string Words)[] cases =
            [
                (["--listen-tls", "127.0.0.1:0"], "--listen-tls: needs a certificate and its key"),
                (["--listen-tls", "127.0.0.1:0", "--tls-cert", files.Certificate], "each certificate needs its key"),
                (["--tls-cert", garbage, "--tls-key", files.Key], $"--tls-cert {garbage}: no certificate in PEM"),
                (["--tls-cert", files.Certificate, "--tls-key", garbage], $"--tls-key {garbage}: no private key in PEM"),
                (["--tls-cert", files.Certificate, "--tls-key", expired.Key], "is not the key of the first certificate"),
                (["--tls-cert", files.Certificate, "--tls-key", files.Certificate], "every user of this host may read the key"),
                (["--tls-cert", missing, "--tls-key", files.Key], $"--tls-cert {missing}: cannot be read"),
                (["--listen-tls", "nowhere"], "must be IP:PORT"),
            ];
            foreach (var (options, words) in cases)
            {
                var failed = await CommandResult.ApplianceAsync(
                    ["--nofork", "--run-dir", folder.FullName, "--state-dir", folder.FullName, "--listen", "127.0.0.1:0", "--metrics", "off", .. options]);
                Assert.NotEqual(0, failed.ExitCode);
                Assert.Contains(words, failed.Error, StringComparison.Ordinal);
            }

            var check = await CommandResult.ApplianceAsync(["--check", "--listen", "127.0.0.1:0", "--metrics", "off", .. files.Options]);
            Assert.Contains("TLS ", check.Output, StringComparison.Ordinal);
            Assert.Contains("valid until", check.Output, StringComparison.Ordinal);
            check = await CommandResult.ApplianceAsync(["--check", "--listen", "127.0.0.1:0", "--metrics", "off", .. expired.Options]);
            Assert.Contains("clients refuse it; renew it", check.Output, StringComparison.Ordinal);
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }

    /// <summary>What the example does after certbot or lego have renewed a certificate.</summary>
    [Theory]
    [InlineData("RENEWED_LINEAGE")]
    [InlineData("LEGO_CERT_PATH")]
    public async Task Deploy_hook_brings_a_renewed_certificate(string variable)
    {
        await using var scene = await TlsScene.StartAsync(1);
        var folder = Directory.CreateTempSubdirectory("appliance-test-");
        try
        {
            var renewed = TlsFiles.Make(folder.FullName, "renewed.example");
            File.Move(renewed.Certificate, Path.Combine(folder.FullName, "fullchain.pem"));
            File.Move(renewed.Key, Path.Combine(folder.FullName, "privkey.pem"));
            var target = Path.GetDirectoryName(scene.Files.Certificate)!;
            File.Move(scene.Files.Certificate, Path.Combine(target, "former.pem"));
            File.CreateSymbolicLink(scene.Files.Certificate, Path.Combine(target, "fullchain.pem"));
            File.Move(scene.Files.Key, Path.Combine(target, "former.key"));
            File.CreateSymbolicLink(scene.Files.Key, Path.Combine(target, "privkey.pem"));
            var from = variable == "RENEWED_LINEAGE" ? $"{variable}={folder.FullName}"
                : $"LEGO_CERT_PATH={folder.FullName}/fullchain.pem LEGO_CERT_KEY_PATH={folder.FullName}/privkey.pem";
            var hook = Repository.File("pkg", "root", "usr", "share", "doc", "appliance", "examples", "tls", "appliance-deploy-hook");
            var reload = $"{scene.Daemon.Binary} reload --run-dir {scene.Daemon.RunDirectory} --state-dir {scene.Daemon.StateDirectory}";
            var ran = await CommandResult.RunAsync(
                "sh", "-c", $"{from} APPLIANCE_TLS_DIR={target} APPLIANCE_TLS_GROUP=$(id -g) APPLIANCE_RELOAD='{reload}' sh {hook}");
            Assert.True(ran.ExitCode == 0, ran.ToString());
            Assert.Equal("CN=renewed.example", await SubjectAsync(scene, "localhost"));
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }

    /// <summary>The page finds its WebSocket by the scheme that it came by.</summary>
    [Fact]
    public async Task Page_names_wss_when_it_comes_by_https()
    {
        await using var scene = await TlsScene.StartAsync();
        await using var client = await TlsClient.ConnectAsync(scene.Address);
        await client.Stream.WriteAsync(RawClient.Request("GET /chat.js HTTP/1.0", "Host: localhost"));
        using var reader = new StreamReader(client.Stream, Encoding.UTF8);
        Assert.Contains("wss", await reader.ReadToEndAsync(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task OpenSSL_is_loaded_for_a_certificate_alone()
    {
        await using var plain = await ApplianceServer.StartAsync();
        Assert.DoesNotContain("libssl", await File.ReadAllTextAsync($"/proc/{plain.Pid}/maps"), StringComparison.Ordinal);
        await using var scene = await TlsScene.StartAsync(1);
        Assert.Contains("libssl", await File.ReadAllTextAsync($"/proc/{scene.Daemon.Workers()[0].Pid}/maps"), StringComparison.Ordinal);
        Assert.DoesNotContain(scene.Daemon.Log, line => line.Contains("TRAFFIC_SECRET", StringComparison.Ordinal));
    }

    private static async Task AssertServesAsync(TlsScene scene)
    {
        await using var ann = await TlsClient.JoinAsync(scene.Address);
        await ann.SayAsync("served");
        Assert.Equal("served", await ann.ReadAsync());
    }

    private static async Task<string> SubjectAsync(TlsScene scene, string host)
    {
        await using var client = await TlsClient.ConnectAsync(scene.Address, host);
        return client.Subject;
    }

    /// <summary>What a client begins with.</summary>
    internal static async Task<byte[]> HelloAsync()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        using var client = new TcpClient();
        await client.ConnectAsync((IPEndPoint)listener.LocalEndpoint);
        using var server = await listener.AcceptTcpClientAsync();
        await using var stream = new SslStream(client.GetStream());
        var handshake = stream.AuthenticateAsClientAsync(new SslClientAuthenticationOptions { TargetHost = "localhost" });
        var header = new byte[5];
        await server.GetStream().ReadExactlyAsync(header);
        var body = new byte[(header[3] << 8) + header[4]];
        await server.GetStream().ReadExactlyAsync(body);
        server.Close();
        _ = await Assert.ThrowsAnyAsync<Exception>(() => handshake);
        return [.. header, .. body];
    }
}
