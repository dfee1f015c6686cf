using System.Runtime.InteropServices;
using Appliance.Connections;
using Appliance.Loop;
using Appliance.Native;
using Appliance.Rooms;

namespace Appliance.Delivery;

/// <summary>
/// Connections whose transport seals their bytes: these are sealed into memory of delivery's own, and that is sent in place of a log's or an
/// outbox's bytes. What is sealed counts as sent; the transport keeps what the kernel does not take.
/// </summary>
public sealed unsafe partial class LogDelivery
{
    /// <summary>Bytes of one client that are sealed at once.</summary>
    private const int SealBytesMax = 64 << 10;

    /// <summary>What they take at most.</summary>
    private const int SealedBytesMax = 2 * SealBytesMax;

    /// <summary>What a list has been sealed into, and behind that room for one client that is sent to meanwhile.</summary>
    private const int SealedListBytesMax = 1 << 20;

    /// <summary>Made for the first of these connections.</summary>
    private byte* _sealed;
    private int _sealedBytes;

    /// <summary>Whether something that was sealed before must go out first.</summary>
    private bool HasUnsent(in Connection connection, int fd) => connection.Transport != 0 && _table.TransportOf(connection)!.HasUnsent(fd);

    private bool SealedIsFull => _sealedBytes > SealedListBytesMax - (2 * SealedBytesMax);

    /// <summary>Sends what is sealed already, as far as the kernel takes it, and nothing else: nothing more may be sealed, or nobody waits for more.</summary>
    public void SendLast(int fd)
    {
        if (_table.TransportOf(_table[fd]) is { } transport && transport.HasUnsent(fd))
        {
            _ = SendUnsent(fd, transport);
        }
    }

    /// <summary>
    /// Has a request send its bytes sealed. False when they were overwritten meanwhile: what was made of them must never go out, and the
    /// connection cannot go on.
    /// </summary>
    private bool TrySeal(in RoomRing view, ref SendRequest request, long erasures, out int plain)
    {
        plain = Seal(request.Descriptor, ref request.Bytes, ref request.Count);
        bool isWhole = IsWhole(view, _table[request.Descriptor].Position, plain, erasures);
        if (isWhole)
        {
            _sealedBytes += request.Count;
        }
        else
        {
            Reset(request.Descriptor);
        }

        return isWhole;
    }

    /// <summary>Sends the first of some bytes of a log or an outbox, sealed; the result is how many of them, unless the peer is gone.</summary>
    /// <param name="fd">The connection.</param>
    /// <param name="bytes">The bytes.</param>
    /// <param name="count">How many there are.</param>
    /// <param name="flags">Flags of send(2).</param>
    /// <param name="log">Who reads the log that they are of; null for an outbox, which nobody overwrites.</param>
    /// <param name="isWhole">False when they were overwritten while they were sealed: nothing was sent.</param>
    private SysResult SendSealed(int fd, byte* bytes, int count, int flags, Audience? log, out bool isWhole)
    {
        int plain = Seal(fd, ref bytes, ref count);
        isWhole = log is null || IsWhole(log.View, _table[fd].Position, plain, log.Erasures);
        if (!isWhole)
        {
            return default;
        }

        var result = Syscall.Send(fd, bytes, count, flags);
        if (!result.Ok && !result.WouldBlock)
        {
            return result;
        }

        _ = KeepUnsent(new SendRequest { Descriptor = fd, Bytes = bytes, Count = count, Result = result });
        _counters.Figures.SentBytes += (result.Ok ? result.Value : 0) - plain;
        return SysResult.From(plain);
    }

    /// <summary>Seals the first of some bytes; says where they are then, and how many of them those are.</summary>
    private int Seal(int fd, ref byte* bytes, ref int count)
    {
        if (_sealed is null)
        {
            _sealed = (byte*)NativeMemory.Alloc(SealedListBytesMax);
        }

        var transport = _table.TransportOf(_table[fd])!;
        int plain = Math.Min(count, SealBytesMax);
        byte* to = _sealed + _sealedBytes;
        Invariant.Hold(
            transport.SealedBytesMax(plain) <= SealedBytesMax && SealedListBytesMax - _sealedBytes >= SealedBytesMax,
            "sealed bytes against memory",
            "descriptor {0}: {1} for {2} bytes, {3} taken", fd, transport.SealedBytesMax(plain), plain, _sealedBytes);
        count = transport.Seal(fd, new ReadOnlySpan<byte>(bytes, plain), new Span<byte>(to, SealedBytesMax));
        bytes = to;
        return plain;
    }

    /// <summary>Keeps what a send has not taken; false when there is something.</summary>
    private bool KeepUnsent(in SendRequest request)
    {
        int sent = request.Result.Ok ? request.Result.Value : 0;
        _table.TransportOf(_table[request.Descriptor])!.Keep(request.Descriptor, new ReadOnlySpan<byte>(request.Bytes + sent, request.Count - sent));
        return sent == request.Count;
    }

    /// <summary>Sends what was sealed before; false when the kernel's buffer is full.</summary>
    private bool SendUnsent(int fd, Transport transport)
    {
        var unsent = transport.Unsent(fd);
        SysResult result;
        fixed (byte* bytes = unsent)
        {
            result = Syscall.Send(fd, bytes, unsent.Length, 0);
        }

        if (!result.Ok)
        {
            return MarkForCloseUnlessBlocked(fd, result);
        }

        _counters.Figures.SentBytes += result.Value;
        transport.Take(fd, result.Value);
        return !transport.HasUnsent(fd);
    }
}
