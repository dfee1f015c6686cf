using System.Buffers.Text;
using System.Runtime.CompilerServices;
using Appliance.Native;

namespace Appliance.Rooms;

/// <summary>What is done under the room's lock: appending, and what that does to the tail.</summary>
public readonly unsafe partial struct RoomRing
{
    /// <summary>Appends records that lie one behind the other in <paramref name="batch"/>, and writes each one's id into it.</summary>
    public void Append(Span<byte> batch, ReadOnlySpan<LogRecord> records)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan(batch.Length, _layout.GuardBytes);
        Enter();
        long head = _header->Head;
        long id = _header->NextId;
        HoldLocked(
            id == _header->FirstId || PositionIn(IndexOf(id - 1)) < head,
            "newest record against head",
            "room {0}: {1}, head {2}", _slot, PositionIn(IndexOf(id - 1)), head);
        MakeRoom(head + batch.Length);
        long lastMessage = _header->LastMessageId;
        long announced = _header->AnnouncedBytes;
        int offset = 0;
        foreach (var record in records)
        {
            HoldLocked(record.Length >= RoomLogLayout.RecordBytesMin, "record length against index", "room {0}: {1} bytes", _slot, record.Length);
            if (record.IdOffset >= 0)
            {
                _ = Utf8Formatter.TryFormat(id, batch.Slice(offset + record.IdOffset, IdDigits), out _);
            }

            WriteEntry(id, head + offset, record.Kind, record.Details);
            if (record.IsMessage)
            {
                lastMessage = id;
            }

            announced += record.IsMessage ? -AnnouncementsPerMessage * RoomLogLayout.RecordBytesMin : record.Length;
            announced = Math.Max(0, announced);
            offset += record.Length;
            id++;
        }

        HoldLocked(offset == batch.Length, "batch bytes against records", "room {0}: {1} bytes, records of {2}", _slot, batch.Length, offset);
        HoldLocked(
            id - _header->FirstId <= _layout.IndexEntries,
            "record numbers against index",
            "room {0}: {1} to {2} in {3}", _slot, _header->FirstId, id, _layout.IndexEntries);
        Write(head, batch);
        _header->LastMessageId = lastMessage;
        _header->AnnouncedBytes = Math.Min(announced, _layout.AnnouncedBytesMax);
        _header->NextId = id;
        Volatile.Write(ref _header->Head, head + batch.Length);
        Exit();
    }

    /// <summary>Advances the tail past what the next append overwrites, guard included, before it does.</summary>
    private void MakeRoom(long newHead)
    {
        long oldest = newHead - (_layout.RingBytes - _layout.GuardBytes);
        if (oldest > _header->Tail)
        {
            MoveTail(oldest);
        }
    }

    /// <summary>Moves the tail to the first record from a position on.</summary>
    private void MoveTail(long oldest)
    {
        long id = _header->FirstId;
        while (id < _header->NextId && PositionOf(id) < oldest)
        {
            id++;
        }

        long position = PositionOf(id);
        HoldLocked(
            position >= _header->Tail && position <= _header->Head,
            "new tail against log",
            "room {0}: {1}, log {2} to {3}", _slot, position, _header->Tail, _header->Head);
        Volatile.Write(ref _header->Tail, position);
        _header->FirstId = id;
        Thread.MemoryBarrier();
    }

    private void Write(long position, ReadOnlySpan<byte> batch)
    {
        while (!batch.IsEmpty)
        {
            byte* to = Read(position, position + batch.Length, out int count);
            batch[..count].CopyTo(new Span<byte>(to, count));
            batch = batch[count..];
            position += count;
        }
    }

    /// <summary>Takes the lock.</summary>
    /// <exception cref="InvariantException">
    /// Positions and ids cannot be true. The process dies of it, and so do its successors, until the master has the logs looked through.
    /// </exception>
    private void Enter()
    {
        bool consistent = new SharedLock(_header->Lock).Enter();
        HoldLocked(
            IsSane,
            "positions and ids of a room",
            "room {0}: freed {1}, tail {2}, head {3}, numbers {4} to {5}",
            _slot, _header->Freed, _header->Tail, _header->Head, _header->FirstId, _header->NextId);
        if (!consistent)
        {
            Repair();
        }
    }

    private void Exit() => new SharedLock(_header->Lock).Exit();

    /// <summary>Checks an invariant under the lock, which is given back when it does not hold: others need not find its holder dead.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private void HoldLocked(bool holds, string name, string values, long a = 0, long b = 0, long c = 0, long d = 0, long e = 0, long f = 0)
    {
        if (!holds)
        {
            Exit();
            Invariant.Break(name, values, a, b, c, d, e, f);
        }
    }

    /// <summary>
    /// After a holder's death the two positions are the truth: each is written by one store. The tail is written before the id that
    /// goes with it, the head behind it, so the ids lag or lead by what was under way.
    /// </summary>
    internal void Repair()
    {
        while (_header->NextId > _header->FirstId && PositionIn(IndexOf(_header->NextId - 1)) >= _header->Head)
        {
            _header->NextId--;
        }

        while (_header->FirstId < _header->NextId && PositionIn(IndexOf(_header->FirstId)) < _header->Tail)
        {
            _header->FirstId++;
        }

        if ((_header->Erasures & 1) != 0)
        {
            FinishErasure();
        }
    }
}
