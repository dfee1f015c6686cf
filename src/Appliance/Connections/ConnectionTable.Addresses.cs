using Appliance.Config;
using Appliance.Loop;
using Appliance.Rooms;

namespace Appliance.Connections;

/// <summary>Connections that have shaken hands count at the addresses of their clients, at whatever worker they are.</summary>
public sealed unsafe partial class ConnectionTable
{
    /// <summary>What each address has used; null where nobody counts.</summary>
    public AddressTable? Addresses { get; init; }

    /// <summary>The loop's time.</summary>
    public LoopClock? Clock { get; init; }

    /// <summary>Microseconds of the clock that all processes share.</summary>
    public long SharedUs => (Clock?.SharedMs ?? 0) * 1000;

    /// <summary>Counts a connection in, unless its address is exempt.</summary>
    public void CountIn(ref Connection connection, Settings settings)
    {
        if (Addresses is not null && !settings.IsExempt(connection.IpHigh, connection.IpLow))
        {
            connection.Set(ConnectionFlags.Counted, true);
            CountFlagged(connection);
        }
    }

    private void CountFlagged(in Connection connection)
    {
        if (Addresses is null || !connection.Is(ConnectionFlags.Counted))
        {
            return;
        }

        _ = Addresses.TryAdd(AddressPrefix.OfClient(connection.IpHigh, connection.IpLow), SharedUs);
        if (AddressPrefix.TryGetSite(connection.IpHigh, connection.IpLow, out var site))
        {
            _ = Addresses.TryAdd(site, SharedUs);
        }
    }

    private void CountOut(in Connection connection)
    {
        if (Addresses is null || !connection.Is(ConnectionFlags.Counted))
        {
            return;
        }

        Addresses.Remove(AddressPrefix.OfClient(connection.IpHigh, connection.IpLow));
        if (AddressPrefix.TryGetSite(connection.IpHigh, connection.IpLow, out var site))
        {
            Addresses.Remove(site);
        }
    }
}
