using System.Buffers.Binary;
using System.Runtime.InteropServices;
using Appliance.Chat;
using Appliance.Connections;
using Appliance.Identity;
using Appliance.Native;
using Appliance.Protocols.WebSocket;
using Appliance.Rooms;

namespace Appliance.Moving;

/// <summary>
/// One connection on its way to another worker; its descriptor travels beside it. The layout is frozen, docs/handover.md: bytes that
/// are not named are zero, and a later version may name them.
/// </summary>
[StructLayout(LayoutKind.Explicit, Size = Bytes)]
public struct ConnectionRecord
{
    /// <summary>Size of a record.</summary>
    public const int Bytes = 128;

    /// <summary>Position in the room's log up to which everything has been sent.</summary>
    [FieldOffset(0)]
    public long Position;

    /// <summary>Peer's IP in 16 bytes, high half first; IPv4 mapped into IPv6.</summary>
    [FieldOffset(8)]
    public ulong IpHigh;

    /// <summary>Low half of the peer's IP.</summary>
    [FieldOffset(16)]
    public ulong IpLow;

    /// <summary>When something was last heard, in milliseconds of CLOCK_MONOTONIC.</summary>
    [FieldOffset(24)]
    public long HeardMs;

    /// <summary>When its timer runs out, in milliseconds of CLOCK_MONOTONIC; 0 for none.</summary>
    [FieldOffset(32)]
    public long DueMs;

    /// <summary>How fast it may send: paid until (8 bytes, microseconds of CLOCK_MONOTONIC), last strike and the one before (4 each, milliseconds).</summary>
    [FieldOffset(40)]
    public RateLimit Rate;

    /// <summary>Slot of its room in the room log; -1 for none.</summary>
    [FieldOffset(56)]
    public int Room;

    /// <summary>Close code for the log; 0 for none.</summary>
    [FieldOffset(60)]
    public ushort CloseCode;

    /// <summary>A <see cref="ConnectionState"/>.</summary>
    [FieldOffset(62)]
    public ConnectionState State;

    /// <summary>
    /// How its bytes travel: 0 as they are, otherwise by <see cref="ConnectionTable.Transports"/>. In version 1 a byte of <see cref="ConnectionFlags"/>.
    /// </summary>
    [FieldOffset(63)]
    public byte Transport;

    /// <summary>Bytes of an unfinished request, the first of what is borrowed.</summary>
    [FieldOffset(64)]
    public int HeadBytes;

    /// <summary>Bytes that wait to be sent besides the log, the second of what is borrowed.</summary>
    [FieldOffset(68)]
    public int OutboxBytes;

    /// <summary>Bytes of an unfinished message (<see cref="MessageReader.Save"/>), the third of what is borrowed.</summary>
    [FieldOffset(72)]
    public int ReaderBytes;

    /// <summary>1 while it gets what its room gets.</summary>
    [FieldOffset(76)]
    public byte IsMember;

    /// <summary>Slot of the worker that took it first.</summary>
    [FieldOffset(77)]
    public byte Home;

    /// <summary>In which shape it reads its rooms: 0 for frames. Positions are those of the rooms' logs all the same.</summary>
    [FieldOffset(78)]
    public byte View;

    /// <summary>When it came, in seconds since 1970.</summary>
    [FieldOffset(80)]
    public uint SinceSeconds;

    /// <summary>Which of that worker's connections it was.</summary>
    [FieldOffset(84)]
    public uint Number;

    /// <summary>A set of <see cref="ConnectionFlags"/>.</summary>
    [FieldOffset(88)]
    public ConnectionFlags Flags;

    /// <summary>Bytes of who it is, the fourth of what is borrowed.</summary>
    [FieldOffset(92)]
    public int IdentityBytes;

    /// <summary>Bytes of what its transport needs to go on, the fifth of what is borrowed.</summary>
    [FieldOffset(96)]
    public int TransportBytes;

    /// <summary>Bytes of the rooms that it gets beside its first, the sixth of what is borrowed.</summary>
    [FieldOffset(100)]
    public int SubscriptionBytes;

    /// <summary>The number that stands for who it is in records (<see cref="RecordDetails.Sender"/>); 0 for nobody.</summary>
    [FieldOffset(104)]
    public ulong Sender;

    /// <summary>Zero. A record in which it is not is of a version that this one does not know.</summary>
    [FieldOffset(112)]
    public uint Reserved;

    /// <summary>When it last wrote to a slow room, in whole seconds of CLOCK_MONOTONIC, rounded up; 0: never, or by a release that did not say so.</summary>
    [FieldOffset(116)]
    public uint WroteSeconds;

    /// <summary>The number of the name that belongs to it (<see cref="NameTable"/>); 0 for none.</summary>
    [FieldOffset(120)]
    public ulong Name;

    /// <summary>Whether this version can serve it correctly.</summary>
    public readonly bool IsKnown => State <= ConnectionState.Last && State != ConnectionState.Authorize
        && (SubscriptionBytes, Reserved) == (0, 0) && (IdentityBytes == 0) == (Sender == 0);

    /// <summary>Bytes of what it has borrowed.</summary>
    public readonly long Borrowed => (long)HeadBytes + OutboxBytes + ReaderBytes + IdentityBytes + TransportBytes;

    /// <summary>Its identity, of what it has borrowed.</summary>
    public readonly ReadOnlySpan<byte> IdentityIn(ReadOnlySpan<byte> borrowed) => borrowed.Slice(HeadBytes + OutboxBytes + ReaderBytes, IdentityBytes);

    /// <summary>As version 1 has it, whose flags are one byte.</summary>
    internal void ToVersion1() => (Transport, Flags) = ((byte)Flags, ConnectionFlags.None);

    /// <summary>As version 1 has it, made today's.</summary>
    internal void FromVersion1() => (Transport, Flags) = (0, (ConnectionFlags)Transport);
}

/// <summary>
/// Connections that go from one worker to another in one message: a head of 16 bytes, a record each, and their descriptors. What they
/// have borrowed (unfinished requests and messages, answers that wait) lies one behind the other in a file in memory, whose descriptor
/// is the last one.
/// </summary>
public sealed class HandoverBatch
{
    /// <summary>Changes with every change of this page or of what is borrowed; see docs/handover.md for what is taken from whom.</summary>
    public const ushort NewestVersion = 2;

    /// <summary>What servers speak whose room log is of a layout before 6.</summary>
    public const ushort OldestVersion = 1;

    /// <summary>Connections of one batch: what one message can carry, less the file.</summary>
    public const int ConnectionsMax = Syscall.RightsMax - 1;

    /// <summary>What answers a batch: how many connections were taken, all of it or none.</summary>
    public const int AnswerBytes = sizeof(int);

    /// <summary>A batch that holds so much is full: nobody is to wait for much more than for a small one.</summary>
    private const int BorrowedBytesEnough = 1 << 20;

    // "APLH", version (2 bytes), count (2 bytes), bytes of what is borrowed (8 bytes).
    private const uint Magic = 0x484C5041;
    private const int HeadBytes = 16;

    private readonly ushort _version;
    private readonly byte[] _message = new byte[HeadBytes + (ConnectionsMax * ConnectionRecord.Bytes)];
    private readonly int[] _descriptors = new int[Syscall.RightsMax];
    private readonly ByteQueue _borrowed = new() { IsSecret = true };

    /// <summary>An empty batch.</summary>
    /// <param name="version">In which it is sent: what all know who use the same room log.</param>
    public HandoverBatch(ushort version = NewestVersion) => _version = version;

    /// <summary>How many connections it holds.</summary>
    public int Count { get; private set; }

    /// <summary>Whether no further connection should be added.</summary>
    public bool IsFull => Count == ConnectionsMax || _borrowed.Count >= BorrowedBytesEnough;

    /// <summary>The number in what was received last, if that was an answer.</summary>
    public int Answer => BinaryPrimitives.ReadInt32LittleEndian(_message);

    /// <summary>Their records.</summary>
    public Span<ConnectionRecord> Records => MemoryMarshal.Cast<byte, ConnectionRecord>(_message.AsSpan(HeadBytes, Count * ConnectionRecord.Bytes));

    /// <summary>Their descriptors, in the same order.</summary>
    public ReadOnlySpan<int> Descriptors => _descriptors.AsSpan(0, Count);

    /// <summary>What they have borrowed, in the same order.</summary>
    public ReadOnlySpan<byte> Borrowed => _borrowed.Bytes;

    /// <summary>Adds a connection; its record is the caller's to fill.</summary>
    public ref ConnectionRecord Add(int descriptor)
    {
        _descriptors[Count++] = descriptor;
        ref var record = ref Records[^1];
        record = default;
        return ref record;
    }

    /// <summary>Adds bytes to what the last connection has borrowed, for the caller to fill.</summary>
    public Span<byte> Lend(int count) => _borrowed.Reserve(count);

    /// <summary>Makes it empty; the descriptors stay as they are.</summary>
    public void Clear()
    {
        Count = 0;
        _borrowed.Clear();
    }

    /// <summary>Sends it without waiting.</summary>
    public SysResult Send(int socket)
    {
        Invariant.Hold(AreRecordsSound(), "packed batch against what its taker demands", "{0} connections, {1} bytes borrowed", Count, _borrowed.Count);
        ushort version = SentVersion;
        Convert(version, sent: true);
        var result = SendAsItIs(socket, version);
        Convert(version, sent: false);
        return result;
    }

    /// <summary>
    /// A connection that has a transport makes it the newest version: a receiver that does not know this one must refuse, or it would send plain
    /// text.
    /// </summary>
    private ushort SentVersion
    {
        get
        {
            foreach (ref readonly var record in Records)
            {
                if (record.Transport != 0)
                {
                    return NewestVersion;
                }
            }

            return _version;
        }
    }

    private unsafe SysResult SendAsItIs(int socket, ushort version)
    {
        BinaryPrimitives.WriteUInt32LittleEndian(_message, Magic);
        BinaryPrimitives.WriteUInt16LittleEndian(_message.AsSpan(4), version);
        BinaryPrimitives.WriteUInt16LittleEndian(_message.AsSpan(6), (ushort)Count);
        BinaryPrimitives.WriteInt64LittleEndian(_message.AsSpan(8), _borrowed.Count);
        var message = _message.AsSpan(0, HeadBytes + (Count * ConnectionRecord.Bytes));
        if (_borrowed.Count == 0)
        {
            return Syscall.SendRights(socket, message, Descriptors);
        }

        var file = Syscall.MemoryFile("handover");
        if (!file.Ok)
        {
            return file;
        }

        var bytes = _borrowed.Bytes;
        fixed (byte* start = bytes)
        {
            for (int written = 0; written < bytes.Length;)
            {
                var result = Syscall.Write(file.Value, start + written, bytes.Length - written);
                if (!result.Ok)
                {
                    _ = Syscall.Close(file.Value);
                    return result;
                }

                written += result.Value;
            }
        }

        _descriptors[Count] = file.Value;
        var sent = Syscall.SendRights(socket, message, _descriptors.AsSpan(0, Count + 1));
        _ = Syscall.Close(file.Value);
        return sent;
    }

    /// <summary>
    /// Takes the next one in place of what it holds, without waiting; the value is 0 when there will be none any more. When it did not come
    /// whole, because this process may not have so many descriptors or the sender is of another version, <paramref name="whole"/> is false
    /// and it is empty.
    /// </summary>
    public SysResult Receive(int socket, out bool whole)
    {
        Clear();
        var received = Syscall.ReceiveRights(socket, _message, _descriptors, out int descriptors, out bool lost);
        int length = received.Ok ? received.Value : 0;
        whole = !lost && length >= HeadBytes
            && BinaryPrimitives.ReadUInt32LittleEndian(_message) == Magic
            && BinaryPrimitives.ReadUInt16LittleEndian(_message.AsSpan(4)) is >= OldestVersion and <= NewestVersion;
        int count = whole ? BinaryPrimitives.ReadUInt16LittleEndian(_message.AsSpan(6)) : 0;
        long borrowed = whole ? BinaryPrimitives.ReadInt64LittleEndian(_message.AsSpan(8)) : 0;
        whole = whole && borrowed >= 0 && length == HeadBytes + (count * ConnectionRecord.Bytes)
            && descriptors == count + (borrowed > 0 ? 1 : 0);
        whole = whole && (borrowed == 0 || TryReadBorrowed(_descriptors[count], borrowed));
        Count = whole ? count : 0;
        Convert(BinaryPrimitives.ReadUInt16LittleEndian(_message.AsSpan(4)), sent: false);
        whole = whole && AreRecordsSound();
        Count = whole ? count : 0;
        for (int i = Count; i < descriptors; i++)
        {
            _ = Syscall.Close(_descriptors[i]);
        }

        return received;
    }

    /// <summary>Makes records of version 1 of today's, or today's of them.</summary>
    private void Convert(ushort version, bool sent)
    {
        for (int i = 0; version == OldestVersion && i < Count; i++)
        {
            if (sent)
            {
                Records[i].ToVersion1();
            }
            else
            {
                Records[i].FromVersion1();
            }
        }
    }

    /// <summary>
    /// Whether states are known, members are in a state that has a room, and what records have borrowed is all there is, with readers that
    /// can go on.
    /// </summary>
    private bool AreRecordsSound()
    {
        var borrowed = Borrowed;
        foreach (ref readonly var record in Records)
        {
            long count = record.Borrowed;
            bool isSound = record.IsKnown
                && record.HeadBytes >= 0 && record.OutboxBytes >= 0 && record.ReaderBytes >= 0 && record.IdentityBytes >= 0 && record.TransportBytes >= 0
                && count <= borrowed.Length
                && (record.Transport == 0) == (record.TransportBytes == 0)
                && (record.State != ConnectionState.Chat || record.IsMember != 0)
                && (record.IsMember == 0
                    || record.State is not (ConnectionState.Http or ConnectionState.Proxy or ConnectionState.ProxyTls or ConnectionState.Tls))
                && (record.State != ConnectionState.Tls || record.Transport != 0)
                && (record.IdentityBytes == 0 || ClientIdentity.IsState(record.IdentityIn(borrowed)))
                && (record.ReaderBytes == 0
                    || MessageReader.IsState(borrowed.Slice(record.HeadBytes + record.OutboxBytes, record.ReaderBytes)));
            if (!isSound)
            {
                return false;
            }

            borrowed = borrowed[(int)count..];
        }

        return borrowed.IsEmpty;
    }

    private bool TryReadBorrowed(int file, long length)
    {
        // What is said is not believed before there is memory for it.
        if (!Syscall.Status(file, out long there, out _).Ok || length > Math.Min(there, int.MaxValue))
        {
            return false;
        }

        int count = (int)length;
        var bytes = _borrowed.Reserve(count);
        for (int read = 0; read < count;)
        {
            var result = Syscall.ReadAt(file, bytes[read..], read);
            if (!result.Ok || result.Value == 0)
            {
                return false;
            }

            read += result.Value;
        }

        return true;
    }
}
