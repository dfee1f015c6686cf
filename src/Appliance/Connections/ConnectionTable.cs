using System.Net;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Appliance.Loop;
using Appliance.Native;
using Appliance.Protocols.WebSocket;

namespace Appliance.Connections;

/// <summary>
/// All connections of a worker, each at the index of its descriptor, in memory that counts once it is touched; and what they borrow
/// while they need it.
/// </summary>
public sealed unsafe partial class ConnectionTable : IDisposable
{
    /// <summary>The room of a connection that never was in one.</summary>
    public const int NoRoom = -1;

    /// <summary>What stands for the address of a client without one.</summary>
    private const string UnixAddress = "unix";

    private readonly Poller _poller;
    private readonly TimerWheel _timers;
    private readonly Pool<ByteQueue> _queues = new();
    private readonly Pool<MessageReader> _readers = new();
    private readonly List<int> _pendingCloses = [];
    private readonly List<int> _flush = [];
    private readonly WaitingList _waiting;
    private Connection* _connections;
    private uint _generation;
    private long _opened;

    /// <summary>A table for descriptors 0 to <paramref name="capacity"/> - 1; each has the timer of its number.</summary>
    public ConnectionTable(int capacity, Poller poller, TimerWheel timers)
    {
        Capacity = capacity;
        _poller = poller;
        _timers = timers;
        _waiting = new WaitingList(this);
        _connections = (Connection*)NativeMemory.AllocZeroed((nuint)capacity, (nuint)sizeof(Connection));
    }

    /// <summary>One more than the largest descriptor that fits.</summary>
    public int Capacity { get; }

    /// <summary>The highest descriptor that a connection ever had: whoever looks at all of them stops there.</summary>
    public int HighestDescriptor { get; private set; } = -1;

    /// <summary>Slot of this worker, the first part of the ids that it gives.</summary>
    public byte Home { get; init; }

    /// <summary>How many connections the slot's former processes have taken: numbers go on from there.</summary>
    public long FirstNumber { get; init; }

    /// <summary>How bytes may travel beside as they are. A place in this list goes to other processes with a connection, so it never changes.</summary>
    public IReadOnlyList<Transport> Transports { get; init; } = [];

    /// <summary>Connections now.</summary>
    public int Count { get; private set; }

    /// <summary>Connections that have not shaken hands, and may never.</summary>
    public int WaitingCount => _waiting.Count;

    /// <summary>Connections whose kernel buffer is full.</summary>
    public int BlockedCount { get; private set; }

    /// <summary>Connections whose outbox is to be sent at the end of the turn.</summary>
    public ReadOnlySpan<int> FlushList => CollectionsMarshal.AsSpan(_flush);

    /// <summary>Connections that are to be closed at the end of the turn.</summary>
    public ReadOnlySpan<int> PendingCloses => CollectionsMarshal.AsSpan(_pendingCloses);

    /// <summary>The connection of a descriptor.</summary>
    public ref Connection this[int fd] => ref _connections[fd];

    /// <summary>How a connection's bytes travel; null for as they are.</summary>
    public Transport? TransportOf(in Connection connection) => connection.Transport == 0 ? null : Transports[connection.Transport - 1];

    /// <summary>Takes up a new connection; false when epoll does not.</summary>
    public bool Open(int fd, ConnectionState state, in Native.SocketAddress peer, long nowMs, long unixMs)
    {
        if (!Watch(fd))
        {
            return false;
        }

        ref var connection = ref _connections[fd];
        connection.State = state;
        connection.Room = NoRoom;
        connection.HeardMs = nowMs;
        connection.SinceSeconds = (uint)(unixMs / 1000);
        Span<byte> ip = stackalloc byte[16];
        peer.CopyIp(ip);
        connection.SetIp(ip);
        Count++;
        Recount(fd, connections: 1);
        connection.Home = Home;
        connection.Number = (uint)(FirstNumber + ++_opened);
        _waiting.Add(fd);
        return true;
    }

    /// <summary>A connection has shaken hands: it does not make place any more.</summary>
    public void Admit(int fd) => _waiting.Remove(fd);

    /// <summary>
    /// Whether a connection may shake hands where so many may be in. Others that have not yet make place for it, the one that came first.
    /// </summary>
    public bool TryMakePlace(int fd, int connectionsMax)
    {
        if (Count - WaitingCount >= connectionsMax)
        {
            return false;
        }

        if (Count > connectionsMax)
        {
            _ = MarkOldestWaitingForClose(fd);
        }

        return true;
    }

    /// <summary>Closes the connection that has waited longest for its handshake, another one aside; false when there is none.</summary>
    public bool MarkOldestWaitingForClose(int except = -1)
    {
        int oldest = _waiting.Oldest(except);
        if (oldest >= 0)
        {
            MarkForClose(oldest);
        }

        return oldest >= 0;
    }

    /// <summary>Closes a connection at once and takes back what it borrowed.</summary>
    public void Close(int fd)
    {
        ref var connection = ref _connections[fd];
        Invariant.Hold(connection.State != ConnectionState.None, "closed descriptor against table", "descriptor {0} has no connection", fd);
        _waiting.Remove(fd);
        _timers.Cancel(new TimerId(fd));
        ReleaseOutbox(ref connection);
        ReleaseHead(ref connection);
        ReleaseReader(ref connection);
        TransportOf(connection)?.Forget(fd);
        ForgetName(fd, hasEnded: true);
        ForgetIdentity(connection, fd);
        CountOut(ref connection);
        if (connection.Is(ConnectionFlags.Torn))
        {
            _ = Syscall.ResetOnClose(fd);
        }

        SetBlocked(ref connection, false);
        connection = default;
        _ = Syscall.Close(fd);
        Count--;
        Recount(fd, connections: -1);
    }

    /// <summary>What it has asked for so far, while the request is not whole.</summary>
    public ReadOnlySpan<byte> UnfinishedRequest(in Connection connection) => connection.Head == 0 ? default : _queues[connection.Head].Bytes;

    /// <summary>What waits to be sent to it beside the log.</summary>
    public ReadOnlySpan<byte> Unsent(in Connection connection) => connection.Outbox == 0 ? default : _queues[connection.Outbox].Bytes;

    /// <summary>What it has said so far, while the message is not whole; null when there is nothing.</summary>
    public MessageReader? UnfinishedMessage(in Connection connection) => connection.Reader == 0 ? null : _readers[connection.Reader];

    /// <summary>
    /// Lets go of a connection that goes to another worker; the descriptor stays open. It is not watched any more: an open file that others
    /// hold as well would go on to be told of.
    /// </summary>
    public void Detach(int fd)
    {
        ref var connection = ref _connections[fd];
        _poller.Remove(fd);
        _timers.Cancel(new TimerId(fd));
        ReleaseHead(ref connection);
        ReleaseOutbox(ref connection);
        ReleaseReader(ref connection);
        TransportOf(connection)?.Forget(fd);
        ForgetName(fd, hasEnded: false);
        ForgetIdentity(connection, fd);
        CountOut(ref connection);
        SetBlocked(ref connection, false);
        connection = default;
        Count--;
        Recount(fd, connections: -1);
    }

    /// <summary>Watches a descriptor that is to become a connection; false when epoll or the table has no place for it.</summary>
    public bool Watch(int fd)
    {
        uint generation = NextGeneration();
        if (fd >= Capacity || !_poller.Add(fd, generation).Ok)
        {
            return false;
        }

        ref var connection = ref _connections[fd];
        connection = default;
        connection.Generation = generation;
        HighestDescriptor = Math.Max(HighestDescriptor, fd);
        return true;
    }

    /// <summary>Stops watching a descriptor that did not become a connection.</summary>
    public void Unwatch(int fd) => _poller.Remove(fd);

    /// <summary>Takes up a connection that is watched already, as it was at another worker; it is in no room, and has borrowed nothing.</summary>
    public ref Connection Adopt(int fd, in Connection former)
    {
        ref var connection = ref _connections[fd];
        uint generation = connection.Generation;
        connection = former;
        connection.Generation = generation;
        connection.MemberIndex = Connection.NoMember;
        connection.Set(ConnectionFlags.FlushQueued | ConnectionFlags.Identified, false);
        CountAgain(ref connection);
        if (connection.IsBeforeHandshake)
        {
            _waiting.Add(fd);
        }

        int blocked = connection.Is(ConnectionFlags.Blocked) ? 1 : 0;
        BlockedCount += blocked;
        Count++;
        Recount(fd, connections: 1, blocked: blocked);
        if (connection.Is(ConnectionFlags.Blocked | ConnectionFlags.Paused))
        {
            UpdateWatch(fd);
        }

        return ref connection;
    }

    /// <summary>Notes whether a connection's kernel buffer is full.</summary>
    public void SetBlocked(ref Connection connection, bool value)
    {
        int change = (value ? 1 : 0) - (connection.Is(ConnectionFlags.Blocked) ? 1 : 0);
        BlockedCount += change;
        Recount(DescriptorOf(ref connection), blocked: change);
        connection.Set(ConnectionFlags.Blocked, value);
    }

    /// <summary>Has a connection closed at the end of the turn: nothing is sent to it or read from it any more.</summary>
    public void MarkForClose(int fd)
    {
        ref var connection = ref _connections[fd];
        if (!connection.Is(ConnectionFlags.ClosePending))
        {
            connection.Set(ConnectionFlags.ClosePending, true);
            _pendingCloses.Add(fd);
        }
    }

    /// <summary>Forgets the list of connections to close, which are closed.</summary>
    public void ClearPendingCloses() => _pendingCloses.Clear();

    /// <summary>Forgets the list of what was to be sent.</summary>
    public void ClearFlushList()
    {
        foreach (int fd in FlushList)
        {
            _connections[fd].Set(ConnectionFlags.FlushQueued, false);
        }

        _flush.Clear();
    }

    /// <summary>The outbox of a connection, which is sent at the end of the turn.</summary>
    public ByteQueue OutboxOf(int fd)
    {
        ref var connection = ref _connections[fd];
        if (connection.Outbox == 0)
        {
            connection.Outbox = _queues.Borrow(fd);
        }

        QueueFlush(fd);
        return _queues[connection.Outbox];
    }

    /// <summary>Something beside the log waits to be sent: that is done at the end of the turn, unless the kernel's buffer is full.</summary>
    public void QueueFlush(int fd)
    {
        ref var connection = ref _connections[fd];
        if (!connection.Is(ConnectionFlags.FlushQueued | ConnectionFlags.Blocked))
        {
            connection.Set(ConnectionFlags.FlushQueued, true);
            _flush.Add(fd);
        }
    }

    /// <summary>What waits in the outbox of a connection that has one.</summary>
    public ByteQueue ExistingOutbox(in Connection connection) => _queues[connection.Outbox];

    /// <summary>Takes the outbox back.</summary>
    public void ReleaseOutbox(ref Connection connection) => ReleaseQueue(ref connection.Outbox, DescriptorOf(ref connection));

    /// <summary>The unfinished request head of a connection.</summary>
    public ByteQueue HeadOf(ref Connection connection)
    {
        if (connection.Head == 0)
        {
            connection.Head = _queues.Borrow(DescriptorOf(ref connection));
        }

        return _queues[connection.Head];
    }

    /// <summary>Takes the request head back.</summary>
    public void ReleaseHead(ref Connection connection) => ReleaseQueue(ref connection.Head, DescriptorOf(ref connection));

    /// <summary>The reader that knows the connection's unfinished message, or an idle one.</summary>
    public MessageReader ReaderOf(ref Connection connection)
    {
        if (connection.Reader == 0)
        {
            connection.Reader = _readers.Borrow(DescriptorOf(ref connection));
        }

        return _readers[connection.Reader];
    }

    /// <summary>Takes the reader back, whatever it has begun.</summary>
    public void ReleaseReader(ref Connection connection)
    {
        if (connection.Reader != 0)
        {
            _readers[connection.Reader].Reset();
            _readers.Return(connection.Reader, DescriptorOf(ref connection));
            connection.Reader = 0;
        }
    }

    /// <summary>Tells epoll what the connection's flags say.</summary>
    public void UpdateWatch(int fd)
    {
        ref var connection = ref _connections[fd];
        _poller.Watch(fd, connection.Generation, !connection.Is(ConnectionFlags.Paused), connection.Is(ConnectionFlags.Blocked));
    }

    /// <summary>The peer's address for people: <c>10.0.0.7</c>, <c>2001:db8::1</c>, or <c>unix</c> for a client without one.</summary>
    public static string AddressOf(in Connection connection)
    {
        if (connection.IpHigh == 0 && connection.IpLow == 0)
        {
            return UnixAddress;
        }

        Span<byte> ip = stackalloc byte[16];
        Unsafe.WriteUnaligned(ref ip[0], connection.IpHigh);
        Unsafe.WriteUnaligned(ref ip[8], connection.IpLow);
        var address = new IPAddress(ip);
        return (address.IsIPv4MappedToIPv6 ? address.MapToIPv4() : address).ToString();
    }

    /// <summary>The reverse of <see cref="AddressOf"/>, as connections keep it.</summary>
    public static bool TryParseAddress(string text, out ulong high, out ulong low)
    {
        high = low = 0;
        if (!IPAddress.TryParse(text, out var address))
        {
            return text == UnixAddress;
        }

        Span<byte> ip = stackalloc byte[16];
        bool written = address.MapToIPv6().TryWriteBytes(ip, out _);
        high = Unsafe.ReadUnaligned<ulong>(ref ip[0]);
        low = Unsafe.ReadUnaligned<ulong>(ref ip[8]);
        return written;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        NativeMemory.Free(_connections);
        _connections = null;
        Addresses?.Dispose();
    }

    private uint NextGeneration() => _generation = _generation == uint.MaxValue ? 1 : _generation + 1;

    private void ReleaseQueue(ref int number, int holder)
    {
        if (number != 0)
        {
            _queues[number].Clear();
            _queues.Return(number, holder);
            number = 0;
        }
    }
}
