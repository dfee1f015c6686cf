using System.Globalization;
using System.Text;

namespace Appliance.Protocols.Http;

/// <summary>Writes whole responses to bytes. Responses are few and small or made once, so a string is good enough.</summary>
public static class HttpResponse
{
    /// <summary>Everything the page loads comes from this very port, and nothing is inline.</summary>
    public const string PageSecurityHeaders =
        "Content-Security-Policy: default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; "
        + "base-uri 'none'; form-action 'none'; frame-ancestors 'none'\r\n"
        + "X-Content-Type-Options: nosniff\r\n"
        + "Referrer-Policy: no-referrer\r\n"
        + "Cross-Origin-Opener-Policy: same-origin\r\n";

    /// <summary>A response with a body.</summary>
    /// <param name="status">Status code, 200 to 599.</param>
    /// <param name="contentType">Media type of the body.</param>
    /// <param name="extraHeaders">Header lines, each with its CRLF.</param>
    /// <param name="body">The body.</param>
    public static byte[] Write(int status, string contentType, string extraHeaders, ReadOnlySpan<byte> body)
    {
        string head = string.Create(
            CultureInfo.InvariantCulture,
            $"HTTP/1.1 {status} {Reason(status)}\r\nContent-Type: {contentType}\r\nContent-Length: {body.Length}\r\n{extraHeaders}\r\n");
        byte[] response = new byte[Encoding.ASCII.GetByteCount(head) + body.Length];
        body.CopyTo(response.AsSpan(Encoding.ASCII.GetBytes(head, response)));
        return response;
    }

    /// <summary>A refusal: one line of text that says why, and the connection closes.</summary>
    public static byte[] Refuse(int status, string why, string extraHeaders = "") => Write(
        status,
        "text/plain; charset=utf-8",
        extraHeaders + "Connection: close\r\n" + PageSecurityHeaders + "Cache-Control: no-store\r\n",
        Encoding.UTF8.GetBytes(why + "\n"));

    /// <summary>An answer without content, and so without a length (RFC 9110, 8.6).</summary>
    public static byte[] NoContent { get; } = Empty("");

    /// <summary>The answer to OPTIONS: which methods there are.</summary>
    public static byte[] Options { get; } = Empty(HttpGate.Allow);

    /// <summary>The same response to a client whose connection ends behind it: it says so (RFC 9112, 9.6).</summary>
    public static byte[] Closing(ReadOnlySpan<byte> response)
    {
        int headers = HeadLength(response) - EmptyLine.Length;
        return [.. response[..headers], .. Close, .. response[headers..]];
    }

    /// <summary>Length of the part of a response that a HEAD request gets.</summary>
    public static int HeadLength(ReadOnlySpan<byte> response) => response.IndexOf("\r\n\r\n"u8) + 4;

    private static byte[] Empty(string headers) =>
        Encoding.ASCII.GetBytes($"HTTP/1.1 204 {Reason(204)}\r\n{headers}{PageSecurityHeaders}Cache-Control: no-store\r\n\r\n");

    private static ReadOnlySpan<byte> Close => "Connection: close\r\n"u8;

    private static ReadOnlySpan<byte> EmptyLine => "\r\n"u8;

    private static string Reason(int status) => status switch
    {
        200 => "OK",
        204 => "No Content",
        400 => "Bad Request",
        401 => "Unauthorized",
        403 => "Forbidden",
        404 => "Not Found",
        405 => "Method Not Allowed",
        408 => "Request Timeout",
        409 => "Conflict",
        413 => "Content Too Large",
        426 => "Upgrade Required",
        429 => "Too Many Requests",
        431 => "Request Header Fields Too Large",
        503 => "Service Unavailable",
        505 => "HTTP Version Not Supported",
        _ => throw new ArgumentOutOfRangeException(nameof(status), status, "no reason phrase"),
    };
}
