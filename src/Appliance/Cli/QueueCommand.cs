using System.CommandLine;
using System.Globalization;
using Appliance.Ipc;
using Appliance.Native;

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
        var (key, queue) = Find(parsed, "remove");
        _ = queue.Remove().OrThrow($"queue remove: msgctl IPC_RMID {key}");
        return ExitCode.Fine;
    });

    /// <summary><c>queue list</c></summary>
    public static Command MakeList()
    {
        var command = new Command("list") { KeyOptions.Json };
        command.SetAction(parsed =>
        {
            List(parsed.GetValue(KeyOptions.Json));
            return ExitCode.Fine;
        });
        return command;
    }

    private static Command Make(string name, Func<ParseResult, int> run, params Option[] options)
    {
        var command = new Command(name);
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
        return (key, MessageQueue.Find(key) ?? throw new IOException($"queue {name}: there is no queue of key {key}"));
    }

    private static void Print(MessageQueueStatus status, SystemVKey key, bool json)
    {
        if (json)
        {
            var members = Fields.Select(field => Invariant($"\"{field.Name}\":{field.Read(status)}")).Prepend($"\"key\":\"{key}\"");
            Console.Out.WriteLine($"{{{string.Join(',', members)}}}");
            return;
        }

        foreach (var (name, read) in Fields)
        {
            long value = read(status);
            Console.Out.WriteLine(name switch
            {
                "msg_perm.mode" => $"{name}: 0{Convert.ToString(value, 8)}",
                "msg_stime" or "msg_rtime" or "msg_ctime" when value > 0 => Invariant($"{name}: {value} ({DateTimeOffset.FromUnixTimeSeconds(value).ToLocalTime():yyyy-MM-dd HH:mm:ss})"),
                _ => Invariant($"{name}: {value}"),
            });
        }
    }

    private static void List(bool json)
    {
        var queues = MessageQueue.All().ToList();
        if (json)
        {
            ListOutput.PrintArray(queues.Select(queue => Invariant(
                $$"""{"key":"{{new SystemVKey(queue.Status.msg_perm_key)}}","id":{{queue.Id}},"uid":{{queue.Status.msg_perm_uid}},"mode":{{queue.Status.msg_perm_mode & PermissionBits}},"messages":{{queue.Status.msg_qnum}},"bytes":{{queue.Status.msg_cbytes}},"bytes_max":{{queue.Status.msg_qbytes}}}""")));
            return;
        }

        ListOutput.PrintTable(
            ["key", "-id", "-owner", "-mode", "-messages", "-bytes", "-of"],
            queues.Select(queue => (string[])
            [
                new SystemVKey(queue.Status.msg_perm_key).ToString(),
                Invariant($"{queue.Id}"),
                Invariant($"{queue.Status.msg_perm_uid}"),
                $"0{Convert.ToString(queue.Status.msg_perm_mode & PermissionBits, 8)}",
                Invariant($"{queue.Status.msg_qnum}"),
                Invariant($"{queue.Status.msg_cbytes}"),
                Invariant($"{queue.Status.msg_qbytes}"),
            ]));
    }

    private static string Invariant(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
