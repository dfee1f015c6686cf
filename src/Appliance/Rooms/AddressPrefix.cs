namespace Appliance.Rooms;

/// <summary>A part of all addresses that counts as one.</summary>
/// <param name="High">Its first 8 bytes, as they lie in memory; those behind the prefix are zero.</param>
/// <param name="Low">The 8 bytes behind them.</param>
/// <param name="Bits">How long the prefix is.</param>
public readonly record struct AddressPrefix(ulong High, ulong Low, int Bits)
{
    private const int AddressBits = 128;
    private const int SiteBits = 48;
    private const int SubnetBits = 64;

    /// <summary>The first 6 bytes of 8, in an order in which the first is the lowest.</summary>
    private const ulong SiteMask = 0x0000_FFFF_FFFF_FFFF;

    /// <summary>Bytes 8 to 11 of an IPv4 address in IPv6: 00 00 FF FF.</summary>
    private const uint Mapped = 0xFFFF_0000;

    /// <summary>What a client alone has: its IPv4 address, or its subnet of IPv6, in which it may choose its address (RFC 4291, 2.5.4).</summary>
    public static AddressPrefix OfClient(ulong high, ulong low) => IsIpv4(high, low) ? new(high, low, AddressBits) : new(high, 0, SubnetBits);

    /// <summary>What a site has of IPv6, which may be one client's (RFC 6177); false for IPv4.</summary>
    public static bool TryGetSite(ulong high, ulong low, out AddressPrefix site)
    {
        site = new(high & SiteMask, 0, SiteBits);
        return !IsIpv4(high, low);
    }

    private static bool IsIpv4(ulong high, ulong low) => high == 0 && (uint)low == Mapped;
}
