using System.Net;
using Appliance.Rooms;

namespace Appliance.Tests.Rooms;

/// <summary>Which addresses count as one.</summary>
public sealed class AddressPrefixTests
{
    [Theory]
    [InlineData("192.0.2.1", "192.0.2.1", true, true)]
    [InlineData("192.0.2.1", "192.0.2.2", false, true)]
    [InlineData("2001:db8:1:2::1", "2001:db8:1:2:ffff::9", true, true)]
    [InlineData("2001:db8:1:2::1", "2001:db8:1:3::1", false, true)]
    [InlineData("2001:db8:1:2::1", "2001:db8:2:2::1", false, false)]
    [InlineData("::1", "::2", true, true)]
    [InlineData("::ffff:192.0.2.1", "192.0.2.1", true, true)]
    [InlineData("::192.0.2.1", "192.0.2.1", false, true)]
    public void Clients_and_sites(string one, string other, bool isOneClient, bool isOneSite)
    {
        var (a, b) = (HalvesOf(one), HalvesOf(other));
        Assert.Equal(isOneClient, AddressPrefix.OfClient(a.High, a.Low) == AddressPrefix.OfClient(b.High, b.Low));
        bool hasSite = AddressPrefix.TryGetSite(a.High, a.Low, out var site);
        bool otherHas = AddressPrefix.TryGetSite(b.High, b.Low, out var otherSite);
        Assert.Equal(isOneSite, site == otherSite);
        Assert.Equal(IsIpv6(one), hasSite);
        Assert.Equal(IsIpv6(other), otherHas);
    }

    private static bool IsIpv6(string address) => address.Contains(':', StringComparison.Ordinal) && !IPAddress.Parse(address).IsIPv4MappedToIPv6;

    private static (ulong High, ulong Low) HalvesOf(string address)
    {
        byte[] bytes = IPAddress.Parse(address).MapToIPv6().GetAddressBytes();
        return (BitConverter.ToUInt64(bytes), BitConverter.ToUInt64(bytes, 8));
    }
}
