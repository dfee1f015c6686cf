using System.Runtime.CompilerServices;
using Appliance.Protocols.Http;

namespace Appliance.Config;

/// <summary>
/// The values in force, each from a row of <see cref="SettingsTable"/>. They never change: a reload makes others of them
/// (<see cref="SettingsBuilder.Reload"/>), and each process exchanges its reference between two turns: a worker and a single process
/// <c>WorkerContext.Settings</c>, a master <c>WorkerFleet.Settings</c>, the thread of the journal its own.
/// </summary>
public sealed record Settings
{
    /// <summary>Most workers there can be.</summary>
    public const int WorkersMax = 64;

    /// <summary>Permissions of a unix socket unless others are asked for: 0666.</summary>
    public const int SocketModeDefault = 0x1B6;

    /// <summary>The source of a value that nobody gave.</summary>
    public const string DefaultSource = "default";

    /// <summary>Whence values came, by the name of their setting; never written to once it is filled.</summary>
    private Dictionary<string, string> Sources { get; init; } = new(StringComparer.Ordinal);

    /// <summary>Run as a daemon.</summary>
    public bool Daemon { get; init; }

    /// <summary>Log everything, and stay in the foreground unless a daemon is asked for.</summary>
    public bool Debug { get; init; }

    /// <summary>One process, no children.</summary>
    public bool NoFork { get; init; }

    /// <summary>Be the master of worker processes.</summary>
    public bool Master { get; init; }

    /// <summary>Worker processes; 0: one a processor.</summary>
    public int Workers { get; init; }

    /// <summary>The most worker processes that the load may call for; 0: as many as <see cref="Workers"/> says.</summary>
    public int MaxWorkers { get; init; }

    /// <summary>Worker processes at the start, and the least there are.</summary>
    public int WorkersLeast => Workers > 0 ? Workers : Math.Clamp(Environment.ProcessorCount, 1, WorkersMax);

    /// <summary>The most worker processes there are.</summary>
    public int WorkersMost => Math.Max(MaxWorkers, WorkersLeast);

    /// <summary>Where clients connect.</summary>
    public IReadOnlyList<ListenAddress> Listen { get; init; } = [];

    /// <summary>Where clients connect by TLS.</summary>
    public IReadOnlyList<ListenAddress> ListenTls { get; init; } = [];

    /// <summary>Where clients connect, by whatever is spoken there: the order of a worker's sockets.</summary>
    public IReadOnlyList<ListenAddress> Addresses => [.. Listen, .. ListenTls];

    /// <summary>Files of certificates with their chains.</summary>
    public IReadOnlyList<string> TlsCertificates { get; init; } = [];

    /// <summary>Files of their keys, in the same order.</summary>
    public IReadOnlyList<string> TlsKeys { get; init; } = [];

    /// <summary>What these files have, in one (<c>TlsCredentials</c>): no setting's value, and never written to where others read.</summary>
    public byte[] TlsCredentials { get; init; } = [];

    /// <summary>What these certificates are, in words.</summary>
    public string TlsDescription { get; init; } = "";

    /// <summary>Whether one of them was not valid when it was read.</summary>
    public bool IsTlsExpired { get; init; }

    /// <summary>The same settings with what others have read from files.</summary>
    internal Settings WithFilesOf(Settings other) => this with
    {
        AuthKeys = other.AuthKeys,
        TlsCredentials = other.TlsCredentials,
        TlsDescription = other.TlsDescription,
        IsTlsExpired = other.IsTlsExpired,
    };

    /// <summary>Proxies whose word counts for who their clients are.</summary>
    public NetworkList TrustedProxies { get; init; } = NetworkList.None;

    /// <summary>Whether peers at unix sockets are such proxies.</summary>
    public bool TrustsUnixProxies { get; init; }

    /// <summary>Connections that one address may have; 0: any number.</summary>
    public int MaxConnectionsPerAddress { get; init; }

    /// <summary>Handshakes a second of one address; 0: any number.</summary>
    public int MaxHandshakesPerAddress { get; init; }

    /// <summary>Rooms a minute that one address may make; 0: any number.</summary>
    public int MaxRoomsPerAddress { get; init; }

    /// <summary>Messages a second of one address; 0: any number.</summary>
    public int MaxRatePerAddress { get; init; }

    /// <summary>Bytes of messages a second of one address; 0: any number.</summary>
    public int MaxBytesPerAddress { get; init; }

    /// <summary>Connections of one address for which more answers wait than should; 0: any number.</summary>
    public int MaxUnreadPerAddress { get; init; }

    /// <summary>Addresses without limits.</summary>
    public NetworkList Exempt { get; init; } = NetworkList.None;

    /// <summary>Whether clients of this host have no limits.</summary>
    public bool ExemptsLocal { get; init; }

    /// <summary>Whether an address has no limits of its own; that of a client at a unix socket is all zero.</summary>
    public bool IsExempt(ulong high, ulong low) =>
        (ExemptsLocal && ((high == 0 && low == 0) || NetworkList.Loopback.Contains(high, low))) || Exempt.Contains(high, low);

    /// <summary>Whether any proxy's word counts.</summary>
    public bool HasTrustedProxies => TrustsUnixProxies || !TrustedProxies.IsEmpty;

    /// <summary>Where monitors connect; null when off.</summary>
    public ListenAddress? Metrics { get; init; }

    /// <summary>By which hosts monitors may ask.</summary>
    public ServedHosts MetricsHosts { get; init; } = ServedHosts.Own;

    /// <summary>Which pages may open a WebSocket.</summary>
    public AllowedOrigins AllowedOrigins { get; init; } = AllowedOrigins.SameHost;

    /// <summary>Who says which clients get in.</summary>
    public AuthMode Auth { get; init; }

    /// <summary>Files of the keys that tokens are signed with.</summary>
    public IReadOnlyList<string> AuthKeyFiles { get; init; } = [];

    /// <summary>What these files have, in one (<c>KeySet.Pack</c>): no setting's value, and never written to where others read.</summary>
    public byte[] AuthKeys { get; init; } = [];

    /// <summary>What a token's <c>aud</c> must have; empty for anything.</summary>
    public string AuthAudience { get; init; } = "";

    /// <summary>What a token's <c>iss</c> must be; empty for anything.</summary>
    public string AuthIssuer { get; init; } = "";

    /// <summary>What decides who gets in with <see cref="AuthMode.Ask"/>; null for none.</summary>
    public BackEndUrl? AuthUrl { get; init; }

    /// <summary>Seconds that a handshake waits for its answer.</summary>
    public int AuthTimeoutSeconds { get; init; }

    /// <summary>Seconds by which clocks of those who make tokens may differ.</summary>
    public int AuthLeewaySeconds { get; init; }

    /// <summary>What others than the server's user and root may do through the control queue.</summary>
    public ControlRights Control { get; init; }

    /// <summary>Permissions of the sockets at unix paths.</summary>
    public int SocketMode { get; init; } = SocketModeDefault;

    /// <summary>Directory of the pid file.</summary>
    public string RunDirectory { get; init; } = "";

    /// <summary>Directory behind the System V keys.</summary>
    public string StateDirectory { get; init; } = "";

    /// <summary>Log file; empty for stderr.</summary>
    public string LogFile { get; init; } = "";

    /// <summary>File that keeps the rooms over a reboot; empty for none.</summary>
    public string JournalFile { get; init; } = "";

    /// <summary>When what the journal has must be on disk.</summary>
    public JournalSync JournalSync { get; init; }

    /// <summary>Least level that is logged.</summary>
    public LogLevel LogLevel { get; init; }

    /// <summary>User to become after binding; empty to stay.</summary>
    public string User { get; init; } = "";

    /// <summary>Chat messages that a newcomer gets.</summary>
    public int History { get; init; }

    /// <summary>Bytes of a room's ring.</summary>
    public int RoomSize { get; init; }

    /// <summary>How many rooms there can be.</summary>
    public int MaxRooms { get; init; }

    /// <summary>Bytes of memory that all rooms together may take; 0: half of the host's.</summary>
    public long MaxMemory { get; init; }

    /// <summary>Bytes of memory that all rooms together may take.</summary>
    public long MaxMemoryBytes => MaxMemory > 0 ? MaxMemory : HostMemory.Bytes / 2;

    /// <summary>Clients of one worker.</summary>
    public int MaxConnections { get; init; }

    /// <summary>A name is one user's or connection's alone.</summary>
    public bool UniqueNames { get; init; }

    /// <summary>Names that clients cannot choose, as they were given.</summary>
    public IReadOnlyList<string> ReservedNames { get; init; } = [];

    /// <summary>Characters of a name.</summary>
    public int MaxName { get; init; }

    /// <summary>Characters of a message.</summary>
    public int MaxMessage { get; init; }

    /// <summary>Bytes of what a chat client may send at once, fragments together.</summary>
    public int MaxFrame { get; init; }

    /// <summary>How joins and leaves are announced.</summary>
    public AnnounceMode Announce { get; init; }

    /// <summary>Seconds of silence before a ping.</summary>
    public int PingSeconds { get; init; }

    /// <summary>Seconds of silence before a close.</summary>
    public int TimeoutSeconds { get; init; }

    /// <summary>Seconds for a whole request head.</summary>
    public int HandshakeTimeoutSeconds { get; init; }

    /// <summary>Seconds for a graceful stop.</summary>
    public int DrainSeconds { get; init; }

    /// <summary>How long an upgrade may take before the former process goes on.</summary>
    public int UpgradeTimeoutSeconds { get; init; }

    /// <summary>Seconds after which a worker that does not turn is killed; 0: never.</summary>
    public int WorkerTimeoutSeconds { get; init; }

    /// <summary>Messages a second that one client may send; 0: any number.</summary>
    public int MaxRate { get; init; }

    /// <summary>A process that serves may make the system calls that it needs, and no others; seccomp(2).</summary>
    public bool Seccomp { get; init; }

    /// <summary>A process that crashes may leave its memory in a file; core(5).</summary>
    public bool CoreDumps { get; init; }

    /// <summary>How messages are handed to the kernel.</summary>
    public IoEngine Io { get; init; }

    /// <summary>Serve <c>/echo</c>.</summary>
    public bool Echo { get; init; }

    /// <summary>Whence a value came: <c>default</c>, <c>command line</c>, or file and line.</summary>
    public string SourceOf(string name) => Sources.GetValueOrDefault(name, DefaultSource);

    /// <summary>Only the same object is equal: a reload makes another one.</summary>
    public bool Equals(Settings? other) => ReferenceEquals(this, other);

    /// <inheritdoc/>
    public override int GetHashCode() => RuntimeHelpers.GetHashCode(this);

    /// <inheritdoc cref="SettingsBuilder.Write"/>
    public override string ToString() => SettingsBuilder.Write(this);

    /// <summary>The same values, of which one came from there.</summary>
    internal Settings WithSource(string name, string source) =>
        this with { Sources = new Dictionary<string, string>(Sources, StringComparer.Ordinal) { [name] = source } };
}

/// <summary>Who says which clients get in.</summary>
public enum AuthMode
{
    /// <summary>Everybody does.</summary>
    Open,

    /// <summary>Those with a token that a known key has signed.</summary>
    Jwt,

    /// <summary>Those whom a back end lets in.</summary>
    Ask,
}

/// <summary>How joins and leaves are announced to a room.</summary>
public enum AnnounceMode
{
    /// <summary>"10.0.0.7 connected".</summary>
    Ip,

    /// <summary>"12 online".</summary>
    Count,

    /// <summary>Not at all.</summary>
    Off,
}

/// <summary>How messages are handed to the kernel.</summary>
public enum IoEngine
{
    /// <summary><see cref="Uring"/> where the kernel allows it, otherwise <see cref="Epoll"/>.</summary>
    Auto,

    /// <summary>Up to 256 sends in one system call, io_uring(7).</summary>
    Uring,

    /// <summary>A send(2) for each client.</summary>
    Epoll,
}

/// <summary>When what a journal has must be on disk.</summary>
public enum JournalSync
{
    /// <summary>Before anybody, its sender included, gets a message.</summary>
    Always,

    /// <summary>A tenth of a second later.</summary>
    Group,

    /// <summary>When the kernel sees fit.</summary>
    Off,
}

/// <summary>How much is logged.</summary>
public enum LogLevel
{
    /// <summary>Everything.</summary>
    Debug,

    /// <summary>What an administrator wants to read later.</summary>
    Info,

    /// <summary>What may need attention.</summary>
    Warning,

    /// <summary>What failed.</summary>
    Error,
}
