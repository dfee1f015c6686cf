using System.Text;
using Appliance.SystemTests.Harness;

namespace Appliance.SystemTests;

/// <summary>
/// Request heads as RFC 9110 and RFC 9112 have them, on the chat port and on the monitoring port alike: what is answered, what is refused, and that
/// a refusal carries what protects a page.
/// </summary>
[Trait(TestEngine.Name, TestEngine.Any)]
public sealed class HttpHeadTests(MonitoredServer fixture) : IClassFixture<MonitoredServer>
{
    private static readonly Dictionary<string, (int Status, string Head)> Cases = new()
    {
        ["a page"] = (200, "GET / HTTP/1.1\r\nHost: a\r\n"),
        ["no Host in HTTP/1.0"] = (200, "GET / HTTP/1.0\r\n"),
        ["empty Host"] = (200, "GET / HTTP/1.1\r\nHost:\r\n"),
        ["Host with a port"] = (200, "GET / HTTP/1.1\r\nHost: [::1]:9000\r\n"),
        ["absolute form"] = (200, "GET http://a:80/ HTTP/1.1\r\nHost: b\r\n"),
        ["later minor version"] = (200, "GET / HTTP/1.2\r\nHost: a\r\n"),
        ["empty line in front"] = (200, "\r\nGET / HTTP/1.1\r\nHost: a\r\n"),
        ["four empty lines in front"] = (200, "\r\n\r\n\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n"),
        ["expectation without a body"] = (200, "GET / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\n"),
        ["length of nothing"] = (200, "GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n"),
        ["health check of HAProxy"] = (204, "OPTIONS / HTTP/1.0\r\n"),
        ["options of all"] = (204, "OPTIONS * HTTP/1.1\r\nHost: a\r\n"),
        ["options of a path"] = (204, "OPTIONS /any HTTP/1.1\r\nHost: a\r\n"),

        ["no Host"] = (400, "GET / HTTP/1.1\r\n"),
        ["two Hosts"] = (400, "GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n"),
        ["two Hosts in HTTP/1.0"] = (400, "GET / HTTP/1.0\r\nHost: a\r\nHost: b\r\n"),
        ["Host that is none"] = (400, "GET / HTTP/1.1\r\nHost: a b\r\n"),
        ["list of Hosts"] = (400, "GET / HTTP/1.1\r\nHost: a, b\r\n"),
        ["user in the target"] = (400, "GET http://u@a/ HTTP/1.1\r\nHost: a\r\n"),
        ["another scheme"] = (400, "GET ftp://a/ HTTP/1.1\r\nHost: a\r\n"),
        ["target without a slash"] = (400, "GET a HTTP/1.1\r\nHost: a\r\n"),
        ["asterisk with GET"] = (400, "GET * HTTP/1.1\r\nHost: a\r\n"),
        ["fragment"] = (400, "GET /#a HTTP/1.1\r\nHost: a\r\n"),
        ["folded line"] = (400, "GET / HTTP/1.1\r\nHost: a\r\nA: b\r\n c\r\n"),
        ["line without a carriage return"] = (400, "GET / HTTP/1.1\r\nHost: a\nA: b\r\n"),
        ["five empty lines in front"] = (400, "\r\n\r\n\r\n\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n"),
        ["encoding without a value"] = (400, "GET / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding:\r\n"),
        ["encoding in HTTP/1.0"] = (400, "GET / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n"),
        ["encoding and length"] = (400, "GET / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nContent-Length: 0\r\n"),
        ["two lengths"] = (400, "GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\nContent-Length: 0\r\n"),
        ["length that is none"] = (400, "GET / HTTP/1.1\r\nHost: a\r\nContent-Length: +0\r\n"),
        ["empty length"] = (400, "GET / HTTP/1.1\r\nHost: a\r\nContent-Length:\r\n"),
        ["nothing there"] = (404, "GET /nothing HTTP/1.1\r\nHost: a\r\n"),
        ["POST"] = (405, "POST / HTTP/1.1\r\nHost: a\r\n"),
        ["small letters"] = (405, "Get / HTTP/1.1\r\nHost: a\r\n"),
        ["tunnel"] = (405, "CONNECT a:443 HTTP/1.1\r\nHost: a\r\n"),
        ["body"] = (413, "GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n"),
        ["expectation of a body"] = (413, "GET / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 5\r\n"),
        ["chunks"] = (413, "GET / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n"),
        ["long head"] = (431, $"GET / HTTP/1.1\r\nHost: a\r\nA: {new string('b', 20_000)}\r\n"),
        ["HTTP/2"] = (505, "PRI * HTTP/2.0\r\n"),
        ["HTTP/0.9"] = (505, "GET / HTTP/0.9\r\n"),
    };

    public static TheoryData<string> Heads => new(Cases.Keys);

    [Theory]
    [MemberData(nameof(Heads))]
    public async Task Head_gets_its_status_on_both_ports(string name)
    {
        var (status, head) = Cases[name];
        foreach (var address in fixture.Addresses)
        {
            await using var client = await RawClient.ConnectAsync(address);
            await client.SendAsync(Encoding.ASCII.GetBytes(head + "\r\n"));
            await AssertAsync(client, status, toHead: false);
        }
    }

    /// <summary>What a GET gets a body for, a HEAD does not, a refusal neither.</summary>
    [Theory]
    [MemberData(nameof(Heads))]
    public async Task Head_request_gets_no_body(string name)
    {
        var (status, head) = Cases[name];
        if (!head.Contains("GET ", StringComparison.Ordinal) || name == "five empty lines in front")
        {
            return;
        }

        foreach (var address in fixture.Addresses)
        {
            await using var client = await RawClient.ConnectAsync(address);
            await client.SendAsync(Encoding.ASCII.GetBytes(head.Replace("GET ", "HEAD ", StringComparison.Ordinal) + "\r\n"));
            await AssertAsync(client, status, toHead: true);
        }
    }

    private static async Task AssertAsync(RawClient client, int status, bool toHead)
    {
        var response = await client.ReadResponseAsync(toHead);
        Assert.True(status == response.Status, $"{status} expected: {response.Head}\n{response.Text}");
        Assert.StartsWith("default-src 'none'", response.Header("Content-Security-Policy"), StringComparison.Ordinal);
        Assert.Equal("nosniff", response.Header("X-Content-Type-Options"));
        Assert.Equal("no-referrer", response.Header("Referrer-Policy"));
        Assert.Equal("same-origin", response.Header("Cross-Origin-Opener-Policy"));
        Assert.Equal(status is 204 or 405 ? "GET, HEAD, OPTIONS" : null, response.Header("Allow"));
        Assert.Equal(status == 204, response.Header("Content-Length") is null);
        if (status >= 400)
        {
            Assert.Equal("close", response.Header("Connection"));
            await client.ExpectEndAsync();
        }
        else
        {
            client.EndSending();
            await client.ExpectEndAsync();
        }
    }
}

/// <summary>A server with both ports.</summary>
public sealed class MonitoredServer() : ServerFixture([.. MonitoringPort.Options, "--metrics-host", "a", "--metrics-host", "b"])
{
    /// <summary>The chat port and the monitoring port.</summary>
    public System.Net.IPEndPoint[] Addresses => [Server.Address, MonitoringPort.OfAsync(Server).GetAwaiter().GetResult().Address];
}
