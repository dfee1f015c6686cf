using System.Globalization;
using System.Net;
using Appliance.Config;

namespace Appliance.Tests.Config;

/// <summary>Networks as settings name them.</summary>
public sealed class NetworkListTests
{
    public static TheoryData<string, string> Valid => new()
    {
        { "10.0.0.0/8", "10.0.0.0/8" },
        { "0.0.0.0/0", "0.0.0.0/0" },
        { "192.168.1.7", "192.168.1.7" },
        { "192.168.1.7/32", "192.168.1.7" },
        { "255.255.255.254/31", "255.255.255.254/31" },
        { "::1", "::1" },
        { "::1/128", "::1" },
        { "::/0", "::/0" },
        { "2001:DB8:0:0::/32", "2001:db8::/32" },
        { "2001:db8:0:1::/64", "2001:db8:0:1::/64" },
        { "8000::/1", "8000::/1" },
        { "::ffff:10.0.0.0/104", "10.0.0.0/8" },
        { "::ffff:0:0/96", "0.0.0.0/0" },
        { "::FFFF:10.1.2.3", "10.1.2.3" },
    };

    public static TheoryData<string, string> Invalid => new()
    {
        { "10.1.2.3/8", "must be 10.0.0.0/8, or a longer prefix: bits behind /8 are set" },
        { "10.0.0.1/31", "must be 10.0.0.0/31, or a longer prefix: bits behind /31 are set" },
        { "1.0.0.0/0", "must be 0.0.0.0/0, or a longer prefix: bits behind /0 are set" },
        { "2001:db8::1/64", "must be 2001:db8::/64, or a longer prefix: bits behind /64 are set" },
        { "::ffff:10.1.0.0/104", "must be 10.0.0.0/8, or a longer prefix: bits behind /104 are set" },
        { "10.0.0.0/33", "must have a number from 0 to 32 behind the slash" },
        { "10.0.0.0/", "must have a number from 0 to 32 behind the slash" },
        { "10.0.0.0/08", "must have a number from 0 to 32 behind the slash" },
        { "10.0.0.0/+8", "must have a number from 0 to 32 behind the slash" },
        { "10.0.0.0/ 8", "must have a number from 0 to 32 behind the slash" },
        { "10.0.0.0/255.0.0.0", "must have a number from 0 to 32 behind the slash" },
        { "10.0.0.0/8/8", "must have a number from 0 to 32 behind the slash" },
        { "10.0.0.0/99999999999999", "must have a number from 0 to 32 behind the slash" },
        { "::/129", "must have a number from 0 to 128 behind the slash" },
        { "::/-1", "must have a number from 0 to 128 behind the slash" },
    };

    public static TheoryData<string> NoNetwork =>
    [
        "", "/", "/8", "10", "10.1", "10.1.2", "10.0.0/8", "010.0.0.0/8", "0x0a.0.0.0/8", "10.0.0.256", "10.0.0.0.0", "1.2.3.4 ", " 1.2.3.4", "1.2.3.4:80",
        "167772160", "[::1]", "[::1]:80", "fe80::1%eth0", "fe80::1%1", ":::", "1:2", "::1, ::2", "localhost", "example.org", "any", "*", "10.*",
        "１.2.3.4",
    ];

    [Theory]
    [MemberData(nameof(Valid))]
    public void Network_is_read_and_written_in_its_shortest_form(string text, string expected)
    {
        Assert.Null(NetworkList.None.TryAdd(text, out var list));
        Assert.Equal((string[])[expected], list.Networks);
        Assert.Null(NetworkList.None.TryAdd(expected, out var again));
        Assert.Equal(list.ToString(), again.ToString());
    }

    [Theory]
    [MemberData(nameof(Invalid))]
    public void What_is_wrong_is_said(string text, string expected)
    {
        Assert.Equal(expected, NetworkList.None.TryAdd(text, out var list));
        Assert.Same(NetworkList.None, list);
    }

    [Theory]
    [MemberData(nameof(NoNetwork))]
    public void Anything_else_is_no_network(string text) =>
        Assert.StartsWith("must be an address, or a network as ", NetworkList.None.TryAdd(text, out _), StringComparison.Ordinal);

    [Theory]
    [InlineData("10.0.0.0/8", "10.0.0.0 10.255.255.255 10.1.2.3", "9.255.255.255 11.0.0.0 ::10.0.0.0 ::1")]
    [InlineData("127.0.0.0/8 ::1", "127.0.0.1 127.255.255.255 ::1", "128.0.0.0 126.255.255.255 ::2")]
    [InlineData("192.168.1.7", "192.168.1.7", "192.168.1.6 192.168.1.8")]
    [InlineData("0.0.0.0/0", "0.0.0.0 1.2.3.4 255.255.255.255", "::1 ::fffe:ffff:ffff ::1:0:0:0 2001:db8::1")]
    [InlineData("::/0", "::1 ::fffe:ffff:ffff ::1:0:0:0 ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "0.0.0.0 1.2.3.4 255.255.255.255 ::")]
    [InlineData("::/64", "::1 ::ffff:ffff:ffff:ffff", "1.2.3.4 :: 0:0:0:1::")]
    [InlineData("2001:db8::/32", "2001:db8:: 2001:db8:ffff:ffff:ffff:ffff:ffff:ffff", "2001:db7:ffff:: 2001:db9::")]
    [InlineData("2001:db8:0:1::/64", "2001:db8:0:1::1", "2001:db8:0:2:: 2001:db8::")]
    [InlineData("10.0.0.0/9 10.128.0.0/9 10.5.0.0/16 9.0.0.0/8", "9.0.0.0 10.0.0.0 10.127.255.255 10.128.0.0 10.255.255.255", "11.0.0.0 8.255.255.255")]
    [InlineData("10.1.0.0/16 10.3.0.0/16 10.0.0.0/8", "10.0.0.0 10.2.0.0 10.255.0.0", "11.0.0.0")]
    [InlineData("", "", "0.0.0.0 127.0.0.1 :: ::1")]
    public void Address_is_in_a_network_or_not(string networks, string inside, string outside)
    {
        var list = ListOf(networks);
        Assert.Equal(networks.Length == 0, list.IsEmpty);
        Assert.All(inside.Split(' ', StringSplitOptions.RemoveEmptyEntries), address => Assert.True(Contains(list, address), address));
        Assert.All(outside.Split(' ', StringSplitOptions.RemoveEmptyEntries), address => Assert.False(Contains(list, address), address));
    }

    [Fact]
    public void Lists_agree_with_the_runtime_on_random_networks()
    {
        var random = new Random(7);
        for (int round = 0; round < 200; round++)
        {
            var list = NetworkList.None;
            List<IPNetwork> networks = [];
            for (int i = 0; i < 20; i++)
            {
                int bits = random.Next(33);
                uint first = bits == 0 ? 0 : (uint)random.NextInt64(1L << 32) & (uint.MaxValue << (32 - bits));
                var network = new IPNetwork(AddressOf(first), bits);
                networks.Add(network);
                Assert.Null(list.TryAdd(network.ToString(), out list));
                Assert.All(networks.SelectMany(Edges), ip => Assert.Equal(networks.Exists(one => one.Contains(ip)), Contains(list, ip.ToString())));
            }
        }

        static IPAddress AddressOf(uint number) => new([(byte)(number >> 24), (byte)(number >> 16), (byte)(number >> 8), (byte)number]);

        static IEnumerable<IPAddress> Edges(IPNetwork network)
        {
            byte[] ip = network.BaseAddress.GetAddressBytes();
            uint first = (uint)((ip[0] << 24) | (ip[1] << 16) | (ip[2] << 8) | ip[3]);
            uint last = first | (uint)((1L << (32 - network.PrefixLength)) - 1);
            return [AddressOf(unchecked(first - 1)), AddressOf(first), AddressOf(last), AddressOf(unchecked(last + 1))];
        }
    }

    [Fact]
    public void List_has_so_many_networks_and_each_once()
    {
        var all = Enumerable.Range(0, NetworkList.NetworksMax).Select(i => string.Create(CultureInfo.InvariantCulture, $"10.{i >> 8}.{i & 255}.1"));
        var list = ListOf(string.Join(' ', all));
        Assert.Equal(NetworkList.NetworksMax, list.Networks.Count);
        Assert.Null(list.TryAdd("10.0.7.1/32", out var same));
        Assert.Same(list, same);
        Assert.StartsWith($"is one too many: at most {NetworkList.NetworksMax} networks", list.TryAdd("11.0.0.0/8", out same), StringComparison.Ordinal);
        Assert.Same(list, same);
        Assert.True(Contains(list, "10.0.255.1"));
        Assert.False(Contains(list, "10.0.255.2"));
    }

    private static NetworkList ListOf(string networks)
    {
        var list = NetworkList.None;
        foreach (string network in networks.Split(' ', StringSplitOptions.RemoveEmptyEntries))
        {
            Assert.Null(list.TryAdd(network, out list));
        }

        return list;
    }

    private static bool Contains(NetworkList list, string address)
    {
        byte[] ip = IPAddress.Parse(address).MapToIPv6().GetAddressBytes();
        return list.Contains(BitConverter.ToUInt64(ip), BitConverter.ToUInt64(ip, 8));
    }
}
