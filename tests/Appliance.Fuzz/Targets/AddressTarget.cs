using System.Text;
using Appliance.Config;
using Appliance.Fuzz.Driver;
using static Appliance.Fuzz.Driver.FuzzException;

namespace Appliance.Fuzz.Targets;

/// <summary>Addresses to listen at.</summary>
internal sealed class AddressTarget : IFuzzTarget
{
    public static FuzzTarget Row { get; } = new(
        "addresses",
        "listen addresses: an address that the kernel's form holds, or none",
        () => new AddressTarget())
    {
        BytesMax = 256,
        Words =
        [
            "127.0.0.1:9000", "[::1]:9000", "*:9000", "unix:/run/a", ":", "[", "]", "%lo", "%1", "::ffff:1.2.3.4", "0x7f.1", "65536",
            "\xC3\xA4", "\0",
        ],
    };

    public void Run(ReadOnlySpan<byte> input)
    {
        string text = Encoding.UTF8.GetString(input);
        if (ListenAddress.TryParse(text) is not { } address)
        {
            return;
        }

        Require(address.Text == text && ListenAddress.TryParse(address.Text) == address, "an address can be read again");
        Require((address.Ip is null) != (address.UnixPath is null), "an address is of the network or a path");
        Require(address.Port is >= 0 and <= ushort.MaxValue, "a port has 16 bits");
        if (address.UnixPath is { } path)
        {
            Require(
                !path.Contains('\0', StringComparison.Ordinal) && Encoding.UTF8.GetByteCount(path) <= 107 && path.StartsWith('/'),
                "a path is one that the kernel takes");
        }
    }

    public void Dispose()
    {
    }
}
