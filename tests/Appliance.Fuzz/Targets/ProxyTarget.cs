using Appliance.Fuzz.Driver;
using Appliance.Protocols;
using Appliance.Protocols.Http;
using static Appliance.Fuzz.Driver.FuzzException;

namespace Appliance.Fuzz.Targets;

/// <summary>What proxies say of their clients: the PROXY protocol, and headers of a request.</summary>
internal sealed class ProxyTarget : IFuzzTarget
{
    public static FuzzTarget Row { get; } = new(
        "proxy",
        "PROXY headers and forwarded addresses: read the same in pieces, nothing behind them is touched",
        () => new ProxyTarget())
    {
        BytesMax = ProxyHeader.BytesMax + 64,
        Words =
        [
            "PROXY TCP4 ", "PROXY TCP6 ", "PROXY UNKNOWN", "192.0.2.1", "2001:db8::1", " 1 65535\r\n", "\r\n\r\n\0\r\nQUIT\n", "!\u0011\0\u000c",
            "GET / HTTP/1.1\r\nHost: a\r\n", "X-Forwarded-For: ", "Forwarded: ", "X-Real-IP: ", "for=", "\"[2001:db8::1]:1\"", ", ", ";", "unknown", "\r\n\r\n",
        ],
    };

    public void Run(ReadOnlySpan<byte> input)
    {
        Span<byte> ip = stackalloc byte[IpText.Bytes];
        var status = ProxyHeader.Read(input, ip, out int consumed);
        Require(status is ProxyHeaderStatus.Incomplete or ProxyHeaderStatus.Malformed || (consumed > 0 && consumed <= input.Length), "what was read was there");
        if (consumed > 0 && status is not ProxyHeaderStatus.Malformed)
        {
            Span<byte> again = stackalloc byte[IpText.Bytes];
            Require(ProxyHeader.Read(input[..consumed], again, out int same) == status && same == consumed, "what lies behind a header changes nothing");
            Require(status != ProxyHeaderStatus.Client || again.SequenceEqual(ip), "and not its address");
            Require(ProxyHeader.Read(input[..(consumed - 1)], again, out _) == ProxyHeaderStatus.Incomplete, "a header ends where it ends");
        }

        if (HttpRequestReader.Read(input, out var request, out _) is HttpReadStatus.Complete)
        {
            bool wasAsked = false;
            var found = ForwardedClient.Find(
                request,
                _ =>
                {
                    wasAsked = true;
                    return false;
                },
                ip);
            Require(found is ForwardedStatus.None or ForwardedStatus.Malformed || wasAsked, "an address that is found is looked at");
        }
    }

    public void Dispose()
    {
    }
}
