using Appliance.Native;

namespace Appliance.Connections;

/// <summary>
/// Connections that have not shaken hands, in the order in which they came: whoever opens connections and says nothing takes no place from
/// others, because the oldest of these makes place first. A list through the table, which costs a connection nothing.
/// </summary>
internal sealed class WaitingList(ConnectionTable table)
{
    private const int None = -1;

    private int _oldest = None;
    private int _newest = None;

    /// <summary>How many there are.</summary>
    public int Count { get; private set; }

    /// <summary>Puts a new connection at the end.</summary>
    public void Add(int fd)
    {
        ref var connection = ref table[fd];
        connection.MemberIndex = Connection.Waiting;
        connection.Neighbours = (_newest, None);
        Join(_newest, fd);
        _newest = fd;
        Count++;
        table.Recount(fd, waiting: 1);
    }

    /// <summary>Takes a connection out, if it is on the list.</summary>
    public void Remove(int fd)
    {
        ref var connection = ref table[fd];
        if (!connection.IsWaiting)
        {
            return;
        }

        HoldLinks(fd);
        var (before, behind) = connection.Neighbours;
        Join(before, behind);
        if (behind == None)
        {
            _newest = before;
        }
        else
        {
            table[behind].Neighbours.Before = before;
        }

        connection.MemberIndex = Connection.NoMember;
        connection.Rate = default;
        Count--;
        table.Recount(fd, waiting: -1);
    }

    /// <summary>Holds that the neighbours of a connection that waits, or the ends of the list, know of it.</summary>
    public void HoldLinks(int fd)
    {
        var (before, behind) = table[fd].Neighbours;
        Invariant.Hold(
            IsEndOrWaits(before) && IsEndOrWaits(behind)
                && (before == None ? _oldest : table[before].Neighbours.Behind) == fd && (behind == None ? _newest : table[behind].Neighbours.Before) == fd,
            "waiting list against its links",
            "descriptor {0} between {1} and {2}", fd, before, behind);
    }

    private bool IsEndOrWaits(int fd) => fd == None || ((uint)fd < (uint)table.Capacity && table[fd].IsWaiting);

    /// <summary>The one that came first and is not being closed already, another one aside; -1 when there is none.</summary>
    public int Oldest(int except = None)
    {
        int fd = _oldest;
        while (fd != None && (fd == except || table[fd].Is(ConnectionFlags.ClosePending)))
        {
            fd = table[fd].Neighbours.Behind;
        }

        return fd;
    }

    private void Join(int before, int behind)
    {
        if (before == None)
        {
            _oldest = behind;
        }
        else
        {
            table[before].Neighbours.Behind = behind;
        }
    }
}
