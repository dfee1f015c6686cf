using System.Runtime.InteropServices;

namespace Appliance.Tls;

/// <summary>What seals one direction of a connection (RFC 8446, 7).</summary>
[StructLayout(LayoutKind.Sequential, Pack = 4, Size = Bytes)]
public unsafe struct TrafficKeys
{
    /// <summary>Size of it.</summary>
    public const int Bytes = 100;

    /// <summary>The longest secret, of SHA-384.</summary>
    public const int SecretBytesMax = 48;

    /// <summary>The longest key, of AES-256 and ChaCha20.</summary>
    public const int KeyBytesMax = 32;

    /// <summary>An initialization vector, which with the number of a record makes its nonce.</summary>
    public const int IvBytes = 12;

    /// <summary>The traffic secret, from which the rest and the next secret are derived.</summary>
    public fixed byte Secret[SecretBytesMax];

    /// <summary>The key.</summary>
    public fixed byte Key[KeyBytesMax];

    /// <summary>Number of the next record with this key.</summary>
    public ulong Number;

    /// <summary>The initialization vector.</summary>
    public fixed byte Iv[IvBytes];
}

/// <summary>Facts about a connection's TLS.</summary>
[Flags]
public enum TlsFlags : byte
{
    /// <summary>None.</summary>
    None = 0,

    /// <summary>The peer wants our key updated: that goes before the next record.</summary>
    OwesUpdate = 1,

    /// <summary>We have said that we send nothing more.</summary>
    HasEnded = 2,

    /// <summary>The peer has said that it sends nothing more.</summary>
    PeerHasEnded = 4,

    /// <summary>It was ended by an error: nothing is sealed or opened any more.</summary>
    IsBroken = 8,

    /// <summary>All there are.</summary>
    All = OwesUpdate | HasEnded | PeerHasEnded | IsBroken,
}

/// <summary>
/// All that TLS 1.3 needs of a connection once its handshake is done: no pointer, so that it can go to another process, of which exactly one
/// goes on with it. Its layout is frozen (docs/handover.md). All zero stands for a connection that has not begun its handshake.
/// </summary>
[StructLayout(LayoutKind.Sequential, Pack = 4, Size = Bytes)]
public struct TlsState
{
    /// <summary>Size of it.</summary>
    public const int Bytes = 208;

    /// <summary>Bytes of data in a record at most (RFC 8446, 5.1).</summary>
    public const int DataBytesMax = 16 << 10;

    /// <summary>Opens what the peer has sealed.</summary>
    public TrafficKeys Peer;

    /// <summary>Seals what we send.</summary>
    public TrafficKeys Own;

    /// <summary>Number of the cipher suite (RFC 8446, B.4); 0 before the handshake is done.</summary>
    public ushort Suite;

    /// <summary>Bytes of data in a record at most, in either direction (RFC 6066, 4).</summary>
    public ushort FragmentBytesMax;

    /// <summary>Facts.</summary>
    public TlsFlags Flags;

    /// <summary>Records without data that have come in a row.</summary>
    public byte EmptyRecords;

    /// <summary>Key updates that have come in a row, without data between them.</summary>
    public byte Updates;

    /// <summary>Zero.</summary>
    public byte Reserved;

    /// <summary>Whether it has keys.</summary>
    public readonly bool IsEstablished => Suite != 0;

    /// <summary>Whether this version can go on with it.</summary>
    public readonly bool IsKnown => (Flags & ~TlsFlags.All) == 0 && Reserved == 0
        && (Suite == 0
            ? !AsBytes(in this).ContainsAnyExcept((byte)0)
            : CipherSuite.Find(Suite) is not null && FragmentBytesMax is 512 or 1024 or 2048 or 4096 or DataBytesMax);

    /// <summary>Whether a fact holds.</summary>
    public readonly bool Is(TlsFlags flag) => (Flags & flag) != 0;

    /// <summary>As it lies in memory.</summary>
    internal static ReadOnlySpan<byte> AsBytes(in TlsState state) => MemoryMarshal.AsBytes(new ReadOnlySpan<TlsState>(in state));
}
