using Appliance.Config;

namespace Appliance.Operators;

/// <summary>One command of the control queue, as the manual has it.</summary>
/// <param name="Word">What it begins with.</param>
/// <param name="Synopsis">With its arguments.</param>
/// <param name="Help">What it does, and what its answer tells.</param>
public sealed record ControlWord(string Word, string Synopsis, string Help)
{
    /// <summary>What others than the server's user and root need of <c>--control</c> for it.</summary>
    public required ControlRights Right { get; init; }

    /// <summary>Whether it changes something, which the log then tells, with who asked; a chat message is told nowhere.</summary>
    public bool IsChange => Right is ControlRights.Kick or ControlRights.Stop;

    /// <summary>Whether it is a chat message: not lost when it was sent before the server started, and no line in the log.</summary>
    public bool IsChat { get; init; }

    /// <summary>Whether anything may stand behind the word: a slip of the keyboard must not become another command.</summary>
    public bool TakesArguments { get; init; }
}

/// <summary>All commands of the control queue.</summary>
public static class ControlWords
{
    /// <summary>The rows, in the order of the manual.</summary>
    public static IReadOnlyList<ControlWord> Rows { get; } =
    [
        new("say", "say [@ROOM] TEXT", "Send a chat message from the name \"server\"; without @ROOM to the room \"lobby\".")
        {
            Right = ControlRights.Say, IsChat = true, TakesArguments = true,
        },
        new(
            ControlCommand.JsonWord, "{\"name\":\"NAME\",\"message\":\"TEXT\",\"color\":\"#RGB\",\"room\":\"ROOM\"}",
            "Send a chat message under any name; color and room may be left out.")
        {
            Right = ControlRights.Say, IsChat = true, TakesArguments = true,
        },
        new("kick", "kick IP|ID|USER",
            "Close the connections from an address or of a user, or the connection with this id (see \"clients\"), with 1008. Answer: how many.")
        {
            Right = ControlRights.Kick, TakesArguments = true,
        },
        new("ban", "ban WHOM [in ROOM] [for TIME] [because REASON]",
            "Keep out an ADDRESS, a NETWORK, user:ID (of a token) or name:NAME, of one room or of all; TIME as 15m, 12h or 30d, otherwise for ever. Who is "
            + "connected is closed with 1008. Answer: how many.")
        {
            Right = ControlRights.Kick, TakesArguments = true,
        },
        new("unban", "unban WHOM [in ROOM]", "End a ban.") { Right = ControlRights.Kick, TakesArguments = true },
        new("mute", "mute WHOM [in ROOM] [for TIME] [because REASON]", "Let somebody read and not write; as ban.")
        {
            Right = ControlRights.Kick, TakesArguments = true,
        },
        new("unmute", "unmute WHOM [in ROOM]", "End a mute.") { Right = ControlRights.Kick, TakesArguments = true },
        new("room", "room NAME [slow=SECONDS] [read-only] [locked] [closed]|open",
            "Let each connection write once in so many seconds, nobody write, nobody join, or nobody be in it; what is not named ends.")
        {
            Right = ControlRights.Kick, TakesArguments = true,
        },
        new("delete", "delete [@ROOM] ID",
            "Delete the text of a message (its id: see \"history\"), for everybody and in the journal. Its place stays: clients get \"deleted\".")
        {
            Right = ControlRights.Kick, TakesArguments = true,
        },
        new("bans", "bans [CURSOR]",
            "Answer: an object for each ban, mute and room with a state: action, kind, subject, until, since (Unix time), reason, room.")
        {
            Right = ControlRights.Ask, TakesArguments = true,
        },
        new("reload", "reload", "Read the configuration again, as SIGHUP does. The log has the outcome.") { Right = ControlRights.Stop },
        new("reopen", "reopen", "Reopen the log, as SIGUSR1 does.") { Right = ControlRights.Stop },
        new("stop", "stop", "Stop gracefully, as SIGTERM does.") { Right = ControlRights.Stop },
        new("status", "status", "Answer: pid, uptime_seconds, workers, connections, requests, deliveries, rooms, restarts, as one object.")
        {
            Right = ControlRights.Ask,
        },
        new("rooms", "rooms [CURSOR]", "Answer: an object for each room: room, clients, messages, last_id, bytes.")
        {
            Right = ControlRights.Ask, TakesArguments = true,
        },
        new("clients", "clients [CURSOR]",
            "Answer: an object for each client: id, address, room, since (Unix time), lag (bytes that it has not received yet), user (if its token names one).")
        {
            Right = ControlRights.Ask, TakesArguments = true,
        },
        new(
            "history", "history [@ROOM] [last N|after ID]",
            "Answer: the last N messages of a room and the announcements between them, or all behind an id, as clients get them; "
            + "the outcome also names the last id.")
        {
            Right = ControlRights.Ask, TakesArguments = true,
        },
    ];

    /// <summary>The row of a word; null for none.</summary>
    public static ControlWord? Find(string word) => Rows.FirstOrDefault(row => row.Word == word);
}
