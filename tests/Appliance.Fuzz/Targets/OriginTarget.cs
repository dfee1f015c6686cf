using System.Net;
using System.Text;
using Appliance.Fuzz.Driver;
using Appliance.Protocols.Http;
using static Appliance.Fuzz.Driver.FuzzException;

namespace Appliance.Fuzz.Targets;

/// <summary>Host and Origin headers, and what is allowed beside them.</summary>
internal sealed class OriginTarget : IFuzzTarget
{
    private static readonly AllowedOrigins Below = AllowedOrigins.SameHost.TryAdd("*.example.org")!;

    public static FuzzTarget Row { get; } = new(
        "origins",
        "a Host header, a line break and an Origin header: a page of the same host, of one that is allowed, or of another site",
        () => new OriginTarget())
    {
        BytesMax = 512,
        Words =
        [
            "http://", "https://", "null", ":80", ":443", ":9000", "[::1]", "[::ffff:1.2.3.4]", "127.0.0.1", "a.example.org", "example.org",
            "localhost", "*.", "@", "..", "%", "\n",
        ],
    };

    public void Run(ReadOnlySpan<byte> input)
    {
        int end = input.IndexOf((byte)'\n');
        var host = end < 0 ? input : input[..end];
        var text = end < 0 ? default : input[(end + 1)..];
        if (Authority.TryParse(host, out var asked))
        {
            Require(Authority.IsSameHost(asked.Host, asked.Host) && asked.Host.Length <= Authority.HostBytesMax, "a host is itself, and no longer than one");
            Require(!asked.IsAddress || IPAddress.TryParse(asked.Host.Trim("[]"u8), out _), "an address is one");
            Require(asked.IsAddress == (ServedHosts.Own.Serve(host) && !IsLoopbackName(asked.Host)), "addresses and loopback names are served, no others");
        }
        else
        {
            Require(host.IsEmpty || !ServedHosts.Own.Serve(host), "what is no host is not served");
        }

        bool isOrigin = Origin.TryParse(text, out var origin);
        bool isSame = isOrigin && origin.IsOf(host);
        if (isSame)
        {
            Require(Authority.IsSameHost(asked.Host, origin.Authority.Host) && Authority.IsSameHost(origin.Authority.Host, asked.Host), "both are one host");
        }

        byte[] request = [.. "GET / HTTP/1.1\r\nOrigin: "u8, .. text, .. "\r\n\r\n"u8];
        bool isRead = HttpRequestReader.Read(request, out var read, out _) == HttpReadStatus.Complete;
        if (isRead && read.HasOne("origin"u8) && read.Header("origin"u8).SequenceEqual(text))
        {
            bool isBelow = isOrigin && origin.IsWeb && EndsWith(origin.Authority.Host, ".example.org"u8);
            Require(AllowedOrigins.SameHost.Allow(read, host) == isSame, "a page of the host that is asked may connect, and no other");
            Require(!Below.Allow(read, host) || isSame || isBelow, "of other pages those that are named may connect");
        }
    }

    public void Dispose()
    {
    }

    private static bool IsLoopbackName(ReadOnlySpan<byte> host) =>
        Ascii.EqualsIgnoreCase(host, "localhost"u8) || EndsWith(host, ".localhost"u8);

    private static bool EndsWith(ReadOnlySpan<byte> host, ReadOnlySpan<byte> end) =>
        host.Length > end.Length && Ascii.EqualsIgnoreCase(host[^end.Length..], end);
}
