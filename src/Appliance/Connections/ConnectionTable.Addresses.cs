using Appliance.Config;
using Appliance.Loop;
using Appliance.Rooms;

namespace Appliance.Connections;

/// <summary>What connections count for at the addresses of their clients, at whatever worker they are.</summary>
public sealed unsafe partial class ConnectionTable
{
    /// <summary>What each address has used; null where nobody counts.</summary>
    public AddressTable? Addresses { get; init; }

    /// <summary>The loop's time.</summary>
    public LoopClock? Clock { get; init; }

    /// <summary>Nanoseconds of the clock that all processes share.</summary>
    public long SharedNs => (Clock?.SharedMs ?? 0) * 1_000_000;

    /// <summary>Counts a connection that has shaken hands, unless its address is exempt, or the table has no entry left.</summary>
    public void CountIn(ref Connection connection, Settings settings)
    {
        if (!settings.IsExempt(connection.IpHigh, connection.IpLow))
        {
            connection.Set(ConnectionFlags.Counted, TryCount(connection, AddressCount.Connections));
        }
    }

    /// <summary>Counts a connection for which more answers wait than should, as <see cref="CountIn"/> does; until they are sent.</summary>
    public void CountUnread(ref Connection connection, Settings settings)
    {
        if (!connection.Is(ConnectionFlags.Unread) && !settings.IsExempt(connection.IpHigh, connection.IpLow))
        {
            connection.Set(ConnectionFlags.Unread, TryCount(connection, AddressCount.Unread));
        }
    }

    /// <summary>The answers of a connection are sent.</summary>
    public void CountRead(ref Connection connection)
    {
        if (connection.Is(ConnectionFlags.Unread))
        {
            Uncount(connection, AddressCount.Unread);
            connection.Set(ConnectionFlags.Unread, false);
        }
    }

    /// <summary>The settings have changed: other addresses may be exempt.</summary>
    public void RecountAddresses(Settings settings)
    {
        for (int fd = 0; fd <= HighestDescriptor; fd++)
        {
            ref var connection = ref _connections[fd];
            if (settings.IsExempt(connection.IpHigh, connection.IpLow))
            {
                CountOut(ref connection);
            }
            else if (!connection.Is(ConnectionFlags.Counted) && connection.IsClient)
            {
                CountIn(ref connection, settings);
            }
        }
    }

    /// <summary>A connection counts no more.</summary>
    private void CountOut(ref Connection connection)
    {
        CountRead(ref connection);
        if (connection.Is(ConnectionFlags.Counted))
        {
            Uncount(connection, AddressCount.Connections);
            connection.Set(ConnectionFlags.Counted, false);
        }
    }

    /// <summary>Counts a connection that has come from another worker, as it counted there.</summary>
    private void CountAgain(ref Connection connection)
    {
        connection.Set(ConnectionFlags.Counted, connection.Is(ConnectionFlags.Counted) && TryCount(connection, AddressCount.Connections));
        connection.Set(ConnectionFlags.Unread, connection.Is(ConnectionFlags.Unread) && TryCount(connection, AddressCount.Unread));
    }

    /// <summary>At the client and its site, or at none: what is not counted must not be taken out later.</summary>
    private bool TryCount(in Connection connection, AddressCount count)
    {
        var client = AddressPrefix.OfClient(connection.IpHigh, connection.IpLow);
        if (Addresses is null || !Addresses.TryAdd(client, count, SharedNs))
        {
            return false;
        }

        if (AddressPrefix.TryGetSite(connection.IpHigh, connection.IpLow, out var site) && !Addresses.TryAdd(site, count, SharedNs))
        {
            Addresses.Remove(client, count);
            return false;
        }

        return true;
    }

    private void Uncount(in Connection connection, AddressCount count)
    {
        Addresses!.Remove(AddressPrefix.OfClient(connection.IpHigh, connection.IpLow), count);
        if (AddressPrefix.TryGetSite(connection.IpHigh, connection.IpLow, out var site))
        {
            Addresses.Remove(site, count);
        }
    }
}
