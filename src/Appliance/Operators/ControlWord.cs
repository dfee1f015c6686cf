namespace Appliance.Operators;

/// <summary>One command of the control queue, as the manual has it.</summary>
/// <param name="Word">What it begins with.</param>
/// <param name="Synopsis">With its arguments.</param>
/// <param name="Help">What it does, and what its answer tells.</param>
public sealed record ControlWord(string Word, string Synopsis, string Help)
{
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
            IsChat = true, TakesArguments = true,
        },
        new(
            ControlCommand.JsonWord, "{\"name\":\"NAME\",\"message\":\"TEXT\",\"color\":\"#RGB\",\"room\":\"ROOM\"}",
            "Send a chat message under any name; color and room may be left out.")
        {
            IsChat = true, TakesArguments = true,
        },
        new("kick", "kick IP|ID|USER",
            "Close the connections from an address or of a user, or the connection with this id (see \"clients\"), with 1008. Answer: how many.")
        {
            TakesArguments = true,
        },
        new("reload", "reload", "Read the configuration again, as SIGHUP does. The log has the outcome."),
        new("reopen", "reopen", "Reopen the log, as SIGUSR1 does."),
        new("stop", "stop", "Stop gracefully, as SIGTERM does."),
        new("status", "status", "Answer: pid, uptime_seconds, workers, connections, requests, deliveries, rooms, restarts, as one object."),
        new("rooms", "rooms [CURSOR]", "Answer: an object for each room: room, clients, messages, last_id, bytes.") { TakesArguments = true },
        new("clients", "clients [CURSOR]",
            "Answer: an object for each client: id, address, room, since (Unix time), lag (bytes that it has not received yet), user (if its token names one).")
        {
            TakesArguments = true,
        },
        new(
            "history", "history [@ROOM] [last N|after ID]",
            "Answer: the last N messages of a room and the announcements between them, or all behind an id, as clients get them; "
            + "the outcome also names the last id.")
        {
            TakesArguments = true,
        },
    ];
}
