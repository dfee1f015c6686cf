using System.Buffers.Binary;
using System.Net;
using System.Numerics;
using System.Text;
using Appliance.Protocols;

namespace Appliance.Tests.Protocols;

/// <summary>Both versions of the PROXY protocol, in any pieces; what is not one of them is refused at its first wrong byte.</summary>
public sealed class ProxyHeaderTests
{
    private static readonly byte[] Signature = [0x0D, 0x0A, 0x0D, 0x0A, 0x00, 0x0D, 0x0A, 0x51, 0x55, 0x49, 0x54, 0x0A];
    private static readonly byte[] Ipv4 = [10, 1, 2, 3, 192, 168, 0, 1, 0x12, 0x34, 0, 80];

    [Theory]
    [InlineData("PROXY TCP4 10.1.2.3 192.168.0.1 56324 443", "10.1.2.3")]
    [InlineData("PROXY TCP4 255.255.255.255 255.255.255.255 65535 65535", "255.255.255.255")]
    [InlineData("PROXY TCP6 2001:db8::7 ::1 0 1", "2001:db8::7")]
    [InlineData(
        "PROXY TCP6 ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff 65535 65535",
        "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff")]
    [InlineData("PROXY TCP6 ::ffff:10.1.2.3 ::1 1 1", "10.1.2.3")]
    [InlineData("PROXY UNKNOWN", null)]
    [InlineData("PROXY UNKNOWN ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff 65535 65535", null)]
    public void Lines(string line, string? client) => AssertReads(Encoding.ASCII.GetBytes(line + "\r\n"), client);

    [Theory]
    [InlineData("GET / HTTP/1.1\r\n")]
    [InlineData("PROXY\r\n")]
    [InlineData("PROXY \r\n")]
    [InlineData("proxy TCP4 10.1.2.3 10.1.2.3 1 1\r\n")]
    [InlineData("PROXY TCP4\r\n")]
    [InlineData("PROXY TCP5 10.1.2.3 10.1.2.3 1 1\r\n")]
    [InlineData("PROXY TCP4 10.1.2.3 10.1.2.3 1\r\n")]
    [InlineData("PROXY TCP4 10.1.2.3 10.1.2.3 1 1 1\r\n")]
    [InlineData("PROXY TCP4 10.1.2.3 10.1.2.3 1 1 1 1 1\r\n")]
    [InlineData("PROXY TCP4  10.1.2.3 10.1.2.3 1 1\r\n")]
    [InlineData("PROXY TCP4 10.1.2.3 10.1.2.3 1 1 \r\n")]
    [InlineData("PROXY TCP4 10.1.2 10.1.2.3 1 1\r\n")]
    [InlineData("PROXY TCP4 10.1.2.3.4 10.1.2.3 1 1\r\n")]
    [InlineData("PROXY TCP4 010.1.2.3 10.1.2.3 1 1\r\n")]
    [InlineData("PROXY TCP4 10.1.2.256 10.1.2.3 1 1\r\n")]
    [InlineData("PROXY TCP4 2001:db8::7 ::1 1 1\r\n")]
    [InlineData("PROXY TCP6 10.1.2.3 10.1.2.3 1 1\r\n")]
    [InlineData("PROXY TCP6 fe80::1%eth0 ::1 1 1\r\n")]
    [InlineData("PROXY TCP4 10.1.2.3 10.1.2.3 65536 1\r\n")]
    [InlineData("PROXY TCP4 10.1.2.3 10.1.2.3 -1 1\r\n")]
    [InlineData("PROXY TCP4 10.1.2.3 10.1.2.3 01 1\r\n")]
    public void Lines_that_are_none(string line) => AssertRefuses(Encoding.ASCII.GetBytes(line));

    [Fact]
    public void Line_without_an_end_is_refused_when_it_is_too_long()
    {
        AssertRefuses(Encoding.ASCII.GetBytes("PROXY UNKNOWN " + new string('x', 93)));
        AssertRefuses(Encoding.ASCII.GetBytes("PROXY UNKNOWN " + new string('x', 92) + "\r\n"));
    }

    [Fact]
    public void Binary_headers()
    {
        byte[] ipv6 = [.. IPAddress.Parse("2001:db8::7").GetAddressBytes(), .. IPAddress.IPv6Loopback.GetAddressBytes(), 1, 2, 3, 4];
        AssertReads(Binary(0x21, 0x11, Ipv4), "10.1.2.3");
        AssertReads(Binary(0x21, 0x21, ipv6), "2001:db8::7");
        AssertReads(Binary(0x21, 0x11, [.. Ipv4, 4, 0, 2, 9, 9, 0x20, 0, 0]), "10.1.2.3");
        AssertReads(WithChecksum(Binary(0x21, 0x11, [.. Ipv4, 3, 0, 4, 0, 0, 0, 0, 4, 0, 1, 7])), "10.1.2.3");
        AssertReads(Binary(0x20, 0x00, []), client: null);
        AssertReads(Binary(0x20, 0x11, Ipv4), client: null);
        AssertReads(Binary(0x20, 0x44, [1]), client: null);
        AssertReads(Binary(0x21, 0x00, [1, 2, 3]), client: null);
        AssertReads(Binary(0x21, 0x31, new byte[216]), "::", ProxyHeaderStatus.Unix);
        AssertReads(Binary(0x21, 0x11, [.. Ipv4, 4, 0x0F, 0xDD - 0, .. new byte[0xFDD]]), "10.1.2.3");
    }

    [Fact]
    public void Binary_headers_that_are_none()
    {
        byte[] wrongSum = WithChecksum(Binary(0x21, 0x11, [.. Ipv4, 3, 0, 4, 0, 0, 0, 0]));
        wrongSum[16] ^= 1;
        byte[][] headers =
        [
            Binary(0x11, 0x11, Ipv4), // version 1
            Binary(0x22, 0x11, Ipv4), // no such command
            Binary(0x21, 0x12, Ipv4), // datagrams
            Binary(0x21, 0x41, Ipv4), // no such family
            Binary(0x21, 0x11, Ipv4[..11]),
            Binary(0x21, 0x21, Ipv4),
            Binary(0x21, 0x31, new byte[215]),
            Binary(0x21, 0x11, [.. Ipv4, 4, 0]), // a field without its length
            Binary(0x21, 0x11, [.. Ipv4, 4, 0, 2, 9]), // and one that is cut
            Binary(0x21, 0x11, [.. Ipv4, 3, 0, 3, 0, 0, 0]), // a checksum of three bytes
            Binary(0x21, 0x11, new byte[ProxyHeader.BytesMax - 15]), // too long
            wrongSum,
        ];
        Array.ForEach(headers, AssertRefuses);
    }

    private static byte[] Binary(byte command, byte family, byte[] rest)
    {
        byte[] header = [.. Signature, command, family, 0, 0, .. rest];
        BinaryPrimitives.WriteUInt16BigEndian(header.AsSpan(14), (ushort)rest.Length);
        return header;
    }

    /// <summary>The header with the right sum in its field, which comes first.</summary>
    private static byte[] WithChecksum(byte[] header)
    {
        uint sum = header.Aggregate(uint.MaxValue, BitOperations.Crc32C);
        BinaryPrimitives.WriteUInt32BigEndian(header.AsSpan(31), ~sum);
        return header;
    }

    /// <summary>Each beginning is one, and what lies behind is nobody's business.</summary>
    private static void AssertReads(byte[] header, string? client, ProxyHeaderStatus? expected = null)
    {
        byte[] ip = new byte[IpText.Bytes];
        for (int length = 0; length < header.Length; length++)
        {
            Assert.Equal(ProxyHeaderStatus.Incomplete, ProxyHeader.Read(header.AsSpan(0, length), ip, out int none));
            Assert.Equal(0, none);
        }

        foreach (byte[] behind in (byte[][])[[], [1], "GET / HTTP/1.1\r\n"u8.ToArray()])
        {
            var status = ProxyHeader.Read([.. header, .. behind], ip, out int consumed);
            Assert.Equal(expected ?? (client is null ? ProxyHeaderStatus.Local : ProxyHeaderStatus.Client), status);
            Assert.Equal(header.Length, consumed);
            if (client is not null)
            {
                Assert.Equal(IPAddress.Parse(client).MapToIPv6(), new IPAddress(ip));
            }
        }
    }

    private static void AssertRefuses(byte[] header) =>
        Assert.Equal(ProxyHeaderStatus.Malformed, ProxyHeader.Read(header, new byte[IpText.Bytes], out _));
}
