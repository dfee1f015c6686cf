using System.Reflection;
using System.Runtime.InteropServices;
using Appliance.Connections;
using Appliance.Moving;
using Appliance.Native;

namespace Appliance.Tests.Moving;

/// <summary>Batches of connections go through a socket whole, or not at all; their layout is that of docs/handover.md.</summary>
public sealed class HandoverBatchTests : IDisposable
{
    private const int HeadBytes = 16;

    private readonly int _giving;
    private readonly int _taking;

    public HandoverBatchTests() => _ = Syscall.SocketPair(out _giving, out _taking).OrThrow("socketpair");

    public static TheoryData<int, int> Sizes => new()
    {
        { 1, 0 },
        { 1, 1 },
        { 2, 70_000 },
        { HandoverBatch.ConnectionsMax, 0 },
        { HandoverBatch.ConnectionsMax, 4000 },
        { 1, 16 << 20 },
    };

    public void Dispose()
    {
        _ = Syscall.Close(_giving);
        _ = Syscall.Close(_taking);
    }

    [Fact]
    public void Record_is_laid_out_as_it_is_written_down()
    {
        string[] offsets = [.. typeof(ConnectionRecord).GetFields(BindingFlags.Public | BindingFlags.Instance)
            .Select(field => $"{Marshal.OffsetOf<ConnectionRecord>(field.Name)} {field.Name}")];
        Assert.Equal(
            ["0 Position", "8 IpHigh", "16 IpLow", "24 HeardMs", "32 DueMs", "40 Rate", "56 Room", "60 CloseCode", "62 State", "63 Transport",
                "64 HeadBytes", "68 OutboxBytes", "72 ReaderBytes", "76 IsMember", "77 Home", "78 View", "80 SinceSeconds", "84 Number",
                "88 Flags", "92 IdentityBytes", "96 TransportBytes", "100 SubscriptionBytes", "104 Sender", "112 Reserved",
                "116 WroteSeconds", "120 Name"],
            offsets);
        Assert.Equal(ConnectionRecord.Bytes, Marshal.SizeOf<ConnectionRecord>());
    }

    /// <summary>A server that knows version 1 alone would send plain text to a connection by TLS.</summary>
    [Theory]
    [InlineData(0, HandoverBatch.OldestVersion)]
    [InlineData(TlsTransport.Number, HandoverBatch.NewestVersion)]
    public unsafe void Connection_with_a_transport_goes_in_a_version_that_knows_it(byte transport, ushort version)
    {
        var batch = new HandoverBatch(HandoverBatch.OldestVersion);
        ref var record = ref batch.Add(_giving);
        record.State = ConnectionState.Http;
        record.Room = ConnectionTable.NoRoom;
        if (transport != 0)
        {
            (record.Transport, record.TransportBytes) = (transport, 4);
            batch.Lend(4).Clear();
        }

        _ = batch.Send(_giving).OrThrow("sendmsg");
        byte* bytes = stackalloc byte[1024];
        Assert.Equal(HeadBytes + ConnectionRecord.Bytes, Syscall.Receive(_taking, bytes, 1024).OrThrow("recv"));
        Assert.Equal(version, *(ushort*)(bytes + 4));
    }

    [Theory]
    [InlineData(ConnectionState.Http, 1)]
    [InlineData(ConnectionState.Chat, 2)]
    [InlineData(ConnectionState.Echo, 3)]
    [InlineData(ConnectionState.Closing, 4)]
    [InlineData(ConnectionState.Lingering, 5)]
    [InlineData(ConnectionState.Proxy, 6)]
    [InlineData(ConnectionState.Tls, 7)]
    [InlineData(ConnectionState.Authorize, 8)]
    public void States_keep_their_numbers(ConnectionState state, int number) => Assert.Equal(number, (int)state);

    [Theory]
    [InlineData(ConnectionFlags.Blocked, 1)]
    [InlineData(ConnectionFlags.MidFrame, 2)]
    [InlineData(ConnectionFlags.Paused, 4)]
    [InlineData(ConnectionFlags.ShutWhenFlushed, 8)]
    [InlineData(ConnectionFlags.Answered, 64)]
    [InlineData(ConnectionFlags.Torn, 128)]
    public void Flags_keep_their_bits(ConnectionFlags flag, int bit) => Assert.Equal(bit, (int)flag);

    [Theory]
    [MemberData(nameof(Sizes))]
    public void Batch_arrives_as_it_was_sent(int count, int borrowedEach)
    {
        int file = Syscall.MemoryFile("test").OrThrow("memfd_create");
        var sent = new HandoverBatch();
        for (int i = 0; i < count; i++)
        {
            ref var record = ref sent.Add(file);
            record.Position = long.MaxValue - i;
            record.Room = i;
            record.OutboxBytes = borrowedEach;
            sent.Lend(borrowedEach).Fill((byte)i);
        }

        Assert.True(sent.Send(_giving).Ok);
        var received = new HandoverBatch();
        Assert.True(received.Receive(_taking, out bool whole).Ok);
        Assert.True(whole);
        Assert.Equal(MemoryMarshal.AsBytes(sent.Records), MemoryMarshal.AsBytes(received.Records));
        Assert.True(sent.Borrowed.SequenceEqual(received.Borrowed));
        Assert.Equal(count, received.Descriptors.ToArray().Distinct().Count());
        foreach (int descriptor in received.Descriptors)
        {
            Assert.True(Syscall.Close(descriptor).Ok);
        }

        Assert.True(Syscall.Close(file).Ok);
    }

    [Fact]
    public void Batch_is_full_with_as_many_as_one_message_carries()
    {
        var batch = new HandoverBatch();
        while (!batch.IsFull)
        {
            _ = batch.Add(0);
        }

        Assert.Equal(Syscall.RightsMax - 1, batch.Count);
    }

    [Fact]
    public void Batch_is_full_when_much_is_borrowed()
    {
        var batch = new HandoverBatch();
        _ = batch.Add(0);
        _ = batch.Lend(1 << 20);
        Assert.True(batch.IsFull);
    }

    /// <summary>Every byte of the head matters, and so does the length.</summary>
    [Fact]
    public void What_is_no_batch_is_refused_and_its_descriptors_closed()
    {
        byte[] good = [.. "APLH"u8, 1, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, .. new byte[ConnectionRecord.Bytes]];
        Assert.Equal((true, 1), Take(good, 1));
        Assert.All([0, 1, 2, 3, 4, 5, 6, 7, 8], at =>
        {
            byte[] bad = [.. good];
            bad[at] ^= 1;
            Assert.Equal((false, 0), Take(bad, 1));
        });
        Assert.Equal((false, 0), Take(good[..^1], 1));
        Assert.Equal((false, 0), Take([.. good, 0], 1));
        Assert.Equal((false, 0), Take(good, 2));
        Assert.Equal((false, 0), Take(good, 0));
        Assert.Equal((false, 0), Take([1], 1));
    }

    /// <summary>A record with one number that cannot be true: the giver keeps what it would have given.</summary>
    [Theory]
    [InlineData(62, 7, "a state that is not known")]
    [InlineData(62, 2, "a chat in no room")]
    [InlineData(76, 1, "a request that is in a room")]
    [InlineData(64, 1, "a request of which nothing came along")]
    [InlineData(67, 0x80, "a request of less than nothing")]
    [InlineData(68, 1, "answers of which nothing came along")]
    [InlineData(72, 1, "a reader of which nothing came along")]
    [InlineData(8 - HeadBytes, 1, "bytes that are borrowed by nobody, and no file")]
    [InlineData(15 - HeadBytes, 0x80, "less than nothing that is borrowed")]
    public void Batch_with_a_record_that_cannot_be_true_is_refused(int at, byte value, string why)
    {
        byte[] message = [.. "APLH"u8, 1, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, .. new byte[ConnectionRecord.Bytes]];
        message[HeadBytes + 62] = (byte)ConnectionState.Http;
        Assert.Equal((true, 1), Take(message, 1));
        message[HeadBytes + at] = value;
        Assert.True(Take(message, 1) == (false, 0), why);
    }

    private (bool Whole, int Count) Take(byte[] message, int descriptors)
    {
        // A pipe tells at its other end whether all that was sent is closed again.
        _ = Syscall.Pipe(out int reading, out int writing).OrThrow("pipe2");
        Assert.True(Syscall.SendRights(_giving, message, Enumerable.Repeat(writing, descriptors).ToArray()).Ok);
        Assert.True(Syscall.Close(writing).Ok);
        var batch = new HandoverBatch();
        Assert.True(batch.Receive(_taking, out bool whole).Ok);
        int count = batch.Count;
        foreach (int descriptor in batch.Descriptors)
        {
            Assert.True(Syscall.Close(descriptor).Ok);
        }

        Span<byte> nothing = stackalloc byte[1];
        unsafe
        {
            fixed (byte* bytes = nothing)
            {
                Assert.Equal(0, Syscall.Read(reading, bytes, 1).Value);
            }
        }

        Assert.True(Syscall.Close(reading).Ok);
        return (whole, count);
    }
}
