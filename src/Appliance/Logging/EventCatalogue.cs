using Appliance.Config;

namespace Appliance.Logging;

/// <summary>One kind of log line.</summary>
/// <param name="Id">Stable number: what scripts and alerts look for.</param>
/// <param name="Level">How serious it is.</param>
/// <param name="Template">The text, with named fields.</param>
public sealed record LogEvent(int Id, LogLevel Level, string Template);

/// <summary>Everything that is ever logged, a row each. 1xxx: the process, 2xxx: shared memory, 3xxx: clients, 4xxx: the control queue.</summary>
public static class EventCatalogue
{
    public static readonly LogEvent Starting = new(1000, LogLevel.Info, "appliance {Version} starting, pid {Pid}");
    public static readonly LogEvent Ready = new(1001, LogLevel.Info, "ready on {Address}");
    public static readonly LogEvent Stopping = new(1002, LogLevel.Info, "{Signal} received, stopping: {Connections} connections have {DrainSeconds} s");
    public static readonly LogEvent Stopped = new(
        1003, LogLevel.Info, "stopped: {Messages} messages, {Deliveries} deliveries, {Connections} connections served, {Collections} garbage collections");
    public static readonly LogEvent LogReopened = new(1004, LogLevel.Info, "log reopened");
    public static readonly LogEvent Failed = new(1005, LogLevel.Error, "{Reason}");
    public static readonly LogEvent Monitoring = new(1006, LogLevel.Info, "monitoring on {Address}");
    public static readonly LogEvent MonitoringFailed = new(1007, LogLevel.Error, "monitoring failed and starts again: {Reason}");
    public static readonly LogEvent TurnFailed = new(1008, LogLevel.Error, "the host refused a call, the server goes on: {Reason}");
    public static readonly LogEvent WorkerReady = new(1010, LogLevel.Debug, "worker {Worker} ready, pid {Pid}");
    public static readonly LogEvent WorkerEnded = new(1011, LogLevel.Debug, "worker {Worker} ended, pid {Pid}");
    public static readonly LogEvent WorkerDied = new(1012, LogLevel.Error, "worker {Worker}, pid {Pid}, died: {How}; the next one starts in {Pause} ms");
    public static readonly LogEvent MasterLost = new(1013, LogLevel.Error, "the master is gone: ending");
    public static readonly LogEvent WorkerKilled = new(1014, LogLevel.Warning, "worker {Worker}, pid {Pid}, did not end in time and is killed");
    public static readonly LogEvent WorkersChanged = new(1015, LogLevel.Info, "idle {IdlePercent} %: {Workers} workers instead of {Former}");
    public static readonly LogEvent WorkerStuck = new(
        1016, LogLevel.Error, "worker {Worker}, pid {Pid}, has not turned for {Seconds} s ({How}) and is killed (--worker-timeout)");
    public static readonly LogEvent Reloaded = new(1020, LogLevel.Info, "configuration reloaded{Restart}");
    public static readonly LogEvent ReloadFailed = new(1021, LogLevel.Error, "configuration not reloaded, the former one stays in force: {Reason}");
    public static readonly LogEvent UpgradeUnknown = new(
        1022, LogLevel.Warning, "SIGUSR2 received: a single process cannot hand its connections over; restart it instead");
    public static readonly LogEvent UpgradeBegun = new(1023, LogLevel.Info, "upgrade: {Binary} starts, pid {Pid}");
    public static readonly LogEvent UpgradeFailed = new(1024, LogLevel.Error, "upgrade failed, this process goes on: {Reason}");
    public static readonly LogEvent Upgraded = new(1025, LogLevel.Info, "upgrade: everything was handed over to pid {Pid}; ending");
    public static readonly LogEvent TookOver = new(1026, LogLevel.Info, "took over from pid {Pid}: {Connections} connections");
    public static readonly LogEvent ConnectionsMoved = new(1027, LogLevel.Debug, "worker {Worker} has moved {Connections} connections to another worker");
    public static readonly LogEvent Postponed = new(1028, LogLevel.Info, "{Signal} received during an upgrade: the process that remains will act on it");
    public static readonly LogEvent LogUnopened = new(1040, LogLevel.Error, "{Reason}; until the log is reopened, lines of this process go to stderr");
    public static readonly LogEvent WakeupsMissing = new(
        1041, LogLevel.Error,
        "no descriptor is left to wake {Workers} other workers: their clients may receive this worker's messages late; raise ulimit -n or LimitNOFILE=, "
        + "or lower --max-connections");
    public static readonly LogEvent WorkerNotStarted = new(1042, LogLevel.Error, "worker {Worker} was not started: {Reason}");
    public static readonly LogEvent OrderUnfulfilled = new(
        1043, LogLevel.Error, "no descriptor is left for the master's order '{Order}': raise ulimit -n or LimitNOFILE=, or lower --max-connections");
    public static readonly LogEvent Ipv6Missing = new(1044, LogLevel.Warning, "this kernel has no IPv6: '*' means all IPv4 addresses");
    public static readonly LogEvent ProcMissing = new(
        1045, LogLevel.Warning,
        "/proc is not mounted: figures of memory are missing, processes keep the name of the binary, "
        + "and the binary must not be replaced while this server runs");
    public static readonly LogEvent WorkerLeft = new(
        1047, LogLevel.Error, "worker {Worker}, pid {Pid}, was killed but does not end: it waits for a disk that does not answer, and ends when the disk does");
    public static readonly LogEvent DirectoryExposed = new(1048, LogLevel.Warning, "--{Option} {Reason}");
    public static readonly LogEvent InvariantBroken = new(1049, LogLevel.Error, "invariant '{Invariant}' does not hold: {Values}; this process ends");
    public static readonly LogEvent HostRefused = new(
        1050, LogLevel.Warning, "the monitoring port was asked by a name that it does not answer by: {Host}; --metrics-host lets it");
    public static readonly LogEvent HostRefusedMore = new(1051, LogLevel.Warning, "{Count} more requests to the monitoring port refused (--metrics-host)");
    public static readonly LogEvent TlsServed = new(1052, LogLevel.Info, "TLS (preview) by {Library}: {Certificates}");
    public static readonly LogEvent TlsExpired = new(
        1053, LogLevel.Warning, "TLS (preview) by {Library}: {Certificates}; not all are valid now, and clients refuse those: renew them and reload");
    public static readonly LogEvent TlsKept = new(1054, LogLevel.Error, "this process keeps its former certificates: {Reason}");
    public static readonly LogEvent Unfiltered = new(1055, LogLevel.Warning, "system calls are not filtered (--seccomp): {Reason}");

    public static readonly LogEvent LogCreated = new(2000, LogLevel.Info, "room log created: key {Key}, {Rooms} rooms of {RoomBytes} bytes at most");
    public static readonly LogEvent LogResumed = new(2001, LogLevel.Info, "room log resumed: key {Key}, {Rooms} rooms");
    public static readonly LogEvent LogResized = new(2002, LogLevel.Info, "room log copied to a segment of new sizes or layout: key {Key}, {Rooms} rooms");
    public static readonly LogEvent RoomsDamaged = new(2003, LogLevel.Warning, "{Damaged} rooms of the log were damaged and start empty");
    public static readonly LogEvent RoomCreated = new(2004, LogLevel.Info, "room {Room} created");
    public static readonly LogEvent LogRemoved = new(2006, LogLevel.Warning, "{Removed} room logs were too damaged to be read and were removed");
    public static readonly LogEvent LogForeign = new(
        2007, LogLevel.Warning, "the segment with key {Segment} does not belong to this server and is left alone: the rooms use another key");
    public static readonly LogEvent KeyNotKept = new(2008, LogLevel.Warning, "the key of the room log could not be saved: {Reason}");
    public static readonly LogEvent RoomsCreatedMore = new(2009, LogLevel.Info, "{Count} more rooms created");
    public static readonly LogEvent JournalRead = new(2010, LogLevel.Info, "journal {File}: {Entries} records of {Rooms} rooms");
    public static readonly LogEvent JournalRestored = new(2011, LogLevel.Info, "{Records} records of {Rooms} rooms were restored from journal {File}");
    public static readonly LogEvent JournalRoomsLeft = new(
        2012, LogLevel.Warning, "{Rooms} rooms of the journal were not restored: only the {MaxRooms} that were used last have a place (--max-rooms)");
    public static readonly LogEvent JournalCut = new(2013, LogLevel.Warning, "journal {File}: an incomplete end of {Bytes} bytes was cut off");
    public static readonly LogEvent JournalDamaged = new(
        2014, LogLevel.Error, "journal {File}: {Bytes} bytes at {Position} are damaged and were set aside in {Aside}; everything intact around them is kept");
    public static readonly LogEvent JournalFailed = new(
        2015, LogLevel.Error, "journal {File} fails: {Reason}; the chat goes on without waiting for the disk; trying again every second");
    public static readonly LogEvent JournalWorks = new(2016, LogLevel.Info, "journal {File} works again");
    public static readonly LogEvent JournalOvertaken = new(
        2017, LogLevel.Warning,
        "journal {File}: {Records} records are missing, the last ones in room {Room}: they were overwritten before they could be written (--room-size)");
    public static readonly LogEvent JournalGivenUp = new(
        2018, LogLevel.Warning, "journal {File}: up to {Records} records are missing: their rooms were removed before they could be written (--max-rooms)");
    public static readonly LogEvent JournalRewritten = new(2019, LogLevel.Info, "journal {File} rewritten: {Before} bytes before, {After} now");
    public static readonly LogEvent JournalNotRewritten = new(2020, LogLevel.Warning, "journal {File} cannot be rewritten and keeps growing: {Reason}");
    public static readonly LogEvent JournalMoved = new(
        2021, LogLevel.Warning, "journal {File} was moved away or removed: continuing with the file that is there now");
    public static readonly LogEvent JournalStuck = new(
        2030, LogLevel.Error, "journal {File}: its disk has not answered for {Seconds} s; the chat goes on without waiting for it");
    public static readonly LogEvent JournalLeft = new(
        2031, LogLevel.Error, "journal {File}: its disk has not answered for {Seconds} s; ending without it; the last messages may be missing from it");

    public static readonly LogEvent Connected = new(3000, LogLevel.Debug, "{Address} connected to room {Room}");
    public static readonly LogEvent Disconnected = new(3001, LogLevel.Debug, "{Address} disconnected from room {Room}, close code {Code}");
    public static readonly LogEvent Refused = new(3002, LogLevel.Debug, "{Address} refused with status {Status}: {Reason}");
    public static readonly LogEvent DescriptorsExhausted = new(
        3004, LogLevel.Warning, "no descriptor is left for another client ({Error}): new clients get 503; raise 'ulimit -n', or LimitNOFILE= of the unit");
    public static readonly LogEvent Full = new(3005, LogLevel.Warning, "{Address} refused with status {Status}: {Reason}");
    public static readonly LogEvent TooFast = new(3006, LogLevel.Info, "{Address} closed: more than --max-rate {Rate} messages a second");
    public static readonly LogEvent OriginRefused = new(3007, LogLevel.Warning, "{Address} refused with status {Status}: {Reason}");
    public static readonly LogEvent TokenRefused = new(3008, LogLevel.Info, "{Address} refused with status {Status}: {Reason}");
    public static readonly LogEvent TokenNotRenewed = new(3009, LogLevel.Info, "{Address} has sent another token, which is not taken: {Reason}");
    public static readonly LogEvent TlsFailed = new(3010, LogLevel.Debug, "{Address} got no further than the handshake of TLS: {Reason}");
    public static readonly LogEvent AddressRefused = new(3011, LogLevel.Warning, "{Address} was refused: {Reason}; {Untold} more before this");
    public static readonly LogEvent Undecided = new(3012, LogLevel.Error, "{Address} gets 503, because nobody decides whether it gets in: {Reason}");
    public static readonly LogEvent FullMore = new(3015, LogLevel.Warning, "{Count} more clients refused because a limit is reached");
    public static readonly LogEvent TooFastMore = new(3016, LogLevel.Info, "{Count} more clients closed for --max-rate");
    public static readonly LogEvent OriginRefusedMore = new(3017, LogLevel.Warning, "{Count} more web pages of other sites refused (--allow-origin)");
    public static readonly LogEvent TokenRefusedMore = new(3018, LogLevel.Info, "{Count} more tokens refused (--auth)");
    public static readonly LogEvent AddressRefusedMore = new(3019, LogLevel.Warning, "{Count} more addresses refused that have used what they may");
    public static readonly LogEvent UndecidedMore = new(3020, LogLevel.Error, "{Count} more clients got 503 because of --auth-url");

    public static readonly LogEvent QueueOpened = new(4000, LogLevel.Debug, "control queue open: key {Key}, {Messages} messages in it");
    public static readonly LogEvent QueueFailed = new(4001, LogLevel.Error, "no control queue: {Reason}; trying again every half second");
    public static readonly LogEvent QueueLost = new(4002, LogLevel.Warning, "the control queue of key {Key} is gone and is made again: {Reason}");
    public static readonly LogEvent QueueForeign = new(
        4003, LogLevel.Warning,
        "the queue of key {Key} belonged to user {User} and was removed with {Messages} messages: the server uses no queue but its own");
    public static readonly LogEvent QueueRemovedFull = new(4004, LogLevel.Warning, "control queue removed with {Messages} messages that nobody received");
    public static readonly LogEvent QueueCommand = new(4005, LogLevel.Info, "command from the control queue: {Command}, {Sender}");
    public static readonly LogEvent QueueDropped = new(4006, LogLevel.Warning, "message of the control queue dropped, {Reason}: {Text}");
    public static readonly LogEvent QueueDroppedMore = new(4007, LogLevel.Warning, "{Count} more messages of the control queue dropped");
    public static readonly LogEvent QueueAnswersLost = new(
        4008, LogLevel.Warning, "{Count} answers on the control queue were not received by the programs that asked");
    public static readonly LogEvent QueueMailboxesEmptied = new(
        4009, LogLevel.Warning, "{Count} messages of other types filled the control queue and were removed, because nobody received them");
    public static readonly LogEvent QueueCommandsMore = new(4010, LogLevel.Info, "{Count} more commands from the control queue");
    public static readonly LogEvent QueueShut = new(4011, LogLevel.Warning, "the queue with key {Key} denied access to its own user and was removed");
    public static readonly LogEvent RulesUnwritten = new(
        4012, LogLevel.Error, "bans are in force but not in {File}, and would be lost with the host's memory: {Reason}; the next change tries again");
    public static readonly LogEvent RulesDamaged = new(4013, LogLevel.Warning, "{File}: {Lines} lines are no bans, mutes or rooms and are passed over");
    public static readonly LogEvent ClientModerates = new(4014, LogLevel.Info, "moderation by a client: {Request}, {Client}");
}
