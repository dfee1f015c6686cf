using static Appliance.Config.Setting;

namespace Appliance.Config;

/// <summary>The settings of what one address may use.</summary>
internal static class AddressSettings
{
    /// <summary>For the loopback networks and unix sockets.</summary>
    private const string LocalWord = "local";

    private const int Most = 1_000_000;

    /// <summary>Their rows.</summary>
    public static IReadOnlyList<Setting> Rows { get; } =
    [
        Number("max-connections-per-address", "N", 2000, "connections of one address, over all workers; 0: any number",
            SettingGroup.Chat, ..Most, (s, n) => s with { MaxConnectionsPerAddress = n }, s => s.MaxConnectionsPerAddress) with
        {
            IsReloadable = true,
            Reason = "An office of a thousand people behind one address fits in. IPv6 counts by /64, and a /48 may have eight times as many.",
        },
        Number("max-handshakes-per-address", "N", 100, "handshakes a second of one address, bursts of twenty times that; 0: any number",
            SettingGroup.Chat, ..Most, (s, n) => s with { MaxHandshakesPerAddress = n }, s => s.MaxHandshakesPerAddress) with
        {
            IsReloadable = true,
            Reason = "Two thousand clients of one office may come again at once after a restart.",
        },
        Number("max-rooms-per-address", "N", 120, "rooms that one address may make in a minute; 0: any number",
            SettingGroup.Chat, ..Most, (s, n) => s with { MaxRoomsPerAddress = n }, s => s.MaxRoomsPerAddress) with
        {
            IsReloadable = true,
            Reason = "Whoever takes all of --max-rooms locks others out of rooms that are not there yet.",
        },
        Number("max-rate-per-address", "N", 1000, "messages a second of one address, bursts of twice that; 0: any number",
            SettingGroup.Chat, ..Most, (s, n) => s with { MaxRatePerAddress = n }, s => s.MaxRatePerAddress) with
        {
            IsReloadable = true,
            Reason = "More than a large office writes; a message beyond gets too_fast.",
        },
        Number("max-bytes-per-address", "BYTES", 1 << 20, "bytes of messages a second of one address, bursts of twice that; 0: any number",
            SettingGroup.Chat, ..(1 << 30), (s, n) => s with { MaxBytesPerAddress = n }, s => s.MaxBytesPerAddress) with
        {
            IsReloadable = true,
            Reason = "What one address can fill of --max-memory.",
        },
        Number("max-unread-per-address", "N", 200, "connections of one address that leave 32 KiB of answers unread; 0: any number",
            SettingGroup.Chat, ..Most, (s, n) => s with { MaxUnreadPerAddress = n }, s => s.MaxUnreadPerAddress) with
        {
            IsReloadable = true,
            Reason = "Each takes up to 128 KiB of this process, and megabytes of the kernel. Only who asks and does not read has many.",
        },
        Networks("exempt", "addresses without these limits: networks, local (this host and unix sockets) or none; repeatable", SettingGroup.Chat, LocalWord,
            s => (s.Exempt, s.ExemptsLocal), (s, networks, local) => s with { Exempt = networks, ExemptsLocal = local }) with
        {
            Default = LocalWord,
            Reason = "A proxy on this host stands for all its clients, unless it says who they are (--trusted-proxy, or ,proxy behind --listen).",
        },
    ];
}
