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

    private const long SecondUs = 1_000_000;
    private const long HandshakeBurstUs = 20 * SecondUs;
    private const long RoomBurstUs = 60 * SecondUs;
    private const long MessageBurstUs = 2 * SecondUs;

    /// <summary>How often refusals of one address are told.</summary>
    private const long TellEveryUs = SecondUs;

    private readonly ConnectionTable _table = context.Table;

    /// <summary>Whether an address shakes hands too often; a check of the handshake.</summary>
    public Refusal? CheckHandshakes(int fd) =>
        TryTake(fd, AddressRate.Handshakes, context.Settings.MaxHandshakesPerAddress, SecondUs, HandshakeBurstUs)
            ? null
            : Refuse(fd, RejectReason.AddressHandshakes, context.Settings.MaxHandshakesPerAddress, "handshakes a second", "--max-handshakes-per-address");

    /// <summary>Whether an address has all connections that it may have; a check of the handshake.</summary>
    public Refusal? CheckConnections(int fd)
    {
        int most = context.Settings.MaxConnectionsPerAddress;
        ref readonly var connection = ref _table[fd];
        if (most == 0 || _table.Addresses is not { } addresses || context.Settings.IsExempt(connection.IpHigh, connection.IpLow))
        {
            return null;
        }

        int slots = Math.Min(context.Log.Header.FirstSlot + context.Log.Header.WorkersMost, RoomLogLayout.WorkerSlots);
        slots = Math.Max(slots, context.Worker.Slot.Index + 1);
        bool isFull = addresses.Connections(AddressPrefix.OfClient(connection.IpHigh, connection.IpLow), slots) >= most
            || (AddressPrefix.TryGetSite(connection.IpHigh, connection.IpLow, out var site) && addresses.Connections(site, slots) >= (long)most * SiteTimes);
        return isFull ? Refuse(fd, RejectReason.AddressConnections, most, "connections", "--max-connections-per-address") : null;
    }

    /// <summary>Whether an address may not make the room that it asks for; null when the room is there, or may be made.</summary>
    public Refusal? CheckRoom(int fd, ReadOnlySpan<byte> room) =>
        room.SequenceEqual(RoomLog.Lobby) || context.Settings.MaxRoomsPerAddress == 0 || context.Log.Find(room) >= 0
            || TryTake(fd, AddressRate.Rooms, context.Settings.MaxRoomsPerAddress, RoomBurstUs, RoomBurstUs)
            ? null
            : Refuse(fd, RejectReason.AddressRooms, context.Settings.MaxRoomsPerAddress, "new rooms a minute", "--max-rooms-per-address");

    /// <summary>Takes a message of a connection that counts; false when its address sends too many, or too much.</summary>
    public bool TryTakeMessage(int fd, int bytes) =>
        TryTake(fd, AddressRate.Messages, context.Settings.MaxRatePerAddress, SecondUs, MessageBurstUs)
            && TryTake(fd, AddressRate.Bytes, context.Settings.MaxBytesPerAddress, SecondUs, MessageBurstUs, bytes);

    private bool TryTake(int fd, AddressRate rate, int most, long periodUs, long burstUs, int count = 1)
    {
        ref readonly var connection = ref _table[fd];
        if (most == 0 || _table.Addresses is not { } addresses || context.Settings.IsExempt(connection.IpHigh, connection.IpLow))
        {
            return true;
        }

        long nowUs = _table.SharedUs;
        return addresses.TryTake(AddressPrefix.OfClient(connection.IpHigh, connection.IpLow), rate, count * periodUs / most, burstUs, nowUs)
            && (!AddressPrefix.TryGetSite(connection.IpHigh, connection.IpLow, out var site)
                || addresses.TryTake(site, rate, count * periodUs / most / SiteTimes, burstUs, nowUs));
    }

    private Refusal Refuse(int fd, RejectReason reason, int most, string what, string option)
    {
        ref readonly var connection = ref _table[fd];
        string why = string.Create(
            CultureInfo.InvariantCulture, $"this address has had all {most} {what} that it may have ({option}); --exempt lets it have any number");
        var client = AddressPrefix.OfClient(connection.IpHigh, connection.IpLow);
        if (_table.Addresses!.MayTell(client, TellEveryUs, _table.SharedUs, out long untold))
        {
            context.Observer.OnAddressRefused(connection, why, untold);
        }

        return new Refusal(reason, why, Refusal.RetryLater);
    }
}
