using System.CommandLine;
using System.Globalization;
using Appliance.Native;
using Appliance.SystemV;

namespace Appliance.Cli;

/// <summary><c>queue stat</c>, <c>exists</c>, <c>remove</c>, <c>list</c></summary>
internal static class QueueCommand
{
    private const uint PermissionBits = 0x1FF;

    /// <summary>What a queue tells of itself: the names of PHP's msg_stat_queue, the ten of it first.</summary>
    private static readonly (string Name, Func<MessageQueueStatus, long> Read)[] Fields =
    [
        ("msg_perm.uid", status => status.msg_perm_uid),
        ("msg_perm.gid", status => status.msg_perm_gid),
        ("msg_perm.mode", status => status.msg_perm_mode & PermissionBits),
        ("msg_stime", status => status.msg_stime),
        ("msg_rtime", status => status.msg_rtime),
        ("msg_ctime", status => status.msg_ctime),
        ("msg_qnum", status => status.msg_qnum),
        ("msg_qbytes", status => status.msg_qbytes),
        ("msg_lspid", status => status.msg_lspid),
        ("msg_lrpid", status => status.msg_lrpid),
        ("msg_cbytes", status => status.msg_cbytes),
    ];

    /// <summary><c>queue stat</c></summary>
    public static Command MakeStat() => Make("stat", parsed =>
    {
        var (key, queue) = Find(parsed, "stat");
        Print(queue.ReadStatus(), key, parsed.GetValue(KeyOptions.Json));
        return ExitCode.Fine;
    }, KeyOptions.Json);

    /// <summary><c>queue exists</c></summary>
    public static Command MakeExists() => Make("exists", parsed =>
        MessageQueue.Find(KeyOptions.Read(parsed)) is null ? ExitCode.Failed : ExitCode.Fine);

    /// <summary><c>queue remove</c></summary>
    public static Command MakeRemove() => Make("remove", parsed =>
    {
        var key = KeyOptions.Read(parsed);
        return MessageQueue.Remove(key) ? ExitCode.Fine : throw NoQueue(key, "remove");
    });

    /// <summary><c>queue list</c></summary>
    public static Command MakeList()
    {
        var command = new ActionCommand("list") { KeyOptions.Json };
        command.SetAction(parsed =>
        {
            FieldReport.PrintTable([.. SystemVTable.Read().Where(found => found.Kind == SystemVKind.Queue).Select(Describe)], parsed.GetValue(KeyOptions.Json));
            return ExitCode.Fine;
        });
        return command;
    }

    private static ActionCommand Make(string name, Func<ParseResult, int> run, params Option[] options)
    {
        var command = new ActionCommand(name);
        KeyOptions.AddTo(command);
        foreach (var option in options)
        {
            command.Options.Add(option);
        }

        command.SetAction(run);
        return command;
    }

    private static (SystemVKey Key, MessageQueue Queue) Find(ParseResult parsed, string name)
    {
        var key = KeyOptions.Read(parsed);
        return (key, MessageQueue.Find(key) ?? throw NoQueue(key, name));
    }

    private static IOException NoQueue(SystemVKey key, string name) => new($"queue {name}: there is no queue of key {key}");

    private static void Print(MessageQueueStatus status, SystemVKey key, bool json) => FieldReport.Print(
        [
            .. json ? new Field[] { new("key", key.ToString()) } : [],
            .. Array.ConvertAll(Fields, field => new Field(field.Name, json ? field.Read(status) : Text(field.Name, field.Read(status)))),
        ],
        json);

    /// <summary>As PHP has it, and behind a time what it means.</summary>
    private static string Text(string name, long value) => name switch
    {
        "msg_perm.mode" => SystemVFailure.ModeText((uint)value),
        "msg_stime" or "msg_rtime" or "msg_ctime" when value > 0 => Invariant($"{value} ({Times.Text(value)})"),
        _ => Invariant($"{value}"),
    };

    private static Field[] Describe(SystemVObject queue) =>
    [
        new("key", new SystemVKey(queue.Key).ToString()),
        new("id", queue.Id),
        new("owner", Syscall.UserName(queue.User)),
        new("mode", SystemVFailure.ModeText(queue.Mode)),
        new("messages", queue.Messages),
        new("bytes", queue.Size),
    ];

    private static string Invariant(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
