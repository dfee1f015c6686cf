using System.Net;
using Appliance.Config;

namespace Appliance.Tests.Config;

/// <summary>Addresses to listen at.</summary>
public sealed class ListenAddressTests
{
    private static readonly string LongestPath = "/" + new string('a', 106);

    public static TheoryData<string, string, int, bool> Internet => new()
    {
        { "127.0.0.1:9000", "127.0.0.1", 9000, false },
        { "0.0.0.0:0", "0.0.0.0", 0, false },
        { "10.1.2.3:65535", "10.1.2.3", 65_535, false },
        { "[::1]:9000", "::1", 9000, false },
        { "[::]:9000", "::", 9000, false },
        { "[2001:db8::1]:80", "2001:db8::1", 80, false },
        { "*:9000", "::", 9000, true },
    };

    public static TheoryData<string> Invalid =>
    [
        "", ":", "9000", ":9000", "*", "*:", "127.0.0.1", "127.0.0.1:", "127.0.0.1:65536", "127.0.0.1:-1", "127.0.0.1:+1", "127.0.0.1: 1", "127.0.0.1:1 ",
        "127.0.0.1:x", "127.0.0.256:1", "localhost:9000", "::1:9000", "::1", "[::1]", "[::1]9000", "[::1:9000", "::1]:9000", "[127.0.0.1]:9000", "[]:9000",
        "http://127.0.0.1:9000", "unix:", "unix:relative", "unix:/a b", "unix:/a\tb", "unix:/a\0b", "UNIX:/a",
    ];

    [Theory]
    [MemberData(nameof(Internet))]
    public void Internet_address_is_read(string text, string ip, int port, bool anyFamily)
    {
        var address = ListenAddress.TryParse(text);
        Assert.NotNull(address);
        Assert.Equal((IPAddress.Parse(ip), port, anyFamily, text), (address.Ip, address.Port, address.IsAnyFamily, address.Text));
        Assert.Null(address.UnixPath);
    }

    [Fact]
    public void Unix_path_is_read()
    {
        foreach (string path in (string[])["/run/a.sock", "/é", LongestPath])
        {
            var address = ListenAddress.TryParse("unix:" + path);
            Assert.NotNull(address);
            Assert.Equal(path, address.UnixPath);
            Assert.Null(address.Ip);
        }

        Assert.Null(ListenAddress.TryParse("unix:" + LongestPath + "a"));
        Assert.Null(ListenAddress.TryParse("unix:" + LongestPath[..^1] + "é"));
    }

    [Theory]
    [MemberData(nameof(Invalid))]
    public void Anything_else_is_none(string text) => Assert.Null(ListenAddress.TryParse(text));

    [Theory]
    [InlineData("127.0.0.1:1", "127.0.0.1:1", true)]
    [InlineData("127.0.0.1:1", "127.0.0.1:2", false)]
    [InlineData("127.0.0.1:1", "127.0.0.2:1", false)]
    [InlineData("127.0.0.1:0", "127.0.0.1:0", false)]
    [InlineData("*:1", "127.0.0.1:1", true)]
    [InlineData("*:1", "[::1]:1", true)]
    [InlineData("*:1", "[::]:1", true)]
    [InlineData("*:1", "*:2", false)]
    [InlineData("0.0.0.0:1", "127.0.0.1:1", true)]
    [InlineData("0.0.0.0:1", "[::]:1", false)]
    [InlineData("[::]:1", "[::1]:1", true)]
    [InlineData("[::]:1", "127.0.0.1:1", false)]
    [InlineData("[::1]:1", "[0:0::1]:1", true)]
    [InlineData("unix:/a", "unix:/a", true)]
    [InlineData("unix:/a", "unix:/b", false)]
    [InlineData("unix:/a", "127.0.0.1:1", false)]
    public void Addresses_overlap_either_way(string one, string other, bool expected)
    {
        var (first, second) = (ListenAddress.TryParse(one)!, ListenAddress.TryParse(other)!);
        Assert.Equal((expected, expected), (first.Overlaps(second), second.Overlaps(first)));
    }
}
