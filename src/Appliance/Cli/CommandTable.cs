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
        new("status [--json|--nagios] [--watch]", "say how the server of --run-dir is: 0 runs, 1 is dead, 3 does not run", StatusCommand.Make),
        new("stop [--purge]", "stop it and wait; --purge also removes its System V objects, not its journal", SignalCommand.MakeStop),
        new("reload", "have it read the configuration again", SignalCommand.MakeReload),
        new("reopen", "have it open its log anew", SignalCommand.MakeReopen),
        new("upgrade", "have the binary on disk take over; no connection is dropped", SignalCommand.MakeUpgrade),
        new("say TEXT", "say something in a room; [--room R] [--name N] [--color C]", ControlCommands.MakeSay),
        new("rooms", "list the rooms", ControlCommands.MakeRooms),
        new("clients", "list the clients: id, address, room, since when, how many bytes behind", ControlCommands.MakeClients),
        new("kick ID|IP", "close a client's connection, or all from an address", ControlCommands.MakeKick),
        new("history", "print the last messages; [--room R] [-n N] [--follow] [--announcements]", HistoryCommand.Make),
        new("dump DIR", "write what a package installs below DIR: configuration, units, init script, manual; [--force]", DumpCommand.Make),
    ];

    /// <summary>What concerns System V objects, whoever's.</summary>
    public static IReadOnlyList<CommandRow> Ipc { get; } =
    [
        new("queue send --type N TEXT…", "put a message into a queue, as msg_send() of PHP; @FILE and - (stdin) for the text", QueueSendCommand.Make),
        new("queue receive [--type N]", "take a message; [--wait] [--all] [--exec COMMAND]", QueueReceiveCommand.Make),
        new("queue stat", "print how a queue is, with the names of msg_stat_queue() of PHP", QueueCommand.MakeStat),
        new("queue exists", "exit with 0 when there is one, 1 otherwise", QueueCommand.MakeExists),
        new("queue remove", "remove a queue with all that is in it", QueueCommand.MakeRemove),
        new("queue list", "print all queues of this host", QueueCommand.MakeList),
        new("shm put VAR VALUE", "store a variable as PHP's shm_put_var(): text, @FILE, or - for stdin; --grow makes room", ShmPutCommand.Make),
        new("shm get VAR", "print it; --json, --raw", ShmGetCommand.Make),
        new("shm has VAR", "exit with 0 when it is there, otherwise with 1", ShmHasCommand.Make),
        new("shm unset VAR", "remove it", ShmUnsetCommand.Make),
        new("shm list", "print all variables of a segment", ShmListCommand.Make),
        new("shm stat", "print how large a segment is, how full, and whose", ShmStatCommand.Make),
        new("shm remove", "remove a segment", ShmRemoveCommand.Make),
        new("sem run -- COMMAND...", "run a command that holds a semaphore: its exit status, or 1 when the semaphore was not to be had", SemRunCommand.Make),
        new("sem acquire --hold SECONDS", "hold it for a time", SemAcquireCommand.Make),
        new("sem stat", "print its value, who uses it and who waits", SemStatCommand.Make),
        new("sem remove", "remove it", SemRemoveCommand.Make),
        new("ipc list [--all]", "print the objects of this user, or of all: what they are, and who is left that uses them", IpcListCommand.Make),
        new("ipc key PATH [A]", "print the key of a file and a letter, as ftok() of PHP makes it", IpcKeyCommand.Make),
    ];

    /// <summary>All rows, in the order of the usage.</summary>
    public static IReadOnlyList<CommandRow> Rows { get; } = [.. Server, .. Ipc];
}
