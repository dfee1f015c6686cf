using System.CommandLine;

namespace Appliance.Cli;

/// <summary>One command: a row of the table that usage and dispatch come from.</summary>
/// <param name="Synopsis">Name and arguments, as the usage shows them.</param>
/// <param name="Help">What it does, in one line.</param>
/// <param name="Make">Makes the command with its options and action.</param>
internal sealed record CommandRow(string Synopsis, string Help, Func<Command> Make)
{
    /// <summary>The word before the command's own, for one of a family: <c>shm</c> of <c>shm put VAR VALUE</c>.</summary>
    public string? FamilyOf(Command command)
    {
        string word = Synopsis.Split(' ')[0];
        return word == command.Name ? null : word;
    }
}

/// <summary>All commands.</summary>
internal static class CommandTable
{
    /// <summary>What concerns the server.</summary>
    public static IReadOnlyList<CommandRow> Server { get; } =
    [
        new("status [--json|--nagios] [--watch]", "print the state of the server; exit status 0: runs, 1: dead, 3: not running", StatusCommand.Make),
        new("stop [--purge]", "stop the server and wait; --purge also removes its System V objects, not its journal", SignalCommand.MakeStop),
        new("reload", "make the server read its configuration again", SignalCommand.MakeReload),
        new("reopen", "make the server reopen its log", SignalCommand.MakeReopen),
        new("upgrade", "let the binary on disk take over; no connection is dropped", SignalCommand.MakeUpgrade),
        new("say TEXT", "send a chat message; [--room R] [--name N] [--color C]", ControlCommands.MakeSay),
        new("rooms", "list the rooms", ControlCommands.MakeRooms),
        new("clients", "list the clients: id, address, room, since when, how many bytes they lag behind, user", ControlCommands.MakeClients),
        new("kick ID|IP|USER", "close a client's connection, or all from an address or of a user", ControlCommands.MakeKick),
        new("token --sub USER", "make a token for --auth jwt; [--name N] [--room R=rw] [--expires SECONDS] [--info JSON] [--auth-key FILE]", TokenCommand.Make),
        new("ban WHOM", "keep out an address, a network, user:ID or name:NAME; [--room R] [--for 12h] [--reason TEXT]", ModerationCommands.MakeBan),
        new("unban WHOM", "end a ban; [--room R]", ModerationCommands.MakeUnban),
        new("bans", "list bans, mutes and rooms with a state", ModerationCommands.MakeBans),
        new("mute WHOM", "let somebody read and not write; as ban", ModerationCommands.MakeMute),
        new("unmute WHOM", "end a mute; [--room R]", ModerationCommands.MakeUnmute),
        new("room NAME", "what may be done in a room: [--slow SECONDS] [--read-only] [--lock] [--close], or --open", ModerationCommands.MakeRoom),
        new("delete ID", "delete the text of a message, for everybody and in the journal; [--room R]", ModerationCommands.MakeDelete),
        new("history", "print the last messages; [--room R] [-n N] [--follow] [--announcements]", HistoryCommand.Make),
        new("dump DIR", "write what a package installs below DIR: configuration, units, init script, manual; [--force]", DumpCommand.Make),
    ];

    /// <summary>What concerns System V objects, whoever's.</summary>
    public static IReadOnlyList<CommandRow> Ipc { get; } =
    [
        new("queue send --type N TEXT…", "put a message into a queue, as PHP's msg_send(); the text may be @FILE or - (stdin)", QueueSendCommand.Make),
        new("queue receive [--type N]", "receive a message; [--wait] [--all] [--exec COMMAND]", QueueReceiveCommand.Make),
        new("queue stat", "print the state of a queue, with the names of PHP's msg_stat_queue()", QueueCommand.MakeStat),
        new("queue exists", "exit with 0 if the queue exists, otherwise with 1", QueueCommand.MakeExists),
        new("queue remove", "remove a queue and all messages in it", QueueCommand.MakeRemove),
        new("queue list", "print all queues of this host", QueueCommand.MakeList),
        new("shm put VAR VALUE", "store a variable as PHP's shm_put_var(): text, @FILE, or - for stdin; --grow makes room", ShmPutCommand.Make),
        new("shm get VAR", "print a variable; --json, --raw", ShmGetCommand.Make),
        new("shm has VAR", "exit with 0 if the variable exists, otherwise with 1", ShmHasCommand.Make),
        new("shm unset VAR", "remove a variable", ShmUnsetCommand.Make),
        new("shm list", "print all variables of a segment", ShmListCommand.Make),
        new("shm stat", "print size, use and owner of a segment", ShmStatCommand.Make),
        new("shm remove", "remove a segment and all its variables", ShmRemoveCommand.Make),
        new(
            "sem run -- COMMAND...", "run a command while it holds a semaphore; exit status: the command's, or 1 if the semaphore was not acquired",
            SemRunCommand.Make),
        new("sem acquire --hold SECONDS", "hold a semaphore for a time", SemAcquireCommand.Make),
        new("sem stat", "print value, users and waiters of a semaphore", SemStatCommand.Make),
        new("sem remove", "remove a semaphore", SemRemoveCommand.Make),
        new("ipc list [--all]", "print the System V objects of this user, or of all: what they are, and which processes use them", IpcListCommand.Make),
        new("ipc key PATH [A]", "print the key of a file and a letter, as PHP's ftok()", IpcKeyCommand.Make),
    ];

    /// <summary>All rows, in the order of the usage.</summary>
    public static IReadOnlyList<CommandRow> Rows { get; } = [.. Server, .. Ipc];
}
