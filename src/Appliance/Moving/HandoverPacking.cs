using Appliance.Connections;
using Appliance.Delivery;
using Appliance.Loop;
using Appliance.Native;

namespace Appliance.Moving;

/// <summary>
/// Puts connections of a worker into a batch that goes to another one, and takes them out of one. Times in a batch are those of the clock
/// that all processes share; a worker's own may be behind it (<see cref="LoopClock.FrozenMs"/>).
/// </summary>
public sealed class HandoverPacking(WorkerContext context, ChatRooms rooms)
{
    private readonly ConnectionTable _table = context.Table;
    private readonly LoopClock _clock = context.Clock;

    /// <summary>In which version batches are sent: the receiver may be an older server if the room log has a layout before 6.</summary>
    public ushort BatchVersion { get; } = rooms.Layout.HasDetails ? HandoverBatch.NewestVersion : HandoverBatch.OldestVersion;

    /// <summary>Is told of a connection that was taken up and of when its timer runs out, in milliseconds of the loop's _clock.</summary>
    public Action<int, long> OnArmed { get; init; } = (_, _) => { };

    /// <summary>Puts a connection into a batch: nobody serves it from now on, but it stays a counted member, because an empty room may be given up.</summary>
    public void Pack(HandoverBatch batch, int fd)
    {
        _table.Admit(fd);
        ref var connection = ref _table[fd];
        Invariant.Hold(!connection.Is(ConnectionFlags.ClosePending), "packed connection against close list", "descriptor {0}", fd);
        bool isMember = rooms.Detach(fd);
        ref var record = ref batch.Add(fd);
        record.Position = connection.Position;
        record.IpHigh = connection.IpHigh;
        record.IpLow = connection.IpLow;
        long dueMs = context.Timers.DueMs(fd);
        record.HeardMs = connection.HeardMs + _clock.FrozenMs;
        record.DueMs = dueMs > 0 ? dueMs + _clock.FrozenMs : dueMs;
        record.Rate = connection.Rate.OnClock(_clock.FrozenMs);
        record.Room = connection.Room;
        record.SinceSeconds = connection.SinceSeconds;
        record.Number = connection.Number;
        record.Home = connection.Home;
        record.CloseCode = connection.CloseCode;
        record.State = connection.State;
        record.Flags = connection.Flags;
        record.IsMember = isMember ? (byte)1 : (byte)0;
        record.View = connection.View;
        record.HeadBytes = Lend(batch, _table.UnfinishedRequest(connection));
        record.OutboxBytes = Lend(batch, _table.Unsent(connection));
        if (_table.UnfinishedMessage(connection) is { } reader)
        {
            record.ReaderBytes = reader.StateBytes;
            reader.Save(batch.Lend(record.ReaderBytes));
        }

        _table.Detach(fd);
    }

    /// <summary>The other worker has taken a batch: its connections end here.</summary>
    public void Forget(HandoverBatch batch)
    {
        foreach (int fd in batch.Descriptors)
        {
            _ = Syscall.Close(fd);
        }

        CountOut(batch);
    }

    /// <summary>The other worker has not taken a batch: its connections are served here again.</summary>
    public void TakeBack(HandoverBatch batch)
    {
        for (int i = 0; i < batch.Count; i++)
        {
            if (!_table.Watch(batch.Descriptors[i]))
            {
                batch.Records[i].State = ConnectionState.None;
            }
        }

        Unpack(batch);
        CountOut(batch);
    }

    /// <summary>
    /// Watches all connections of a batch that another worker gives; false when one cannot be watched, or its room does not exist.
    /// </summary>
    public bool TryWatch(HandoverBatch batch)
    {
        bool watched = true;
        foreach (ref readonly var record in batch.Records)
        {
            watched = watched && rooms.IsView(record.View)
                && (rooms.IsSlot(record.Room, record.IsMember != 0) || (record.Room == ConnectionTable.NoRoom && record.IsMember == 0));
        }

        foreach (int fd in batch.Descriptors)
        {
            watched = watched && _table.Watch(fd);
        }

        return watched;
    }

    /// <summary>The connections of a batch stay with the giver, who has descriptors of its own.</summary>
    public void LetGo(HandoverBatch batch)
    {
        foreach (int fd in batch.Descriptors)
        {
            _table.Unwatch(fd);
            _ = Syscall.Close(fd);
        }
    }

    /// <summary>Serves the connections of a batch, which are watched.</summary>
    public void Unpack(HandoverBatch batch)
    {
        var borrowed = batch.Borrowed;
        for (int i = 0; i < batch.Count; i++)
        {
            ref readonly var record = ref batch.Records[i];
            int count = record.HeadBytes + record.OutboxBytes + record.ReaderBytes;
            int fd = batch.Descriptors[i];
            if (record.State == ConnectionState.None)
            {
                _ = Syscall.Close(fd);
            }
            else
            {
                Adopt(fd, record, borrowed[..count]);
                if (record.DueMs > 0)
                {
                    long dueMs = record.DueMs - _clock.FrozenMs;
                    context.Timers.Arm(fd, dueMs);
                    OnArmed(fd, dueMs);
                }

                if (record.IsMember != 0)
                {
                    rooms.Attach(fd);
                }
            }

            borrowed = borrowed[count..];
        }

        Invariant.Hold(borrowed.IsEmpty, "unpacked bytes against batch", "{0} connections leave {1} bytes", batch.Count, borrowed.Length);
    }

    private void Adopt(int fd, in ConnectionRecord record, ReadOnlySpan<byte> borrowed)
    {
        ref var connection = ref _table.Adopt(fd, new Connection
        {
            Position = record.Position,
            IpHigh = record.IpHigh,
            IpLow = record.IpLow,
            HeardMs = record.HeardMs,
            Rate = record.Rate,
            Room = record.Room,
            SinceSeconds = record.SinceSeconds,
            Number = record.Number,
            Home = record.Home,
            CloseCode = record.CloseCode,
            State = record.State,
            View = record.View,
            Flags = record.Flags,
        });
        if (record.HeadBytes > 0)
        {
            _table.HeadOf(ref connection).Append(borrowed[..record.HeadBytes]);
        }

        if (record.OutboxBytes > 0)
        {
            _table.OutboxOf(fd).Append(borrowed.Slice(record.HeadBytes, record.OutboxBytes));
        }

        if (record.ReaderBytes > 0)
        {
            _table.ReaderOf(ref connection).Restore(borrowed[(record.HeadBytes + record.OutboxBytes)..]);
        }

        Rebase(ref connection, -_clock.FrozenMs);
    }

    private static int Lend(HandoverBatch batch, ReadOnlySpan<byte> bytes)
    {
        if (!bytes.IsEmpty)
        {
            bytes.CopyTo(batch.Lend(bytes.Length));
        }

        return bytes.Length;
    }

    /// <summary>
    /// Puts the times of a connection on a clock that is so many milliseconds ahead. One that waits in a list has its links where a rate limit is.
    /// </summary>
    private static void Rebase(ref Connection connection, long aheadMs)
    {
        connection.HeardMs += aheadMs;
        if (!connection.IsWaiting)
        {
            connection.Rate = connection.Rate.OnClock(aheadMs);
        }
    }

    private void CountOut(HandoverBatch batch)
    {
        foreach (ref readonly var record in batch.Records)
        {
            if (record.IsMember != 0)
            {
                rooms.CountOut(record.Room);
            }
        }

        batch.Clear();
    }
}
