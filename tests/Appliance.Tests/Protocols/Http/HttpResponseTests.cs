using System.Text;
using Appliance.Protocols.Http;

namespace Appliance.Tests.Protocols.Http;

/// <summary>Whole responses.</summary>
public sealed class HttpResponseTests
{
    [Fact]
    public void Response_is_written() => Assert.Equal(
        "HTTP/1.1 200 OK\r\nContent-Type: text/css\r\nContent-Length: 3\r\nX: y\r\n\r\n€",
        Encoding.UTF8.GetString(HttpResponse.Write(200, "text/css", "X: y\r\n", "€"u8)));

    [Fact]
    public void Refusal_says_why_and_closes()
    {
        string response = Encoding.UTF8.GetString(HttpResponse.Refuse(405, "GET only", "Allow: GET\r\n"));
        Assert.StartsWith("HTTP/1.1 405 Method Not Allowed\r\n", response, StringComparison.Ordinal);
        Assert.Contains($"\r\nAllow: GET\r\nConnection: close\r\n{HttpResponse.PageSecurityHeaders}", response, StringComparison.Ordinal);
        Assert.EndsWith("\r\nCache-Control: no-store\r\n\r\nGET only\n", response, StringComparison.Ordinal);
    }

    [Fact]
    public void Closing_response_says_so_and_has_the_same_body() => Assert.Equal(
        "HTTP/1.1 200 OK\r\nContent-Type: text/css\r\nContent-Length: 6\r\nX: y\r\nConnection: close\r\n\r\na\r\n\r\nb",
        Encoding.UTF8.GetString(HttpResponse.Closing(HttpResponse.Write(200, "text/css", "X: y\r\n", "a\r\n\r\nb"u8))));

    [Fact]
    public void Head_is_all_but_the_body()
    {
        byte[] response = HttpResponse.Write(200, "text/plain", "", "body"u8);
        Assert.Equal(response.Length - 4, HttpResponse.HeadLength(response));
    }
}
