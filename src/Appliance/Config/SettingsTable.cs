using static Appliance.Config.Setting;

namespace Appliance.Config;

/// <summary>Where things are for this user, unless told otherwise.</summary>
/// <param name="RunDirectory">For the pid file.</param>
/// <param name="StateDirectory">For what lasts.</param>
public sealed record DefaultPaths(string RunDirectory, string StateDirectory);

/// <summary>All settings, a row each.</summary>
public static class SettingsTable
{
    /// <summary>Chat port.</summary>
    public const string DefaultListen = "127.0.0.1:9000";

    /// <summary>Monitoring port.</summary>
    public const string DefaultMetrics = "127.0.0.1:9001";

    private const int DayInSeconds = 86_400;

    private static readonly (string, LogLevel)[] LogLevels =
        [("debug", LogLevel.Debug), ("info", LogLevel.Info), ("warning", LogLevel.Warning), ("error", LogLevel.Error)];

    private static readonly (string, AnnounceMode)[] AnnounceModes =
        [("ip", AnnounceMode.Ip), ("count", AnnounceMode.Count), ("off", AnnounceMode.Off)];

    /// <summary>The rows, in the order of the usage.</summary>
    public static IReadOnlyList<Setting> Rows { get; } =
    [
        Switch("daemon", "run as daemon", SettingGroup.Mode, (s, on) => s.Daemon = on, s => s.Daemon),
        Switch("debug", "run in debug mode", SettingGroup.Mode, (s, on) => s.Debug = on, s => s.Debug),
        Switch("nofork", "do not run child processes", SettingGroup.Mode, (s, on) => s.NoFork = on, s => s.NoFork),
        Switch("master", "run as master", SettingGroup.Mode, (s, on) => s.Master = on, s => s.Master),
        new("proc", "[8]", "run child processes", SettingGroup.Mode, ApplyWorkers, s => s.Workers == 0 ? "auto" : $"{s.Workers}") { Default = "8", IsReloadable = true },

        new("listen", "ADDR", "where clients connect: IP:PORT, [IPv6]:PORT, *:PORT or unix:/PATH; repeatable", SettingGroup.Place,
            ApplyListen, s => string.Join(' ', s.Listen.Select(address => address.Text))) { Default = DefaultListen, Empty = s => s.Listen = [] },
        new("metrics", "ADDR", "where monitors connect, or off", SettingGroup.Place, ApplyMetrics, s => s.Metrics?.Text ?? "off") { Default = DefaultMetrics },
        Directory("run-dir", "directory of the pid file", (s, path) => s.RunDirectory = path, s => s.RunDirectory),
        Directory("state-dir", "directory of durable files; the System V keys are made from it", (s, path) => s.StateDirectory = path, s => s.StateDirectory),
        new("log", "FILE", "log file, or stderr; of a daemon appliance.log in --state-dir", SettingGroup.Place, ApplyLog, s => s.LogFile.Length == 0 ? "stderr" : s.LogFile) { Default = "stderr" },
        Choice("log-level", "LEVEL", "debug, info, warning or error", SettingGroup.Place, LogLevels, (s, level) => s.LogLevel = level, s => s.LogLevel) with { Default = "info", IsReloadable = true },
        new("user", "NAME", "user to become after binding", SettingGroup.Place, ApplyUser, s => s.User.Length == 0 ? "none" : s.User) { Default = "none" },

        Number("history", "N", 50, "messages a newcomer gets", SettingGroup.Chat, ..10_000, (s, n) => s.History = n, s => s.History) with { IsReloadable = true },
        Number("room-size", "BYTES", 4 << 20, "memory of one room's log", SettingGroup.Chat, (64 << 10)..(1 << 30), (s, n) => s.RoomSize = n, s => s.RoomSize),
        Number("max-rooms", "N", 256, "rooms at most", SettingGroup.Chat, 1..100_000, (s, n) => s.MaxRooms = n, s => s.MaxRooms),
        Number("max-connections", "N", 100_000, "clients of one worker at most", SettingGroup.Chat, 1..1_000_000, (s, n) => s.MaxConnections = n, s => s.MaxConnections) with { IsReloadable = true },
        Number("max-name", "N", 15, "characters of a name", SettingGroup.Chat, 1..1000, (s, n) => s.MaxName = n, s => s.MaxName) with { IsReloadable = true },
        Number("max-message", "N", 100, "characters of a message", SettingGroup.Chat, 1..10_000, (s, n) => s.MaxMessage = n, s => s.MaxMessage) with { IsReloadable = true },
        Number("max-frame", "BYTES", 64 << 10, "largest message a client may send, fragments together", SettingGroup.Chat, 128..(16 << 20), (s, n) => s.MaxFrame = n, s => s.MaxFrame) with { IsReloadable = true },
        Number("max-rate", "N", 20, "messages a second of one client, 0 for any number", SettingGroup.Chat, ..100_000, (s, n) => s.MaxRate = n, s => s.MaxRate) with { IsReloadable = true },
        Choice("announce", "WHAT", "tell who comes and goes: ip, count or off", SettingGroup.Chat, AnnounceModes, (s, mode) => s.Announce = mode, s => s.Announce) with { Default = "ip", IsReloadable = true },
        Switch("echo", "serve /echo, which returns every message (for conformance suites)", SettingGroup.Chat, (s, on) => s.Echo = on, s => s.Echo) with { IsReloadable = true },

        Number("ping", "SECONDS", 30, "silence before a keep-alive ping", SettingGroup.Time, 1..DayInSeconds, (s, n) => s.PingSeconds = n, s => s.PingSeconds) with { IsReloadable = true },
        Number("timeout", "SECONDS", 90, "silence before a connection is closed", SettingGroup.Time, 1..DayInSeconds, (s, n) => s.TimeoutSeconds = n, s => s.TimeoutSeconds) with { IsReloadable = true },
        Number("handshake-timeout", "SECONDS", 10, "time for a whole request", SettingGroup.Time, 1..3600, (s, n) => s.HandshakeTimeoutSeconds = n, s => s.HandshakeTimeoutSeconds) with { IsReloadable = true },
        Number("drain", "SECONDS", 10, "time for a graceful stop", SettingGroup.Time, ..3600, (s, n) => s.DrainSeconds = n, s => s.DrainSeconds) with { IsReloadable = true },
    ];

    /// <summary>The row of a name, or null.</summary>
    public static Setting? Find(string name) => Rows.FirstOrDefault(row => row.Name == name);

    private static Setting Directory(string name, string help, Action<Settings, string> set, Func<Settings, string> get) =>
        new(name, "DIR", help, SettingGroup.Place, (settings, text) => ApplyPath(text, path => set(settings, path)), get);

    private static string? ApplyPath(string text, Action<string> set)
    {
        if (!text.StartsWith('/'))
        {
            return "must be an absolute path, beginning with /";
        }

        set(text.Length > 1 ? text.TrimEnd('/') : text);
        return null;
    }

    private static string? ApplyWorkers(Settings settings, string text) => text == "auto"
        ? ParseNumber("0", 0, 0, number => settings.Workers = number)
        : ParseNumber(text, 1, Settings.WorkersMax, number => settings.Workers = number) is null ? null : "must be a number from 1 to 64, or auto";

    private static string? ApplyListen(Settings settings, string text)
    {
        if (ListenAddress.TryParse(text) is not { } address)
        {
            return "must be IP:PORT, [IPv6]:PORT, *:PORT or unix:/PATH (of at most 107 bytes)";
        }

        settings.Listen = [.. settings.Listen, address];
        return null;
    }

    private static string? ApplyMetrics(Settings settings, string text)
    {
        settings.Metrics = ListenAddress.TryParse(text);
        return settings.Metrics is null && text != "off" ? "must be IP:PORT, [IPv6]:PORT, *:PORT, unix:/PATH or off" : null;
    }

    private static string? ApplyLog(Settings settings, string text)
    {
        settings.LogFile = "";
        return text == "stderr" ? null : ApplyPath(text, path => settings.LogFile = path) is null ? null : "must be stderr or an absolute path";
    }

    private static string? ApplyUser(Settings settings, string text)
    {
        settings.User = text == "none" ? "" : text;
        return text.Length == 0 ? "must be a user's name, or none" : null;
    }
}
