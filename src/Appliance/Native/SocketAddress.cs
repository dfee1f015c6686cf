using System.Buffers.Binary;
using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Text;

namespace Appliance.Native;

/// <summary>
/// A <c>struct sockaddr</c> of any family this program serves, and its length. Layouts: sockaddr_in (family, port, IPv4),
/// sockaddr_in6 (family, port, flow, IPv6, scope), sockaddr_un (family, path).
/// </summary>
[StructLayout(LayoutKind.Sequential)]
public unsafe struct SocketAddress
{
    /// <summary>The largest of them: sockaddr_un with 108 bytes of path.</summary>
    public const int BytesMax = 110;

    /// <summary>The longest path of a unix socket, without the NUL behind it; unix(7).</summary>
    public const int UnixPathBytesMax = 107;

    private const int PortOffset = 2;
    private const int Ipv4Offset = 4;
    private const int Ipv6Offset = 8;
    private const int PathOffset = 2;
    private const int Ipv4Bytes = 16;
    private const int Ipv6Bytes = 28;

    private fixed byte _bytes[BytesMax + 2];

    /// <summary>How many bytes of the address count.</summary>
    public uint Length { get; set; }

    /// <summary>AF_INET, AF_INET6 or AF_UNIX.</summary>
    public readonly int Family => _bytes[0] | (_bytes[1] << 8);

    /// <summary>The port of an internet address.</summary>
    public readonly int Port => (_bytes[PortOffset] << 8) | _bytes[PortOffset + 1];

    /// <summary>An IPv4 (4 bytes) or IPv6 (16 bytes) address in network order, and a port.</summary>
    public static SocketAddress Internet(ReadOnlySpan<byte> ip, int port)
    {
        var address = default(SocketAddress);
        bool v6 = ip.Length == 16;
        address.Length = v6 ? (uint)Ipv6Bytes : Ipv4Bytes;
        var bytes = address.Writable;
        bytes[0] = (byte)(v6 ? Syscall.AF_INET6 : Syscall.AF_INET);
        BinaryPrimitives.WriteUInt16BigEndian(bytes[PortOffset..], checked((ushort)port));
        ip.CopyTo(bytes[(v6 ? Ipv6Offset : Ipv4Offset)..]);
        return address;
    }

    /// <summary>A unix socket's path of at most <see cref="UnixPathBytesMax"/> bytes; a leading @ makes it an abstract name.</summary>
    public static SocketAddress Unix(string path)
    {
        var address = default(SocketAddress);
        var bytes = address.Writable;
        bytes[0] = Syscall.AF_UNIX;
        int count = Encoding.UTF8.GetBytes(path, bytes[PathOffset..(PathOffset + UnixPathBytesMax)]);
        bool isAbstract = path.StartsWith('@');
        bytes[PathOffset] = isAbstract ? (byte)0 : bytes[PathOffset];
        address.Length = (uint)(PathOffset + count + (isAbstract ? 0 : 1));
        return address;
    }

    /// <summary>
    /// The IP as 16 bytes, IPv4 mapped into IPv6 (RFC 4291, 2.5.5.2); all zero for a unix socket. One form for every family
    /// keeps a connection's record small.
    /// </summary>
    public readonly void CopyIp(Span<byte> sixteen)
    {
        sixteen.Clear();
        var bytes = Readable;
        if (Family == Syscall.AF_INET)
        {
            sixteen[10] = sixteen[11] = 0xFF;
            bytes.Slice(Ipv4Offset, 4).CopyTo(sixteen[12..]);
        }
        else if (Family == Syscall.AF_INET6)
        {
            bytes.Slice(Ipv6Offset, 16).CopyTo(sixteen);
        }
    }

    [UnscopedRef]
    private Span<byte> Writable => MemoryMarshal.CreateSpan(ref Unsafe.As<SocketAddress, byte>(ref this), BytesMax);

    [UnscopedRef]
    private readonly ReadOnlySpan<byte> Readable =>
        MemoryMarshal.CreateReadOnlySpan(ref Unsafe.As<SocketAddress, byte>(ref Unsafe.AsRef(in this)), BytesMax);
}
