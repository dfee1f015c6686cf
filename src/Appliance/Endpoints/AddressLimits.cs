using System.Globalization;
using Appliance.Connections;
using Appliance.Metrics;
using Appliance.Rooms;

namespace Appliance.Endpoints;

/// <summary>
/// What one address may use, over all workers: an IPv4 address, or of IPv6 a /64, and a /48 eight times as much. Addresses of <c>--exempt</c> are not
/// looked at.
/// </summary>
internal sealed class AddressLimits(WorkerContext context)
{
    /// <summary>How much more a site may use than a client.</summary>
    private const int SiteTimes = 8;

    private const long SecondNs = 1_000_000_000;
    private const long MinuteNs = 60 * SecondNs;
    private const long HandshakeBurstNs = 20 * SecondNs;
    private const long MessageBurstNs = 2 * SecondNs;

    private readonly ConnectionTable _table = context.Table;

    /// <summary>Whether an address shakes hands too often; a check of the handshake.</summary>
    public Refusal? CheckHandshakes(int fd) =>
        TryTake(fd, AddressRate.Handshakes, context.Settings.MaxHandshakesPerAddress, SecondNs, HandshakeBurstNs)
            ? null
            : Refuse(fd, RejectReason.AddressHandshakes, context.Settings.MaxHandshakesPerAddress, "handshakes a second", "--max-handshakes-per-address");

    /// <summary>Whether an address has all connections that it may have; a check of the handshake.</summary>
    public Refusal? CheckConnections(int fd)
    {
        int most = context.Settings.MaxConnectionsPerAddress;
        return most != 0 && !IsExempt(fd) && IsBeyond(_table[fd], AddressCount.Connections, coming: 1, most)
            ? Refuse(fd, RejectReason.AddressConnections, most, "connections", "--max-connections-per-address")
            : null;
    }

    /// <summary>Whether an address may not make the room that it asks for; null when the room is there, or may be made.</summary>
    public Refusal? CheckRoom(int fd, ReadOnlySpan<byte> room) =>
        room.SequenceEqual(RoomLog.Lobby) || context.Settings.MaxRoomsPerAddress == 0 || context.Log.Find(room) >= 0
            || TryTake(fd, AddressRate.Rooms, context.Settings.MaxRoomsPerAddress, MinuteNs, MinuteNs)
            ? null
            : Refuse(fd, RejectReason.AddressRooms, context.Settings.MaxRoomsPerAddress, "new rooms a minute", "--max-rooms-per-address");

    /// <summary>Takes a message of a connection; false when its address sends too many, or too much.</summary>
    public bool TryTakeMessage(int fd, int bytes)
    {
        ref readonly var connection = ref _table[fd];
        if (!connection.Is(ConnectionFlags.Counted) || _table.Addresses is not { } addresses)
        {
            return true;
        }

        long messageNs = context.Settings.MaxRatePerAddress is > 0 and var messages ? SecondNs / messages : 0;
        long bytesNs = context.Settings.MaxBytesPerAddress is > 0 and var most ? Math.Max(1, bytes) * SecondNs / most : 0;
        long nowNs = _table.SharedNs;
        return addresses.TryTakeMessage(AddressPrefix.OfClient(connection.IpHigh, connection.IpLow), messageNs, bytesNs, MessageBurstNs, nowNs)
            && (!AddressPrefix.TryGetSite(connection.IpHigh, connection.IpLow, out var site)
                || addresses.TryTakeMessage(site, messageNs / SiteTimes, bytesNs / SiteTimes, MessageBurstNs, nowNs));
    }

    /// <summary>
    /// Counts a connection for which more answers wait than should, until they are sent. When its address has too many of those, it is reset, and what
    /// waits is given back.
    /// </summary>
    public void OnUnread(int fd)
    {
        ref var connection = ref _table[fd];
        int most = context.Settings.MaxUnreadPerAddress;
        if (most == 0 || IsExempt(fd))
        {
            return;
        }

        _table.CountUnread(ref connection, context.Settings);
        if (connection.Is(ConnectionFlags.Unread) && IsBeyond(connection, AddressCount.Unread, coming: 0, most))
        {
            context.Counters.Figures.DroppedSlow++;
            connection.Set(ConnectionFlags.Torn, true);
            _table.MarkForClose(fd);
            Tell(fd, Describe(most, "connections that do not read their answers", "--max-unread-per-address"));
        }
    }

    /// <summary>Whether an address has more than it may with what comes, or its site has.</summary>
    private bool IsBeyond(in Connection connection, AddressCount count, int coming, int most)
    {
        if (_table.Addresses is not { } addresses)
        {
            return false;
        }

        int slots = Math.Min(context.Log.Header.FirstSlot + context.Log.Header.WorkersMost, RoomLogLayout.WorkerSlots);
        slots = Math.Max(slots, context.Worker.Slot.Index + 1);
        return addresses.Sum(AddressPrefix.OfClient(connection.IpHigh, connection.IpLow), count, slots) + coming > most
            || (AddressPrefix.TryGetSite(connection.IpHigh, connection.IpLow, out var site)
                && addresses.Sum(site, count, slots) + coming > (long)most * SiteTimes);
    }

    private bool IsExempt(int fd) => context.Settings.IsExempt(_table[fd].IpHigh, _table[fd].IpLow);

    private bool TryTake(int fd, AddressRate rate, int most, long periodNs, long burstNs)
    {
        if (most == 0 || _table.Addresses is not { } addresses || IsExempt(fd))
        {
            return true;
        }

        ref readonly var connection = ref _table[fd];
        long nowNs = _table.SharedNs;
        return addresses.TryTake(AddressPrefix.OfClient(connection.IpHigh, connection.IpLow), rate, periodNs / most, burstNs, nowNs)
            && (!AddressPrefix.TryGetSite(connection.IpHigh, connection.IpLow, out var site)
                || addresses.TryTake(site, rate, periodNs / most / SiteTimes, burstNs, nowNs));
    }

    private Refusal Refuse(int fd, RejectReason reason, int most, string what, string option)
    {
        string why = Describe(most, what, option);
        Tell(fd, why);
        return new Refusal(reason, why, Refusal.RetryLater);
    }

    private static string Describe(int most, string what, string option) => string.Create(
        CultureInfo.InvariantCulture, $"this address has had all {most} {what} that it may have ({option}); --exempt lets it have any number");

    /// <summary>Once a second and address.</summary>
    private void Tell(int fd, string why)
    {
        ref readonly var connection = ref _table[fd];
        if (_table.Addresses!.MayTell(AddressPrefix.OfClient(connection.IpHigh, connection.IpLow), SecondNs, _table.SharedNs, out long untold))
        {
            context.Observer.OnAddressRefused(connection, why, untold);
        }
    }
}
