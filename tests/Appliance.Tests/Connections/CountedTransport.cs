using System.Buffers.Binary;
using Appliance.Connections;

namespace Appliance.Tests.Connections;

/// <summary>
/// Records with a number, as TLS has them, and no secret: length (2 bytes), number (4), and the bytes, each changed by the number, so that one
/// that is missing, twice or out of order is found.
/// </summary>
internal sealed class CountedTransport : Transport
{
    public const int HeaderBytes = 6;
    public const int EndOfStream = 0;

    private const int RecordBytesMax = 16 << 10;

    private readonly Dictionary<int, Side> _sides = [];

    /// <summary>The least memory that it says to need for any bytes.</summary>
    public int SealedBytesMin { get; init; }

    /// <summary>Connections that it knows something of.</summary>
    public int Count => _sides.Count;

    public override int SealedBytesMax(int plain) => Math.Max(SealedBytesMin, plain + (HeaderBytes * ((plain / RecordBytesMax) + 1)));

    public override Span<byte> Open(int fd, Span<byte> received)
    {
        var side = SideOf(fd);
        side.Rest.AddRange(received);
        var opened = new List<byte>();
        while (TryOpen(side.Rest, ref side.Opened, out byte[] plain))
        {
            opened.AddRange(plain);
        }

        return opened.ToArray();
    }

    public override int Seal(int fd, ReadOnlySpan<byte> plain, Span<byte> to)
    {
        int length = 0;
        do
        {
            var piece = plain[..Math.Min(plain.Length, RecordBytesMax)];
            uint number = SideOf(fd).Sealed++;
            BinaryPrimitives.WriteUInt16LittleEndian(to[length..], (ushort)piece.Length);
            BinaryPrimitives.WriteUInt32LittleEndian(to[(length + 2)..], number);
            length += HeaderBytes;
            foreach (byte one in piece)
            {
                to[length++] = (byte)(one ^ number);
            }

            plain = plain[piece.Length..];
        }
        while (!plain.IsEmpty);
        return length;
    }

    /// <summary>An empty record, between others or at the end.</summary>
    public void Say(int fd)
    {
        byte[] record = new byte[HeaderBytes];
        _ = Seal(fd, default, record);
        Keep(fd, record);
    }

    public override bool End(int fd)
    {
        var side = SideOf(fd);
        if (!side.Ended)
        {
            side.Ended = true;
            Say(fd);
            return true;
        }

        return false;
    }

    public override PeerEnd EndOf(int fd) => PeerEnd.None;

    public override int StateBytes(int fd) => 8 + SideOf(fd).Rest.Count;

    public override void Save(int fd, Span<byte> state)
    {
        var side = SideOf(fd);
        BinaryPrimitives.WriteUInt32LittleEndian(state, side.Sealed);
        BinaryPrimitives.WriteUInt32LittleEndian(state[4..], side.Opened);
        side.Rest.ToArray().CopyTo(state[8..]);
    }

    public override bool IsState(ReadOnlySpan<byte> state) => state.Length >= 8;

    public override void Restore(int fd, ReadOnlySpan<byte> state) => _sides[fd] = new Side
    {
        Sealed = BinaryPrimitives.ReadUInt32LittleEndian(state),
        Opened = BinaryPrimitives.ReadUInt32LittleEndian(state[4..]),
        Rest = [.. state[8..]],
    };

    public override void Forget(int fd)
    {
        base.Forget(fd);
        _ = _sides.Remove(fd);
    }

    /// <summary>Takes the first record of some bytes; false when it is not whole.</summary>
    public static bool TryOpen(List<byte> bytes, ref uint number, out byte[] plain)
    {
        plain = [];
        if (bytes.Count < HeaderBytes)
        {
            return false;
        }

        byte[] header = [.. bytes.GetRange(0, HeaderBytes)];
        int length = BinaryPrimitives.ReadUInt16LittleEndian(header);
        if (bytes.Count < HeaderBytes + length)
        {
            return false;
        }

        uint expected = number++;
        Assert.Equal(expected, BinaryPrimitives.ReadUInt32LittleEndian(header.AsSpan(2)));
        plain = [.. bytes.GetRange(HeaderBytes, length).Select(one => (byte)(one ^ expected))];
        bytes.RemoveRange(0, HeaderBytes + length);
        return true;
    }

    private Side SideOf(int fd) => _sides.TryGetValue(fd, out var side) ? side : _sides[fd] = new Side();

    private sealed class Side
    {
        public uint Sealed;
        public uint Opened;
        public List<byte> Rest = [];
        public bool Ended;
    }
}
