using System.Text;
using Appliance.Journal;
using Appliance.Rooms;

namespace Appliance.Tests.Journal;

/// <summary>The bytes of a journal: checksums, header and entries are written and read as docs/journal.md says.</summary>
public sealed class JournalFormatTests
{
    public static TheoryData<string, int, bool> Entries => new()
    {
        { "a", 64, true },
        { "lobby", 127, false },
        { "lobby", 128, true },
        { new string('n', RoomHeader.NameBytesMax), 65_539, true },
        { "x-y_z.0", 70_000, false },
    };

    /// <summary>Test vectors of RFC 3720, B.4, and the usual "123456789".</summary>
    [Fact]
    public void Checksum_is_crc_32c()
    {
        Assert.Equal(0xE3069283, JournalFormat.Checksum("123456789"u8));
        Assert.Equal(0x8A9136AA, JournalFormat.Checksum(new byte[32]));
        Assert.Equal(0x62A8AB43u, JournalFormat.Checksum([.. Enumerable.Repeat((byte)0xFF, 32)]));
        Assert.Equal(0x46DD794Eu, JournalFormat.Checksum([.. Enumerable.Range(0, 32).Select(i => (byte)i)]));
        Assert.Equal(0xE3069283, JournalFormat.Checksum("12345"u8, "6789"u8));
    }

    [Theory]
    [MemberData(nameof(Entries))]
    public void Entry_is_read_as_it_was_written(string room, int length, bool isMessage)
    {
        byte[] frame = FrameOf(length);
        byte[] bytes = new byte[JournalFormat.EntryBytesMax + 10];
        int written = JournalFormat.WriteEntry(bytes, 1_700_000_000_000_123, isMessage, Encoding.ASCII.GetBytes(room), frame);
        Assert.Equal(18 + room.Length + length, written);
        Assert.True(JournalFormat.TryReadEntry(bytes, out var entry, out int read));
        Assert.Equal((written, 1_700_000_000_000_123, isMessage), (read, entry.Id, entry.IsMessage));
        Assert.Equal(room, Encoding.ASCII.GetString(entry.Room));
        Assert.True(entry.Frame.SequenceEqual(frame));
    }

    /// <summary>An entry by hand: a later version of this program must read it.</summary>
    [Fact]
    public void Layout_of_an_entry_is_frozen()
    {
        byte[] frame = [0x81, 62, .. Enumerable.Repeat((byte)'x', 62)];
        byte[] bytes = new byte[200];
        int length = JournalFormat.WriteEntry(bytes, 0x0102030405060708, isMessage: true, "ab"u8, frame);
        byte[] body = [8, 7, 6, 5, 4, 3, 2, 1, 1, 2, (byte)'a', (byte)'b', .. frame];
        byte[] size = [(byte)body.Length, 0, 0, 0];
        Assert.Equal([.. size, .. BitConverter.GetBytes(JournalFormat.Checksum(size, body)), .. body], bytes[..length]);
    }

    [Fact]
    public void Layout_of_the_header_is_frozen()
    {
        byte[] bytes = new byte[JournalFormat.HeaderBytes];
        JournalFormat.WriteHeader(bytes, new JournalHeader(0x1122334455667788, IsComplete: true, LeastId: 0x0102030405060708));
        byte[] expected =
        [
            .. "APPLJRNL"u8, 1, 0, 0, 0, 1, 0, 0, 0, 0x88, 0x77, 0x66, 0x55, 0x44, 0x33, 0x22, 0x11, 8, 7, 6, 5, 4, 3, 2, 1, 0, 0, 0, 0,
        ];
        Assert.Equal([.. expected, .. BitConverter.GetBytes(JournalFormat.Checksum(expected))], bytes);
    }

    [Fact]
    public void Every_flipped_bit_of_a_header_is_found()
    {
        byte[] bytes = new byte[JournalFormat.HeaderBytes];
        var header = new JournalHeader(77, IsComplete: true, LeastId: 5);
        JournalFormat.WriteHeader(bytes, header);
        Assert.True(JournalFormat.TryReadHeader(bytes, out var read) && read == header);
        for (int bit = 0; bit < bytes.Length * 8; bit++)
        {
            bytes[bit / 8] ^= (byte)(1 << (bit % 8));
            Assert.True(JournalFormat.TryReadHeader(bytes, out read) == bit >= 12 * 8 && read == default, $"bit {bit}");
            bytes[bit / 8] ^= (byte)(1 << (bit % 8));
        }
    }

    [Fact]
    public void Every_flipped_bit_of_an_entry_is_found()
    {
        byte[] bytes = new byte[JournalFormat.EntryHeadBytes + 5 + 100];
        _ = JournalFormat.WriteEntry(bytes, 1_700_000_000_000_123, isMessage: true, "lobby"u8, FrameOf(100));
        for (int bit = 0; bit < bytes.Length * 8; bit++)
        {
            bytes[bit / 8] ^= (byte)(1 << (bit % 8));
            Assert.False(JournalFormat.TryReadEntry(bytes, out _, out _), $"bit {bit}");
            bytes[bit / 8] ^= (byte)(1 << (bit % 8));
        }

        Assert.True(JournalFormat.TryReadEntry(bytes, out _, out _));
    }

    [Fact]
    public void Every_beginning_of_an_entry_is_none()
    {
        byte[] bytes = new byte[JournalFormat.EntryHeadBytes + 5 + 100];
        _ = JournalFormat.WriteEntry(bytes, 5, isMessage: true, "lobby"u8, FrameOf(100));
        for (int length = 0; length < bytes.Length; length++)
        {
            Assert.False(JournalFormat.TryReadEntry(bytes.AsSpan(0, length), out _, out _), $"{length} bytes");
        }
    }

    /// <summary>Names go into lists as they are: a checksum alone makes no name of a room.</summary>
    [Theory]
    [InlineData("a b", false)]
    [InlineData("a/b", false)]
    [InlineData("a\nb", false)]
    [InlineData("\u001b[2J", false)]
    [InlineData("\"", false)]
    [InlineData("a-b_c.9", true)]
    public void Name_that_is_no_rooms_is_damage(string room, bool expected)
    {
        byte[] bytes = new byte[JournalFormat.EntryBytesMax];
        int length = JournalFormat.WriteEntry(bytes, 5, isMessage: true, Encoding.ASCII.GetBytes(room), FrameOf(100));
        Assert.Equal(expected, JournalFormat.TryReadEntry(bytes.AsSpan(0, length), out _, out _));
    }

    /// <summary>What noise happens to begin with is never believed.</summary>
    [Fact]
    public void Noise_is_no_entry()
    {
        byte[] noise = new byte[300_000];
        new Random(1).NextBytes(noise);
        for (int start = 0; start < noise.Length; start++)
        {
            Assert.False(JournalFormat.TryReadEntry(noise.AsSpan(start), out _, out _), $"{start}");
        }
    }

    internal static byte[] FrameOf(int length)
    {
        byte[] frame = new byte[length];
        frame.AsSpan().Fill((byte)'x');
        frame[0] = 0x81;
        if (length <= 127)
        {
            frame[1] = (byte)(length - 2);
        }
        else if (length <= 65_539)
        {
            (frame[1], frame[2], frame[3]) = (126, (byte)((length - 4) >> 8), (byte)(length - 4));
        }
        else
        {
            frame[1] = 127;
            System.Buffers.Binary.BinaryPrimitives.WriteInt64BigEndian(frame.AsSpan(2), length - 10);
        }

        return frame;
    }
}
