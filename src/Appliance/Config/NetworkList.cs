using System.Buffers;
using System.Buffers.Binary;
using System.Globalization;
using System.Net;

namespace Appliance.Config;

/// <summary>
/// Networks, <c>10.0.0.0/8</c> or <c>2001:db8::/32</c>, or single addresses; immutable. An IPv4 network written as IPv6
/// (<c>::ffff:10.0.0.0/104</c>) is that IPv4 network, and a wider one of IPv6 (<c>::/0</c>) has no IPv4 address in it.
/// </summary>
public sealed class NetworkList
{
    /// <summary>Networks of one list: more than anybody writes by hand; beyond, a wider network says the same.</summary>
    public const int NetworksMax = 256;

    private const int AddressBits = 128;
    private const int MappedBits = 96;
    private const int AddressBytes = AddressBits / 8;
    private const int Ipv4Parts = 4;
    private const string Form = "must be an address, or a network as 10.0.0.0/8 or 2001:db8::/32";

    /// <summary>All that addresses are written with.</summary>
    private static readonly SearchValues<char> Letters = SearchValues.Create("0123456789abcdefABCDEF:.");

    /// <summary>IPv4 lies in IPv6 from here on: ::ffff:0.0.0.0 (RFC 4291, 2.5.5.2).</summary>
    private static readonly Block Mapped = new((UInt128)0xFFFF << 32, ((UInt128)0xFFFF << 32) | uint.MaxValue);

    /// <summary>What the networks cover, in order, without overlaps.</summary>
    private readonly Block[] _blocks;

    private NetworkList(IReadOnlyList<string> networks, Block[] blocks) => (Networks, _blocks) = (networks, blocks);

    /// <summary>No network.</summary>
    public static NetworkList None { get; } = new([], []);

    /// <summary>The host itself: 127.0.0.0/8 and ::1.</summary>
    public static NetworkList Loopback { get; } = Of("127.0.0.0/8", "::1");

    /// <summary>Each network in its shortest form, in the order in which they were added.</summary>
    public IReadOnlyList<string> Networks { get; }

    /// <summary>Whether nothing is in it.</summary>
    public bool IsEmpty => _blocks.Length == 0;

    /// <summary>A list that has one network more; what is wrong with the text otherwise, and then the list is the former one.</summary>
    public string? TryAdd(string text, out NetworkList list)
    {
        list = this;
        if (Parse(text, out string network, out var block) is { } wrong)
        {
            return wrong;
        }

        if (Networks.Contains(network, StringComparer.Ordinal))
        {
            return null;
        }

        if (Networks.Count == NetworksMax)
        {
            return $"is one too many: at most {NetworksMax} networks can be given, and a wider one takes the place of several";
        }

        bool hasMapped = block.First < Mapped.First && block.Last > Mapped.Last;
        Block[] added = hasMapped ? [block with { Last = Mapped.First - 1 }, block with { First = Mapped.Last + 1 }] : [block];
        list = new NetworkList([.. Networks, network], added.Aggregate(_blocks, With));
        return null;
    }

    private static NetworkList Of(params ReadOnlySpan<string> networks)
    {
        var list = None;
        foreach (string network in networks)
        {
            _ = list.TryAdd(network, out list);
        }

        return list;
    }

    /// <summary>Whether an address is in one of the networks; a client without an address (all zero) is in none.</summary>
    /// <param name="high">Its first 8 bytes in network order, as they lie in memory.</param>
    /// <param name="low">The 8 bytes behind them.</param>
    public bool Contains(ulong high, ulong low)
    {
        var address = new UInt128(BinaryPrimitives.ReverseEndianness(high), BinaryPrimitives.ReverseEndianness(low));
        var (from, to) = (0, _blocks.Length);
        while (from < to)
        {
            int middle = (from + to) / 2;
            (from, to) = _blocks[middle].Last < address ? (middle + 1, to) : (from, middle);
        }

        return from < _blocks.Length && _blocks[from].First <= address && address != 0;
    }

    /// <summary>A network, or an address, that a list could have: its first address and the bits that all of its addresses share.</summary>
    public static bool TryParse(string text, out UInt128 first, out int bits)
    {
        bool isNetwork = Parse(text, out _, out var block) is null;
        first = block.First;
        bits = isNetwork ? AddressBits - (int)UInt128.PopCount(block.First ^ block.Last) : 0;
        return isNetwork;
    }

    /// <summary>The first address of the network of that many bits that an address is in.</summary>
    public static UInt128 FirstOf(UInt128 address, int bits) => bits == 0 ? 0 : address & (UInt128.MaxValue << (AddressBits - bits));

    /// <summary>Whether a network of that many bits around an address has it in it: one of IPv6 that is wider than all of IPv4 has no IPv4 address.</summary>
    public static bool Covers(UInt128 address, int bits) => bits >= MappedBits || address < Mapped.First || address > Mapped.Last;

    /// <summary>The networks as they are written one behind the other.</summary>
    public override string ToString() => string.Join(' ', Networks);

    /// <summary>Blocks in order with one more among them, and into which those that overlap it have gone.</summary>
    private static Block[] With(Block[] blocks, Block added)
    {
        List<Block> all = new(blocks.Length + 1);
        var before = Array.FindAll(blocks, block => block.Last < added.First);
        var behind = Array.FindAll(blocks, block => block.First > added.Last);
        if (before.Length + behind.Length < blocks.Length)
        {
            var (first, last) = (blocks[before.Length], blocks[blocks.Length - behind.Length - 1]);
            added = new Block(UInt128.Min(added.First, first.First), UInt128.Max(added.Last, last.Last));
        }

        all.AddRange(before);
        all.Add(added);
        all.AddRange(behind);
        return [.. all];
    }

    private static string? Parse(string text, out string network, out Block block)
    {
        (network, block) = ("", default);
        int slash = text.IndexOf('/', StringComparison.Ordinal);
        if (ReadAddress(slash < 0 ? text : text[..slash]) is not { } address)
        {
            return Form;
        }

        bool isIpv4 = !text.Contains(':', StringComparison.Ordinal);
        int bitsMax = isIpv4 ? AddressBits - MappedBits : AddressBits;
        int bits = bitsMax;
        if (slash >= 0 && !TryReadBits(text.AsSpan(slash + 1), bitsMax, out bits))
        {
            return $"must have a number from 0 to {bitsMax} behind the slash";
        }

        bits += isIpv4 ? MappedBits : 0;
        var rest = bits == 0 ? UInt128.MaxValue : ((UInt128)1 << (AddressBits - bits)) - 1;
        block = new Block(address & ~rest, address | rest);
        network = Write(block.First, bits);
        return address == block.First ? null : $"must be {network}, or a longer prefix: bits behind /{text[(slash + 1)..]} are set";
    }

    /// <summary>IPv4 as four decimal numbers without leading zeros, IPv6 without a zone; null for anything else that some library would read.</summary>
    private static UInt128? ReadAddress(string text)
    {
        if (text.AsSpan().ContainsAnyExcept(Letters) || !IPAddress.TryParse(text, out var address))
        {
            return null;
        }

        bool isIpv4 = !text.Contains(':', StringComparison.Ordinal);
        if (isIpv4 && (address.ToString() != text || text.Split('.').Length != Ipv4Parts))
        {
            return null;
        }

        Span<byte> bytes = stackalloc byte[AddressBytes];
        return address.MapToIPv6().TryWriteBytes(bytes, out _) ? BinaryPrimitives.ReadUInt128BigEndian(bytes) : null;
    }

    private static bool TryReadBits(ReadOnlySpan<char> text, int most, out int bits) =>
        int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out bits) && bits <= most && (text[0] != '0' || text.Length == 1);

    /// <summary>The shortest form: an address alone when it is all of the network.</summary>
    private static string Write(UInt128 first, int bits)
    {
        Span<byte> bytes = stackalloc byte[AddressBytes];
        BinaryPrimitives.WriteUInt128BigEndian(bytes, first);
        var address = new IPAddress(bytes);
        bool isIpv4 = bits >= MappedBits && address.IsIPv4MappedToIPv6;
        string text = (isIpv4 ? address.MapToIPv4() : address).ToString();
        return bits == AddressBits ? text : $"{text}/{(isIpv4 ? bits - MappedBits : bits).ToString(CultureInfo.InvariantCulture)}";
    }

    /// <summary>Addresses from one to another, both in it.</summary>
    private readonly record struct Block(UInt128 First, UInt128 Last);
}
