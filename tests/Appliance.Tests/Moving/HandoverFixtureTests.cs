using System.Runtime.InteropServices;
using System.Text;
using Appliance.Chat;
using Appliance.Connections;
using Appliance.Moving;
using Appliance.Native;
using Appliance.Protocols.WebSocket;
using Appliance.Tests.Fixtures;
using Appliance.Tests.Protocols.WebSocket;
using static Appliance.Tests.Protocols.WebSocket.ClientBytes;
using WebSocketLimits = Appliance.Protocols.WebSocket.MessageLimits;

namespace Appliance.Tests.Moving;

/// <summary>A batch of each version, in which every field has a value of its own, is written as it was and read as it was meant.</summary>
public sealed class HandoverFixtureTests : IDisposable
{
    private const ushort Newest = HandoverBatch.NewestVersion;
    private const ushort Oldest = HandoverBatch.OldestVersion;

    /// <summary>What is borrowed is the same in both.</summary>
    private const string Borrowed = "handover-1.borrowed.bin";

    private const int HeadBytes = 16;
    private const string Request = "GET /?room=lobby HT";
    private const string Pong = "\u008a\u0002hi";

    private static readonly WebSocketLimits Limits = new(1000, TakesBinary: true);

    private readonly int _giving;
    private readonly int _taking;

    public HandoverFixtureTests() => _ = Syscall.SocketPair(out _giving, out _taking).OrThrow("socketpair");

    public void Dispose()
    {
        _ = Syscall.Close(_giving);
        _ = Syscall.Close(_taking);
    }

    [Theory]
    [InlineData(Newest)]
    [InlineData(Oldest)]
    public void Batch_is_written_as_it_was(ushort version)
    {
        var batch = new HandoverBatch(version);
        Fill(batch);
        Assert.True(batch.Send(_giving).Ok);

        // It may come back, and then goes on as it was.
        Assert.Equal((0, ConnectionFlags.Answered), (batch.Records[0].Transport, batch.Records[0].Flags));
        byte[] message = new byte[4096];
        int[] descriptors = new int[Syscall.RightsMax];
        int length = Syscall.ReceiveRights(_taking, message, descriptors, out int count, out _).OrThrow("recvmsg");
        Assert.Equal(4, count);
        byte[] borrowed = new byte[4096];
        int borrowedLength = Syscall.ReadAt(descriptors[3], borrowed, 0).OrThrow("pread");
        Array.ForEach(descriptors[..count], descriptor => _ = Syscall.Close(descriptor));
        Fixture.AssertEqual(Message(version), message[..length]);
        Fixture.AssertEqual(Borrowed, borrowed[..borrowedLength]);
    }

    [Theory]
    [InlineData(Newest)]
    [InlineData(Oldest)]
    public void Every_field_of_the_batch_is_read_as_it_was_meant(ushort version)
    {
        var batch = Receive(Fixture.Read(Message(version)));
        Assert.Equal(3, batch.Count);
        var (request, chat, closing) = (batch.Records[0], batch.Records[1], batch.Records[2]);
        Assert.Equal(
            (ConnectionState.Http, ConnectionFlags.Answered, -1, 0UL, 0x0100_007F_FFFF_0000UL, 11L, 12L, Request.Length, 0, 0, 1, 13u, 14u),
            (
                request.State, request.Flags, request.Room, request.IpHigh, request.IpLow, request.HeardMs, request.DueMs, request.HeadBytes,
                request.OutboxBytes, request.ReaderBytes, request.Home, request.Number, request.SinceSeconds));
        Assert.Equal(
            (
                ConnectionState.Chat, ConnectionFlags.Blocked | ConnectionFlags.MidFrame | ConnectionFlags.Paused, 3, 0x1122334455667788L, 1, 65, Pong.Length,
                0x80000001u, 21L, 22L),
            (chat.State, chat.Flags, chat.Room, chat.Position, chat.IsMember, chat.Home, chat.OutboxBytes, chat.Number, chat.HeardMs, chat.DueMs));
        Assert.Equal(
            (ConnectionState.Closing, ConnectionFlags.ShutWhenFlushed | ConnectionFlags.Torn, (ushort)1009, 0, 0, 0),
            (closing.State, closing.Flags, closing.CloseCode, closing.HeadBytes, closing.OutboxBytes, closing.ReaderBytes));

        // Three strikes within ten seconds end a connection: two are known.
        var rate = chat.Rate;
        Assert.Equal(RateVerdict.Close, rate.Take(1, 32));
        Assert.Equal(Request, Encoding.Latin1.GetString(batch.Borrowed[..request.HeadBytes]));
        var borrowed = batch.Borrowed[request.HeadBytes..];
        Assert.Equal(Pong, Encoding.Latin1.GetString(borrowed[..chat.OutboxBytes]));

        // The reader goes on in the middle of a character of a fragment, behind a ping that is half there.
        using var reader = new MessageReader();
        reader.Restore(borrowed.Slice(chat.OutboxBytes, chat.ReaderBytes));
        var recorder = new MessageRecorder();
        Assert.Equal(CloseCode.None, reader.Read(Said(second: true), Limits, recorder));
        Assert.Equal("ping(pi) text(Grüße)", recorder.Told());
    }

    [Theory]
    [InlineData(0)]
    [InlineData(Newest + 1)]
    [InlineData(256)]
    public void Batch_of_another_version_is_refused(ushort version)
    {
        byte[] message = Fixture.Read(Message(Newest));
        MemoryMarshal.Write(message.AsSpan(4), version);
        Assert.Equal(0, Receive(message).Count);
    }

    /// <summary>What a later release gives a connection is not lost here: the batch is refused, and stays there.</summary>
    [Theory]
    [InlineData(nameof(ConnectionRecord.Transport))]
    [InlineData(nameof(ConnectionRecord.IdentityBytes))]
    [InlineData(nameof(ConnectionRecord.TransportBytes))]
    [InlineData(nameof(ConnectionRecord.SubscriptionBytes))]
    [InlineData(nameof(ConnectionRecord.Sender))]
    [InlineData(nameof(ConnectionRecord.Reserved))]
    [InlineData(nameof(ConnectionRecord.State))]
    public void Batch_that_holds_what_is_not_known_is_refused(string field)
    {
        byte[] message = Fixture.Read(Message(Newest));
        message[HeadBytes + (2 * ConnectionRecord.Bytes) + (int)Marshal.OffsetOf<ConnectionRecord>(field)] = 99;
        Assert.Equal(0, Receive(message).Count);
    }

    private static string Message(ushort version) => $"handover-{version}.bin";

    private static void Fill(HandoverBatch batch)
    {
        ref var request = ref batch.Add(0);
        (request.State, request.Flags, request.Room) = (ConnectionState.Http, ConnectionFlags.Answered, -1);
        (request.IpLow, request.HeardMs, request.DueMs) = (0x0100_007F_FFFF_0000, 11, 12);
        (request.Home, request.Number, request.SinceSeconds) = (1, 13, 14);
        request.HeadBytes = Request.Length;
        _ = Encoding.Latin1.GetBytes(Request, batch.Lend(Request.Length));

        ref var chat = ref batch.Add(0);
        (chat.State, chat.Flags, chat.Room) = (ConnectionState.Chat, ConnectionFlags.Blocked | ConnectionFlags.MidFrame | ConnectionFlags.Paused, 3);
        (chat.IpHigh, chat.IpLow, chat.HeardMs, chat.DueMs) = (0x1122, 0x3344, 21, 22);
        (chat.Position, chat.IsMember, chat.Home, chat.Number, chat.SinceSeconds) = (0x1122334455667788, 1, 65, 0x80000001, 23);
        for (int i = 0; i < 4; i++)
        {
            _ = chat.Rate.Take(1, 24);
        }

        chat.OutboxBytes = Pong.Length;
        _ = Encoding.Latin1.GetBytes(Pong, batch.Lend(Pong.Length));
        using var reader = new MessageReader();
        Assert.Equal(CloseCode.None, reader.Read(Said(second: false), Limits, new MessageRecorder()));
        chat.ReaderBytes = reader.StateBytes;
        reader.Save(batch.Lend(reader.StateBytes));

        ref var closing = ref batch.Add(0);
        (closing.State, closing.Flags, closing.CloseCode, closing.Room) =
            (ConnectionState.Closing, ConnectionFlags.ShutWhenFlushed | ConnectionFlags.Torn, 1009, 0);
    }

    /// <summary>The first or the second part of a message with a ping in it, cut inside the ping.</summary>
    private static byte[] Said(bool second)
    {
        byte[] text = Encoding.UTF8.GetBytes("Grüße");
        byte[] first = [.. Frame(Opcode.Text, text[..3], final: false), .. Ping("pi")[..^1]];
        return second ? [Ping("pi")[^1], .. Frame(Opcode.Continuation, text[3..])] : first;
    }

    /// <summary>Takes a message with as many descriptors as it should have, and what is borrowed.</summary>
    private HandoverBatch Receive(byte[] message)
    {
        byte[] borrowed = Fixture.Read(Borrowed);
        int file = Syscall.MemoryFile("borrowed").OrThrow("memfd_create");
        _ = Syscall.WriteAt(file, borrowed, 0).OrThrow("pwrite");
        Assert.True(Syscall.SendRights(_giving, message, [0, 0, 0, file]).Ok);
        _ = Syscall.Close(file);
        var batch = new HandoverBatch();
        Assert.True(batch.Receive(_taking, out _).Ok);
        foreach (int descriptor in batch.Descriptors)
        {
            _ = Syscall.Close(descriptor);
        }

        return batch;
    }
}
