using System.Buffers.Binary;
using System.Numerics;
using Appliance.Chat;
using Appliance.Protocols.WebSocket;
using Appliance.Rooms;

namespace Appliance.Journal;

/// <summary>One record as the journal has it. The spans live until the next one is read.</summary>
/// <param name="id">Its id.</param>
/// <param name="isMessage">True for what a person said.</param>
/// <param name="room">Name of its room.</param>
/// <param name="frame">The finished WebSocket frame.</param>
public readonly ref struct JournalEntry(long id, bool isMessage, ReadOnlySpan<byte> room, Span<byte> frame)
{
    /// <summary>Its id.</summary>
    public long Id { get; } = id;

    /// <summary>True for what a person said.</summary>
    public bool IsMessage { get; } = isMessage;

    /// <summary>Name of its room.</summary>
    public ReadOnlySpan<byte> Room { get; } = room;

    /// <summary>The finished WebSocket frame.</summary>
    public Span<byte> Frame { get; } = frame;
}

/// <summary>The header of a journal.</summary>
/// <param name="Identity">A number that no other file has.</param>
/// <param name="IsComplete">Whether every room goes on behind its highest id in the file, if that is not below <paramref name="LeastId"/>.</param>
/// <param name="LeastId">No room gives out an id below this one any more; 0 when ids never had to jump.</param>
public readonly record struct JournalHeader(ulong Identity, bool IsComplete, long LeastId = 0);

/// <summary>
/// The bytes of a journal file, docs/journal.md; little-endian:
/// <code>
/// header   0 "APPLJRNL"   8 version (4)   12 1: complete (4)   16 identity (8)   24 least id (8)   32 zero (4)   36 CRC-32C of 0 to 35
/// entry    0 bytes behind 8 (4)   4 CRC-32C of bytes 0 to 3 and of all from 8 on   8 id (8)   16 1: said by a person (1)
///          17 bytes of the room's name (1)   18 the name, then the frame
/// </code>
/// </summary>
public static class JournalFormat
{
    /// <summary>Changes with every change of this page; a file of another version is refused.</summary>
    public const int Version = 1;

    /// <summary>Bytes of the header.</summary>
    public const int HeaderBytes = 40;

    /// <summary>Largest frame: four times what the largest settings for name and message need.</summary>
    public const int FrameBytesMax = 256 << 10;

    /// <summary>An entry's bytes besides its name and frame.</summary>
    public const int EntryHeadBytes = 18;

    /// <summary>Largest entry.</summary>
    public const int EntryBytesMax = EntryHeadBytes + RoomHeader.NameBytesMax + FrameBytesMax;

    private const ulong Magic = 0x4C4E524A4C505041;
    private const int CrcEnd = 8;
    private const int ChecksumOffset = 36;

    /// <summary>CRC-32C (RFC 3720, appendix B.4) of two pieces, one behind the other.</summary>
    public static uint Checksum(ReadOnlySpan<byte> first, ReadOnlySpan<byte> second = default) => ~Update(Update(uint.MaxValue, first), second);

    /// <summary>Writes the header.</summary>
    public static void WriteHeader(Span<byte> bytes, JournalHeader header)
    {
        bytes[..HeaderBytes].Clear();
        BinaryPrimitives.WriteUInt64LittleEndian(bytes, Magic);
        BinaryPrimitives.WriteInt32LittleEndian(bytes[8..], Version);
        BinaryPrimitives.WriteInt32LittleEndian(bytes[12..], header.IsComplete ? 1 : 0);
        BinaryPrimitives.WriteUInt64LittleEndian(bytes[16..], header.Identity);
        BinaryPrimitives.WriteInt64LittleEndian(bytes[24..], header.LeastId);
        BinaryPrimitives.WriteUInt32LittleEndian(bytes[ChecksumOffset..], Checksum(bytes[..ChecksumOffset]));
    }

    /// <summary>
    /// Reads a header; false when the file is not a journal of this version. A damaged one that still says what it is counts as not complete,
    /// with identity 0.
    /// </summary>
    public static bool TryReadHeader(ReadOnlySpan<byte> bytes, out JournalHeader header)
    {
        header = default;
        bool isOurs = bytes.Length >= HeaderBytes && BinaryPrimitives.ReadUInt64LittleEndian(bytes) == Magic
            && BinaryPrimitives.ReadInt32LittleEndian(bytes[8..]) == Version;
        if (isOurs && BinaryPrimitives.ReadUInt32LittleEndian(bytes[ChecksumOffset..]) == Checksum(bytes[..ChecksumOffset]))
        {
            header = new JournalHeader(
                BinaryPrimitives.ReadUInt64LittleEndian(bytes[16..]),
                BinaryPrimitives.ReadInt32LittleEndian(bytes[12..]) == 1,
                BinaryPrimitives.ReadInt64LittleEndian(bytes[24..]));
        }

        return isOurs;
    }

    /// <summary>Writes an entry and returns its bytes; there is room for <see cref="EntryBytesMax"/>.</summary>
    public static int WriteEntry(Span<byte> bytes, long id, bool isMessage, ReadOnlySpan<byte> room, ReadOnlySpan<byte> frame)
    {
        int length = EntryHeadBytes + room.Length + frame.Length;
        BinaryPrimitives.WriteInt32LittleEndian(bytes, length - CrcEnd);
        BinaryPrimitives.WriteInt64LittleEndian(bytes[8..], id);
        bytes[16] = isMessage ? (byte)1 : (byte)0;
        bytes[17] = (byte)room.Length;
        room.CopyTo(bytes[EntryHeadBytes..]);
        frame.CopyTo(bytes[(EntryHeadBytes + room.Length)..]);
        BinaryPrimitives.WriteUInt32LittleEndian(bytes[4..], Checksum(bytes[..4], bytes[CrcEnd..length]));
        return length;
    }

    /// <summary>Reads the entry at the beginning of some bytes; false when there is no whole one.</summary>
    public static bool TryReadEntry(Span<byte> bytes, out JournalEntry entry, out int length)
    {
        entry = default;
        length = 0;
        if (bytes.Length < EntryHeadBytes)
        {
            return false;
        }

        uint behind = BinaryPrimitives.ReadUInt32LittleEndian(bytes);
        int name = bytes[17];
        if (behind > EntryBytesMax - CrcEnd || behind + CrcEnd > (uint)bytes.Length || name is 0 or > RoomHeader.NameBytesMax || bytes[16] > 1)
        {
            return false;
        }

        var frame = bytes[Math.Min(EntryHeadBytes + name, (int)behind + CrcEnd)..((int)behind + CrcEnd)];
        long id = BinaryPrimitives.ReadInt64LittleEndian(bytes[8..]);
        bool isEntry = id > 0 && IsTextFrame(frame) && RoomName.IsValid(bytes.Slice(EntryHeadBytes, name));
        if (!isEntry || BinaryPrimitives.ReadUInt32LittleEndian(bytes[4..]) != Checksum(bytes[..4], bytes[CrcEnd..((int)behind + CrcEnd)]))
        {
            return false;
        }

        entry = new JournalEntry(id, bytes[16] == 1, bytes.Slice(EntryHeadBytes, name), frame);
        length = (int)behind + CrcEnd;
        return true;
    }

    /// <summary>Whether some bytes are one whole unmasked text frame (RFC 6455, 5.2) that a room's log can hold.</summary>
    private static bool IsTextFrame(ReadOnlySpan<byte> frame) =>
        frame.Length >= RoomLogLayout.RecordBytesMin && frame[0] == FrameHeader.FinalText
        && FrameLength.TryReadServer(frame, out int header, out long payload) && payload == frame.Length - header;

    private static uint Update(uint crc, ReadOnlySpan<byte> bytes)
    {
        for (; bytes.Length >= sizeof(ulong); bytes = bytes[sizeof(ulong)..])
        {
            crc = BitOperations.Crc32C(crc, BinaryPrimitives.ReadUInt64LittleEndian(bytes));
        }

        foreach (byte one in bytes)
        {
            crc = BitOperations.Crc32C(crc, one);
        }

        return crc;
    }
}
