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
            CountFlagged(connection, isIn: true);
        }
    }

    /// <summary>Counts a connection that counts at its address in or out.</summary>
    private void CountFlagged(in Connection connection, bool isIn)
    {
        if (Addresses is null || !connection.Is(ConnectionFlags.Counted))
        {
            return;
        }

        CountAt(Addresses, AddressPrefix.OfClient(connection.IpHigh, connection.IpLow), isIn);
        if (AddressPrefix.TryGetSite(connection.IpHigh, connection.IpLow, out var site))
        {
            CountAt(Addresses, site, isIn);
        }
    }

    private void CountAt(AddressTable addresses, AddressPrefix prefix, bool isIn)
    {
        if (isIn)
        {
            _ = addresses.TryAdd(prefix, SharedUs);
        }
        else
        {
            addresses.Remove(prefix);
        }
    }
}
