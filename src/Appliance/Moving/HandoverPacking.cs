using System.Buffers.Binary;
using Appliance.Connections;
using Appliance.Delivery;
using Appliance.Identity;
using Appliance.Loop;
using Appliance.Native;

namespace Appliance.Moving;

/// <summary>
/// Puts connections of a worker into a batch that goes to another one, and takes them out of one. Times in a batch are those of the clock
/// that all processes share; a worker's own may be behind it (<see cref="LoopClock.FrozenMs"/>).
/// </summary>
public sealed class HandoverPacking(WorkerContext context, ChatRooms rooms)
{
    /// <summary>How long a handshake may go on when all else has gone to another worker.</summary>
    private const int StayMsMax = 2000;

    private readonly ConnectionTable _table = context.Table;
    private readonly LoopClock _clock = context.Clock;

    /// <summary>In which version batches are sent: the receiver may be an older server if the room log has a layout before 6.</summary>
    public ushort BatchVersion { get; } = rooms.Layout.HasDetails ? HandoverBatch.NewestVersion : HandoverBatch.OldestVersion;

    /// <summary>Is told of a connection that was taken up and of when its timer runs out, in milliseconds of the loop's _clock.</summary>
    public Action<int, long> OnArmed { get; init; } = (_, _) => { };

    /// <summary>
    /// All connections are to go, and some cannot as long as OpenSSL makes their handshakes. They have two seconds for it, and end then.
    /// </summary>
    public void LimitStay()
    {
        for (int fd = 0; fd <= _table.HighestDescriptor; fd++)
        {
            bool stays = _table[fd].State != ConnectionState.None && _table.TransportOf(_table[fd]) is { } transport && !transport.CanMove(fd);
            if (stays && context.Timers.DueMs(new TimerId(fd)) is var dueMs && (dueMs == 0 || dueMs > context.NowMs + StayMsMax))
            {
                _table[fd].HeardMs = Math.Min(_table[fd].HeardMs, context.NowMs + StayMsMax - (context.Settings.HandshakeTimeoutSeconds * 1000L));
                context.ArmIn(fd, StayMsMax);
            }
        }
    }

    /// <summary>Gets each connection that has come from another worker.</summary>
    public Action<int> OnAdopted { get; init; } = _ => { };

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
        long dueMs = context.Timers.DueMs(new TimerId(fd));
        record.HeardMs = connection.HeardMs + _clock.FrozenMs;
        record.DueMs = dueMs > 0 ? dueMs + _clock.FrozenMs : dueMs;
        record.Rate = connection.Rate.OnClock(_clock.FrozenMs);
        long wroteMs = context.Moderation.WroteMs((fd, connection.Generation));
        record.WroteSeconds = wroteMs > 0 ? (uint)((wroteMs + _clock.FrozenMs + 999) / 1000) : 0;
        record.Room = connection.Room;
        record.SinceSeconds = connection.SinceSeconds;
        record.Number = connection.Number;
        record.Home = connection.Home;
        record.CloseCode = connection.CloseCode;
        record.State = connection.State == ConnectionState.Authorize ? ConnectionState.Http : connection.State;
        record.Flags = connection.Flags;
        record.IsMember = isMember ? (byte)1 : (byte)0;
        record.View = connection.View;
        record.Name = _table.NameOf(fd);
        record.HeadBytes = Lend(batch, _table.UnfinishedRequest(connection));
        record.OutboxBytes = Lend(batch, _table.Unsent(connection));
        if (_table.UnfinishedMessage(connection) is { } reader)
        {
            record.ReaderBytes = reader.StateBytes;
            reader.Save(batch.Lend(record.ReaderBytes));
        }

        if (_table.IdentityOf(fd) is { } identity)
        {
            record.IdentityBytes = Lend(batch, identity.State);
            record.Sender = identity.Sender;
        }

        if (_table.TransportOf(connection) is { } transport)
        {
            record.Transport = connection.Transport;
            record.TransportBytes = Lend(batch, transport, fd);
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
        var borrowed = batch.Borrowed;
        foreach (ref readonly var record in batch.Records)
        {
            watched = watched && rooms.IsView(record.View) && CanCarry(record, borrowed)
                && (rooms.IsSlot(record.Room, record.IsMember != 0) || (record.Room == ConnectionTable.NoRoom && record.IsMember == 0));
            borrowed = borrowed[(int)record.Borrowed..];
        }

        foreach (int fd in batch.Descriptors)
        {
            watched = watched && _table.Watch(fd);
        }

        return watched;
    }

    /// <summary>Whether this worker has the transport of a connection, and can go on with it.</summary>
    private bool CanCarry(in ConnectionRecord record, ReadOnlySpan<byte> borrowed)
    {
        if (record.Transport == 0)
        {
            return true;
        }

        var bytes = borrowed[(int)(record.Borrowed - record.TransportBytes)..(int)record.Borrowed];
        int unsent = bytes.Length >= sizeof(int) ? BinaryPrimitives.ReadInt32LittleEndian(bytes) : -1;
        return record.Transport <= _table.Transports.Count && unsent >= 0 && unsent <= bytes.Length - sizeof(int)
            && _table.Transports[record.Transport - 1].IsState(bytes[(sizeof(int) + unsent)..]);
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
            int count = (int)record.Borrowed;
            int fd = batch.Descriptors[i];
            if (record.State == ConnectionState.None)
            {
                _ = Syscall.Close(fd);
            }
            else
            {
                Adopt(fd, record, borrowed[..count]);
                if (record.WroteSeconds > 0)
                {
                    context.Moderation.NoteWritten((fd, _table[fd].Generation), (record.WroteSeconds * 1000L) - _clock.FrozenMs);
                }

                if (record.DueMs > 0)
                {
                    long dueMs = record.DueMs - _clock.FrozenMs;
                    context.Timers.Arm(new TimerId(fd), dueMs);
                    OnArmed(fd, dueMs);
                }

                if (record.IsMember != 0)
                {
                    rooms.Attach(fd);
                }

                OnAdopted(fd);
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
            Transport = record.Transport,
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
            _table.ReaderOf(ref connection).Restore(borrowed.Slice(record.HeadBytes + record.OutboxBytes, record.ReaderBytes));
        }

        if (record.IdentityBytes > 0)
        {
            _table.SetIdentity(fd, ClientIdentity.Restore(record.IdentityIn(borrowed)));
        }

        _table.AdoptName(fd, record.Name);
        if (_table.TransportOf(connection) is { } transport)
        {
            var state = borrowed[^record.TransportBytes..];
            int unsent = BinaryPrimitives.ReadInt32LittleEndian(state);
            transport.Keep(fd, state.Slice(sizeof(int), unsent));
            transport.Restore(fd, state[(sizeof(int) + unsent)..]);
        }

        Rebase(ref connection, -_clock.FrozenMs);
    }

    /// <summary>What is sealed already goes out unchanged: its length, the bytes, and behind them the transport's state.</summary>
    private static int Lend(HandoverBatch batch, Transport transport, int fd)
    {
        var unsent = transport.Unsent(fd);
        int count = sizeof(int) + unsent.Length + transport.StateBytes(fd);
        var bytes = batch.Lend(count);
        BinaryPrimitives.WriteInt32LittleEndian(bytes, unsent.Length);
        unsent.CopyTo(bytes[sizeof(int)..]);
        transport.Save(fd, bytes[(sizeof(int) + unsent.Length)..]);
        return count;
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
