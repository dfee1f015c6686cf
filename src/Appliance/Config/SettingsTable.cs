using System.Globalization;
using Appliance.Loop;
using Appliance.Protocols.Http;
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

    /// <summary>Enough for a few small rooms, and more than any host has.</summary>
    private const long MemoryBytesMin = 1 << 20;

    private const long MemoryBytesMax = 1L << 46;

    private static readonly (string, LogLevel)[] LogLevels =
        [("debug", LogLevel.Debug), ("info", LogLevel.Info), ("warning", LogLevel.Warning), ("error", LogLevel.Error)];

    private static readonly (string, AnnounceMode)[] AnnounceModes =
        [("ip", AnnounceMode.Ip), ("count", AnnounceMode.Count), ("off", AnnounceMode.Off)];

    private static readonly (string, IoEngine)[] IoEngines =
        [("auto", IoEngine.Auto), ("uring", IoEngine.Uring), ("epoll", IoEngine.Epoll)];

    private static readonly (string, JournalSync)[] JournalSyncs =
        [("always", JournalSync.Always), ("group", JournalSync.Group), ("off", JournalSync.Off)];

    /// <summary>The rows, in the order of the usage.</summary>
    public static IReadOnlyList<Setting> Rows { get; } =
    [
        Switch("daemon", "run as daemon", SettingGroup.Mode, (s, on) => s with { Daemon = on }, s => s.Daemon) with
        {
            Reason = "The service manager decides it: if it expects the server in the foreground, it would lose track of a daemon.",
        },
        Switch("debug", "run in debug mode", SettingGroup.Mode, (s, on) => s with { Debug = on }, s => s.Debug) with
        {
            Reason = "Logs every connection: for debugging, not for everyday use.",
        },
        Switch("nofork", "do not run child processes", SettingGroup.Mode, (s, on) => s with { NoFork = on }, s => s.NoFork) with
        {
            Reason = "One process uses one processor, and nothing replaces it when it dies: for trials.",
        },
        Switch("master", "run as master", SettingGroup.Mode, (s, on) => s with { Master = on }, s => s.Master) with
        {
            Reason = "Stays in the foreground and keeps the workers alive, as service managers expect. A server that is given no mode does the same.",
        },
        new("proc", "[8]", "run child processes", SettingGroup.Mode, ApplyWorkers, ShowWorkers)
        {
            Default = "8", IsReloadable = true,
            Reason = "A worker uses one processor at most, and all workers serve the same rooms: more workers than processors do no harm. auto is one "
                + "worker per processor; 2-8 follows the load.",
        },

        new("listen", "ADDR", "where clients connect: IP:PORT, [IPv6]:PORT, *:PORT or unix:/PATH; then ,proxy if wanted; repeatable", SettingGroup.Place,
            ApplyListen, s => string.Join(' ', s.Listen.Select(address => address.Text)))
        {
            Default = DefaultListen, Empty = s => s with { Listen = [] }, PathStart = ListenAddress.PathStart,
            Reason = "Only this host by default; *:9000 serves the whole network. A proxy in front adds TLS (see the examples); with ,proxy it "
                + "must speak the PROXY protocol, and nobody else may reach the address.",
        },
        .. TlsSettings.Rows,
        Networks("trusted-proxy", "proxies whose headers say who the client is: a network, unix (for unix sockets) or none", SettingGroup.Place, "unix",
            s => (s.TrustedProxies, s.TrustsUnixProxies), (s, networks, unix) => s with { TrustedProxies = networks, TrustsUnixProxies = unix }) with
        {
            Default = "none",
            Reason = "Without it all clients of a proxy have its address. The proxy must set X-Forwarded-For, Forwarded or X-Real-IP, and remove "
                + "those of them that it does not set.",
        },
        ControlSetting.Row,
        new("metrics", "ADDR", "where monitors connect, or off", SettingGroup.Place, ApplyMetrics, s => s.Metrics?.Text ?? "off")
        {
            Default = DefaultMetrics, PathStart = ListenAddress.PathStart,
            Reason = "Only this host: figures are for those who run the server.",
        },
        new("metrics-host", "NAME", "host name by which monitors may ask; *.NAME and any, too; repeatable", SettingGroup.Place,
            ApplyMetricsHost, s => s.MetricsHosts.ToString())
        {
            Default = ServedHosts.NoneWord, Empty = s => s with { MetricsHosts = ServedHosts.Own }, IsReloadable = true,
            Reason = "localhost, names below it and addresses always work. Another name must be given, or a web page could have its own name lead here "
                + "and read the figures through the browser of a visitor.",
        },
        new("socket-mode", "MODE", "permissions of the sockets at unix:/PATH, octal as for chmod", SettingGroup.Place,
            ApplySocketMode, s => $"0{Convert.ToString(s.SocketMode, 8).PadLeft(3, '0')}")
        {
            Default = "0666",
            Reason = "A user who may write to a socket may connect, and a proxy runs as another user. 0660 admits only the server's user and group.",
        },
        Directory("run-dir", "directory of the pid file", (s, path) => s with { RunDirectory = path }, s => s.RunDirectory) with
        {
            Reason = "The system empties it at boot, so nothing here needs to last.",
        },
        Directory("state-dir", "directory of durable files; the System V keys are made from it",
            (s, path) => s with { StateDirectory = path }, s => s.StateDirectory) with
        {
            Reason = "It survives a reboot. Another directory means another server, with its own rooms.",
        },
        new("journal", "FILE", "file that keeps the rooms over a reboot, or off", SettingGroup.Place,
            ApplyJournal, s => s.JournalFile.Length == 0 ? "off" : s.JournalFile)
        {
            Default = "off", PathStart = text => text == "off" ? -1 : 0,
            Reason = "Shared memory outlives every process, but not a reboot. A file, in the state directory for example, restores the rooms with "
                + "their ids.",
        },
        Choice(
            "journal-sync", "WHEN", "when messages go to disk: always (before delivery), group (0.1 s later) or off (left to the kernel)", SettingGroup.Place,
            JournalSyncs, (s, when) => s with { JournalSync = when }, s => s.JournalSync) with
        {
            Default = "group", IsReloadable = true,
            Reason = "With group, a power cut loses the messages of the last 0.1 s, and no message waits for the disk. With always, every message "
                + "waits for the disk, and a delivered message is never lost.",
        },
        new("log", "FILE", "log file, or stderr; a daemon's default is appliance.log in --state-dir", SettingGroup.Place,
            ApplyLog, s => s.LogFile.Length == 0 ? "stderr" : s.LogFile)
        {
            Default = "stderr", PathStart = text => text == "stderr" ? -1 : 0,
            Reason = "A terminal and a service manager read stderr. The packaged services write to /var/log/appliance/appliance.log, which logrotate "
                + "rotates.",
        },
        Choice("log-level", "LEVEL", "lowest level that is logged: debug, info, warning or error",
            SettingGroup.Place, LogLevels, (s, level) => s with { LogLevel = level }, s => s.LogLevel) with
        {
            Default = "info", IsReloadable = true,
            Reason = "info has starts, stops, reloads and deaths of workers; debug adds every connection.",
        },
        new("user", "NAME", "user to become after binding", SettingGroup.Place, ApplyUser, s => s.User.Length == 0 ? "none" : s.User)
        {
            Default = "none",
            Reason = "A server that root starts, for a port below 1024, should not stay root. The packaged services run as the user appliance.",
        },
        Choice("io", "ENGINE", "how messages reach the kernel: auto, uring or epoll",
            SettingGroup.Place, IoEngines, (s, engine) => s with { Io = engine }, s => s.Io) with
        {
            Reason = "uring sends to a whole room in one system call, where the kernel (5.18 or later) and its filters allow it; epoll makes one call "
                + "per client. auto uses uring where it is available.",
        },
        .. ConfinementSettings.Rows,

        Number("history", "N", 50, "messages a newcomer gets", SettingGroup.Chat, ..10_000, (s, n) => s with { History = n }, s => s.History) with
        {
            IsReloadable = true,
            Reason = "A screen or two: enough to follow the conversation, and little to send.",
        },
        Number("room-size", "BYTES", 4 << 20, "memory of one room's log",
            SettingGroup.Chat, (64 << 10)..(1 << 30), (s, n) => s with { RoomSize = n }, s => s.RoomSize) with
        {
            Reason = "About 20,000 messages of usual length. A room uses memory only once it has written to it.",
        },
        Number("max-rooms", "N", 256, "rooms at most", SettingGroup.Chat, 1..100_000, (s, n) => s with { MaxRooms = n }, s => s.MaxRooms) with
        {
            Reason = "Any client can create a room, so the number needs a limit: 256 full rooms take 1 GiB. The lobby is one of them and always has a "
                + "place.",
        },
        new("max-memory", "BYTES", "memory of all rooms together, or auto: half of this host's or control group's", SettingGroup.Chat,
            ApplyMemory, s => s.MaxMemory == 0 ? "auto" : s.MaxMemory.ToString(CultureInfo.InvariantCulture))
        {
            Default = "auto", IsReloadable = true,
            Reason = "Rooms do not give memory back by themselves. Above the limit, empty rooms are removed first; then all rooms keep less history, "
                + "and no new room is created.",
        },
        Number("max-connections", "N", 100_000, "clients of one worker at most", SettingGroup.Chat,
            1..1_000_000, (s, n) => s with { MaxConnections = n }, s => s.MaxConnections) with
        {
            IsReloadable = true,
            Reason = "Far above what one processor serves well; a client costs about 110 bytes here. The service needs as many descriptors: "
                + "LimitNOFILE= or ulimit -n.",
        },
        Number("max-name", "N", 15, "characters of a name", SettingGroup.Chat, 1..1000, (s, n) => s with { MaxName = n }, s => s.MaxName) with
        {
            IsReloadable = true,
            Reason = "Leaves room for the message beside it, on a phone too.",
        },
        Number("max-message", "N", 100, "characters of a message", SettingGroup.Chat, 1..10_000, (s, n) => s with { MaxMessage = n }, s => s.MaxMessage) with
        {
            IsReloadable = true,
            Reason = "A line or two. The server refuses longer ones with too_long.",
        },
        Number("max-frame", "BYTES", 64 << 10, "largest message a client may send, fragments together", SettingGroup.Chat,
            128..(16 << 20), (s, n) => s with { MaxFrame = n }, s => s.MaxFrame) with
        {
            IsReloadable = true,
            Reason = "Limits the memory that one client can occupy. A larger message closes the connection with 1009.",
        },
        Number("max-rate", "N", 20, "messages a second of one client, 0 for any number", SettingGroup.Chat,
            ..100_000, (s, n) => s with { MaxRate = n }, s => s.MaxRate) with
        {
            IsReloadable = true,
            Reason = "Faster than anyone types; bursts may have twice as many. Above it, the client gets the error too_fast, and after three of them "
                + "within ten seconds close code 1008.",
        },
        Choice("announce", "WHAT", "announce joins and leaves: ip, count or off", SettingGroup.Chat,
            AnnounceModes, (s, mode) => s with { Announce = mode }, s => s.Announce) with
        {
            Default = "ip", IsReloadable = true,
            Reason = "In a small room people like to know who is present. count shows numbers instead of addresses, off announces nothing.",
        },
        new("allow-origin", "ORIGIN", "pages of other sites that may connect: https://HOST[:PORT], *.HOST, null or any; repeatable",
            SettingGroup.Chat, ApplyOrigin, s => s.AllowedOrigins.ToString())
        {
            Default = AllowedOrigins.SameHostWord, Empty = s => s with { AllowedOrigins = AllowedOrigins.SameHost }, IsReloadable = true,
            Reason = "Pages of the host and port that they connect to, and programs that are no browsers, always may. Any other page could read and write "
                + "as its visitor. A chat inside your own site needs its origin here.",
        },
        .. AddressSettings.Rows,
        .. AuthSettings.Rows,
        Switch("echo", "serve /echo, which returns every message (for conformance suites)", SettingGroup.Chat,
            (s, on) => s with { Echo = on }, s => s.Echo) with
        {
            IsReloadable = true,
            Reason = "Returns messages of up to 16 MiB to any client: not for a public server.",
        },

        Number("ping", "SECONDS", 30, "silence before a keep-alive ping",
            SettingGroup.Time, 1..DayInSeconds, (s, n) => s with { PingSeconds = n }, s => s.PingSeconds) with
        {
            IsReloadable = true,
            Reason = "Proxies and phone networks drop connections that are silent for a minute.",
        },
        Number("timeout", "SECONDS", 90, "silence before a connection is closed", SettingGroup.Time,
            1..DayInSeconds, (s, n) => s with { TimeoutSeconds = n }, s => s.TimeoutSeconds) with
        {
            IsReloadable = true,
            Reason = "Three pings without an answer: the client is gone.",
        },
        Number("handshake-timeout", "SECONDS", 10, "time for a whole request", SettingGroup.Time,
            1..3600, (s, n) => s with { HandshakeTimeoutSeconds = n }, s => s.HandshakeTimeoutSeconds) with
        {
            IsReloadable = true,
            Reason = "Enough for a slow phone; a client that sends no request cannot keep its connection.",
        },
        Number("drain", "SECONDS", 10, "time for a graceful stop", SettingGroup.Time, ..3600, (s, n) => s with { DrainSeconds = n }, s => s.DrainSeconds) with
        {
            IsReloadable = true,
            Reason = "Clients receive pending messages before the server closes them. Service managers must wait longer (TimeoutStopSec=).",
        },
        Number("upgrade-timeout", "SECONDS", 30, "time for an upgrade; after it the old process goes on", SettingGroup.Time,
            1..90, (s, n) => s with { UpgradeTimeoutSeconds = n }, s => s.UpgradeTimeoutSeconds) with
        {
            IsReloadable = true,
            Reason = "A start takes milliseconds, a connection about 40 µs; the last third is reserved for moving connections.",
        },
        Number("worker-timeout", "SECONDS", 30, "a worker that does not turn for this long is killed and replaced; 0: never", SettingGroup.Time,
            ..3600, (s, n) => s with { WorkerTimeoutSeconds = n }, s => s.WorkerTimeoutSeconds) with
        {
            IsReloadable = true,
            Reason = "A turn takes about ten milliseconds. Monitors report a stuck worker after half of this time, within 2 to 5 seconds, so 1 and 2 "
                + "count as 3. A worker that is debugged, frozen or gets no processor time is not killed.",
        },
    ];

    /// <summary>The row of a name, or null.</summary>
    public static Setting? Find(string name) => Rows.FirstOrDefault(row => row.Name == name);

    /// <summary>The settings of a group.</summary>
    public static IEnumerable<Setting> In(SettingGroup group) => Rows.Where(row => row.Group == group);

    private static Setting Directory(string name, string help, Func<Settings, string, Settings> with, Func<Settings, string> get)
    {
        return new Setting(name, "DIR", help, SettingGroup.Place, Apply, get) { PathStart = _ => 0 };

        string? Apply(ref Settings settings, string text)
        {
            string? path = PathOf(text);
            settings = path is null ? settings : with(settings, path);
            return path is null ? "must be a path" : null;
        }
    }

    /// <summary>An absolute path without a slash at its end; null when it is none.</summary>
    internal static string? PathOf(string text) => !text.StartsWith('/') ? null : text.Length > 1 ? text.TrimEnd('/') : text;

    private static string? ApplyWorkers(ref Settings settings, string text)
    {
        string[] ends = text.Split('-');
        var (least, most) = (0, 0);
        bool valid = text == "auto" || (ends.Length <= 2
            && ParseNumber(ends[0], 1, Settings.WorkersMax, out least) is null
            && (ends.Length == 1 || ParseNumber(ends[1], least, Settings.WorkersMax, out most) is null));
        settings = valid ? settings with { Workers = least, MaxWorkers = most } : settings;
        return valid ? null : "must be a number from 1 to 64, a range as 2-8, or auto";
    }

    private static string ShowWorkers(Settings settings) => settings.Workers == 0 ? "auto"
        : settings.MaxWorkers == 0 ? $"{settings.Workers}"
        : $"{settings.Workers}-{settings.MaxWorkers}";

    private static string? ApplyMemory(ref Settings settings, string text)
    {
        bool valid = TryParse(text, MemoryBytesMin, MemoryBytesMax, out long bytes) || text == "auto";
        settings = valid ? settings with { MaxMemory = bytes } : settings;
        return valid ? null : string.Create(CultureInfo.InvariantCulture, $"must be auto or a number from {MemoryBytesMin} to {MemoryBytesMax}");
    }

    private static string? ApplyListen(ref Settings settings, string text)
    {
        if (ListenAddress.TryParse(text) is not { } address)
        {
            return "must be IP:PORT, [IPv6]:PORT, *:PORT or unix:/PATH (of at most 107 bytes, without blanks), with or without ,proxy behind it";
        }

        settings = settings with { Listen = [.. settings.Listen, address] };
        return null;
    }

    private static string? ApplyMetrics(ref Settings settings, string text)
    {
        var address = ListenAddress.TryParse(text, ListenKind.Monitoring);
        bool valid = address is not null || text == "off";
        settings = valid ? settings with { Metrics = address } : settings;
        return valid ? null : "must be IP:PORT, [IPv6]:PORT, *:PORT, unix:/PATH or off";
    }

    private static string? ApplyMetricsHost(ref Settings settings, string text)
    {
        var hosts = settings.MetricsHosts.TryAdd(text);
        settings = hosts is null ? settings : settings with { MetricsHosts = hosts };
        return hosts is not null ? null
            : $"must be a name without a port, *.NAME for all names below it, {ServedHosts.NoneWord} or any; {ServedHosts.NamesMax} of them at most";
    }

    private static string? ApplyOrigin(ref Settings settings, string text)
    {
        var origins = settings.AllowedOrigins.TryAdd(text);
        settings = origins is null ? settings : settings with { AllowedOrigins = origins };
        return origins is not null ? null
            : $"must be SCHEME://HOST[:PORT] or HOST[:PORT], *.HOST for all hosts below it, {AllowedOrigins.SameHostWord}, null or any, without a path, "
                + $"names of other alphabets as xn--; {AllowedOrigins.PatternsMax} of them at most";
    }

    private static string? ApplySocketMode(ref Settings settings, string text)
    {
        bool valid = text.Length is > 0 and <= 4 && !text.AsSpan().ContainsAnyExceptInRange('0', '7') && (text.Length < 4 || text[0] == '0');
        settings = valid ? settings with { SocketMode = Convert.ToInt32(text, 8) } : settings;
        return valid ? null : "must be octal permissions from 0 to 0777";
    }

    private static string? ApplyLog(ref Settings settings, string text)
    {
        string? path = text == "stderr" ? "" : PathOf(text);
        settings = path is null ? settings : settings with { LogFile = path };
        return path is null ? "must be stderr or a path" : null;
    }

    private static string? ApplyJournal(ref Settings settings, string text)
    {
        string? path = text == "off" ? "" : PathOf(text);
        settings = path is null ? settings : settings with { JournalFile = path };
        return path is null ? "must be off or a path" : null;
    }

    private static string? ApplyUser(ref Settings settings, string text)
    {
        bool valid = text.Length > 0;
        settings = valid ? settings with { User = text == "none" ? "" : text } : settings;
        return valid ? null : "must be a user's name, or none";
    }
}
