using System.Buffers.Binary;
using Appliance.Connections;
using Appliance.Fuzz.Driver;
using Appliance.Moving;
using Appliance.Native;
using Appliance.Tests.Connections;
using Appliance.Tests.Rooms;
using static Appliance.Fuzz.Driver.FuzzException;

namespace Appliance.Fuzz.Targets;

/// <summary>
/// Batches of connections from another worker: taken whole or refused, and no descriptor is left over. The first byte chooses how many
/// descriptors come along and whether the head is put right; then how much is borrowed, what, and the message.
/// </summary>
internal sealed unsafe class HandoverTarget : IFuzzTarget
{
    private const int HeadBytes = 16;
    private const int PutRight = 0x80;

    private readonly MemoryRoomLog _memory = new(rooms: 2);
    private readonly WorkerSide _worker;
    private readonly int _giving;
    private readonly int _client;
    private readonly int _server;

    public HandoverTarget()
    {
        _worker = new WorkerSide(_memory, 0);
        _ = Syscall.SocketPair(out _giving, out int taking).OrThrow("socketpair");
        _ = Syscall.SocketPair(out _server, out _client).OrThrow("socketpair");
        _worker.Handover.Take(taking);
        Taking = taking;
    }

    public static FuzzTarget Row { get; } = new(
        "handover",
        "batches of connections: taken whole or refused, and every descriptor is accounted for",
        () => new HandoverTarget())
    {
        BytesMax = 2048,
        Words = ["APLH", "\x01\0\x01\0", "\0\0\0\0\0\0\0\0", "\xFF\xFF\xFF\xFF", "\x01\0\0\0", "\xA8\0\0\0"],
    };

    private int Taking { get; }

    public void Run(ReadOnlySpan<byte> input)
    {
        var bytes = new InputBytes(input);
        byte choice = bytes.Byte();
        int count = choice & 0x03;
        byte[] borrowed = bytes.Take(bytes.UInt16() % 600).ToArray();
        byte[] message = bytes.Rest.ToArray();
        if ((choice & PutRight) != 0)
        {
            message = WithHead(message, count, borrowed.Length);
        }

        if (message.Length == 0)
        {
            return;
        }

        int before = LowestFree();
        Send(message, count, borrowed);
        _worker.Handover.OnReadable(Taking);
        Span<byte> answer = stackalloc byte[HandoverBatch.AnswerBytes];
        var answered = Syscall.ReceiveRights(_giving, answer, stackalloc int[Syscall.RightsMax], out _, out _);
        Require(answered.Ok && answered.Value == HandoverBatch.AnswerBytes, "a batch is answered for");
        Require(BinaryPrimitives.ReadInt32LittleEndian(answer) is var taken && taken <= count, "no more are taken than came");
        for (int fd = 0; fd <= _worker.Table.HighestDescriptor; fd++)
        {
            if (_worker.Table[fd].State != ConnectionState.None)
            {
                _worker.Rooms.Leave(fd);
                _worker.Table.Close(fd);
            }
        }

        _worker.Rooms.Append();
        _worker.Rooms.Dirty.Clear();
        Require(_worker.Table.Count == 0, "connections are counted");
        Require(LowestFree() == before || !IsOneLeft(), "no descriptor is left over");
    }

    public void Dispose()
    {
        _worker.Dispose();
        _memory.Dispose();
        Array.ForEach([_giving, Taking, _client, _server], fd => _ = Syscall.Close(fd));
    }

    /// <summary>The message with a head that fits it, and records that borrow what there is.</summary>
    private static byte[] WithHead(byte[] message, int count, int borrowed)
    {
        byte[] whole = new byte[HeadBytes + (count * ConnectionRecord.Bytes)];
        message.AsSpan(0, Math.Min(message.Length, whole.Length)).CopyTo(whole);
        "APLH"u8.CopyTo(whole);
        BinaryPrimitives.WriteUInt16LittleEndian(whole.AsSpan(4), HandoverBatch.NewestVersion);
        BinaryPrimitives.WriteUInt16LittleEndian(whole.AsSpan(6), (ushort)count);
        BinaryPrimitives.WriteInt64LittleEndian(whole.AsSpan(8), borrowed);
        return whole;
    }

    private void Send(byte[] message, int count, byte[] borrowed)
    {
        int file = Syscall.MemoryFile("fuzz").OrThrow("memfd_create");
        _ = Syscall.WriteAt(file, borrowed, 0);
        int[] descriptors = [.. Enumerable.Repeat(_server, count), .. borrowed.Length > 0 ? (int[])[file] : []];
        _ = Syscall.SendRights(_giving, message, descriptors).OrThrow("sendmsg");
        _ = Syscall.Close(file);
    }

    /// <summary>Whether there is one that came with a batch: the runtime opens and closes some of its own.</summary>
    private bool IsOneLeft()
    {
        const string Descriptors = "/proc/self/fd";
        string? given = new FileInfo($"{Descriptors}/{_server}").LinkTarget;
        var links = new DirectoryInfo(Descriptors).EnumerateFileSystemInfos().Select(entry => entry.LinkTarget).ToList();
        return links.Count(link => link == given) != 1 || links.Any(link => link?.StartsWith("/memfd:fuzz", StringComparison.Ordinal) == true);
    }

    private static int LowestFree()
    {
        int fd = Syscall.MemoryFile("fuzz").OrThrow("memfd_create");
        _ = Syscall.Close(fd);
        return fd;
    }
}
