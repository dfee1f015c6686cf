using System.Runtime.CompilerServices;
using Appliance.Native;

namespace Appliance.Connections;

/// <summary>
/// Invariants of the table. A look at all connections would make every turn wait, so an audit looks at a few at a time, one after the other, and
/// counts them: what is opened or closed meanwhile among those that it has counted changes its count as well.
/// </summary>
public sealed unsafe partial class ConnectionTable
{
    /// <summary>Descriptors below have been counted.</summary>
    private int _audited;
    private int _countedConnections;
    private int _countedWaiting;
    private int _countedBlocked;

    /// <summary>
    /// Looks at the next connection, and returns its descriptor; -1 when there is none at that place. After the last one counts are compared. At
    /// the end of a turn, when both lists of the turn are done with.
    /// </summary>
    public int AuditNext()
    {
        if (_audited > HighestDescriptor)
        {
            HoldCounts();
            _audited = _countedConnections = _countedWaiting = _countedBlocked = 0;
            return -1;
        }

        int fd = _audited++;
        ref readonly var connection = ref _connections[fd];
        if (connection.State == ConnectionState.None)
        {
            return -1;
        }

        _countedConnections++;
        _countedWaiting += connection.IsWaiting ? 1 : 0;
        _countedBlocked += connection.Is(ConnectionFlags.Blocked) ? 1 : 0;
        Hold(fd, connection);
        return fd;
    }

    /// <summary>Holds what is on the list of closes at the end of a turn: each is there because of its flag.</summary>
    public void HoldPendingClose(int fd) => Invariant.Hold(
        (uint)fd < (uint)Capacity && _connections[fd].Is(ConnectionFlags.ClosePending), "close list against flag", "descriptor {0} of {1}", fd, Capacity);

    /// <summary>The descriptor of a connection of this table.</summary>
    internal int DescriptorOf(ref Connection connection) => (int)((Connection*)Unsafe.AsPointer(ref connection) - _connections);

    /// <summary>Takes a change into account that concerns a connection which the audit has counted already.</summary>
    internal void Recount(int fd, int connections = 0, int waiting = 0, int blocked = 0)
    {
        if (fd < _audited)
        {
            _countedConnections += connections;
            _countedWaiting += waiting;
            _countedBlocked += blocked;
        }
    }

    private void HoldCounts()
    {
        Invariant.Hold(_countedConnections == Count, "connection count against table", "{0}, but {1} are there", Count, _countedConnections);
        Invariant.Hold(_countedWaiting == WaitingCount, "waiting count against table", "{0}, but {1} wait", WaitingCount, _countedWaiting);
        Invariant.Hold(_countedBlocked == BlockedCount, "blocked count against flags", "{0}, but {1} are blocked", BlockedCount, _countedBlocked);
    }

    private void Hold(int fd, in Connection connection)
    {
        Invariant.Hold(connection.Generation != 0, "connection against generation", "descriptor {0} has none", fd);
        Invariant.Hold(
            !connection.Is(ConnectionFlags.ClosePending) || _pendingCloses.Count > 0, "close flag against list", "descriptor {0}, and the list is empty", fd);
        Invariant.Hold(
            !connection.Is(ConnectionFlags.FlushQueued) || _flush.Count > 0, "flush flag against list", "descriptor {0}, and the list is empty", fd);
        Invariant.Hold(
            connection.Outbox == 0 || _queues.IsLentTo(connection.Outbox, fd), "outbox against holder", "descriptor {0}, outbox {1}", fd, connection.Outbox);
        Invariant.Hold(
            connection.Head == 0 || _queues.IsLentTo(connection.Head, fd), "request against holder", "descriptor {0}, request {1}", fd, connection.Head);
        Invariant.Hold(
            connection.Reader == 0 || _readers.IsLentTo(connection.Reader, fd), "reader against holder", "descriptor {0}, reader {1}", fd, connection.Reader);
        if (connection.IsWaiting)
        {
            _waiting.HoldLinks(fd);
        }
    }
}
