using System.CommandLine;
using System.Globalization;
using Appliance.Native;
using Appliance.SystemV;

namespace Appliance.Cli;

/// <summary>
/// <c>queue receive</c>. A message is always taken whole, whatever was asked for: one that is too long would otherwise stay in front of
/// every consumer for ever.
/// </summary>
internal static class QueueReceiveCommand
{
    private const string Take = "take";
    private const string Truncate = "truncate";
    private const string Skip = "skip";

    private static readonly Option<string> Type =
        new("--type") { Description = "0 for all in order, N for that type, -N for the lowest type up to N [0]", HelpName = "N" };

    private static readonly Option<bool> Except = new("--except") { Arity = ArgumentArity.Zero, Description = "all types except --type" };

    private static readonly Option<bool> Wait =
        new("--wait") { Arity = ArgumentArity.Zero, Description = "wait for a message; create the queue if it does not exist, as msg_get_queue() does" };

    private static readonly Option<string> Timeout = new("--timeout") { Description = "wait at most this long", HelpName = "SECONDS" };

    private static readonly Option<bool> All =
        new("--all") { Arity = ArgumentArity.Zero, Description = "receive all messages, one after the other; with --wait forever" };

    private static readonly Option<string> Exec =
        new("--exec") { Description = "run this for each message: text on stdin, type in $APPLIANCE_MESSAGE_TYPE", HelpName = "COMMAND" };

    private static readonly Option<string> Max = new("--max") { Description = "longest expected message", HelpName = "BYTES" };

    private static readonly Option<string> Oversize = new("--oversize")
    {
        Description = "what to do with a longer message: take, truncate or skip it [take]",
        HelpName = "WHAT",
        DefaultValueFactory = _ => Take,
    };

    /// <summary>The command.</summary>
    public static Command Make()
    {
        var command = new ActionCommand("receive")
        {
            Type, Except, Wait, Timeout, All, Exec, Max, Oversize, ModeOptions.OfQueue, KeyOptions.Raw, KeyOptions.Json, KeyOptions.Php, KeyOptions.Plain,
        };
        KeyOptions.AddTo(command);
        command.SetAction(Run);
        return command;
    }

    private static int Run(ParseResult parsed)
    {
        if (parsed.GetValue(Oversize) is not (Take or Truncate or Skip))
        {
            throw CommandLine.Wrong($"--oversize: '{parsed.GetValue(Oversize)}' must be take, truncate or skip");
        }

        long type = NumberOptions.Whole(parsed, Type) ?? 0;
        bool except = parsed.GetValue(Except);
        if (except && type < 1)
        {
            throw CommandLine.Wrong("--except: --type must name the type that is not wanted, 1 or more");
        }

        var timeout = NumberOptions.Seconds(parsed, Timeout);
        int? max = NumberOptions.InRange(parsed, Max, 0, int.MaxValue);
        bool all = parsed.GetValue(All);
        bool wait = timeout is not null || parsed.GetValue(Wait);
        uint mode = ModeOptions.Read(parsed, ModeOptions.OfQueue, ModeOptions.Default);
        var output = new QueueOutput(
            parsed.GetValue(KeyOptions.Raw), parsed.GetValue(KeyOptions.Json), FormatOf(parsed), parsed.GetValue(Exec));
        var key = KeyOptions.Read(parsed);
        var queue = wait ? MessageQueue.Open(key, (int)mode)
            : MessageQueue.Find(key) ?? throw NoQueue(key);
        int received = 0;

        // A message that has left the queue is handed on whatever signal comes.
        using var interruption = new Interruption();
        interruption.Begin();
        SysResult result;
        do
        {
            QueueMessage message = default;
            using (var deadline = new Deadline(timeout, interruption))
            {
                result = deadline.Repeat(() => queue.Receive(type, except, wait, out message));
            }

            if (result.Ok)
            {
                received++;
                Hand(message, output, max, parsed.GetValue(Oversize)!);
            }
        }
        while (all && result.Ok);

        if (interruption.Came)
        {
            return ExitCode.Failed;
        }

        if (!result.Ok && result.Error is not (Errno.ENOMSG or Errno.EINTR))
        {
            throw result.Error is Errno.EIDRM or Errno.EINVAL
                ? new IOException($"queue receive: the queue of key {key} was removed{(wait ? " while this waited" : "")}")
                : queue.Failure("queue receive: msgrcv", result.Error);
        }

        bool found = received > 0 || (all && !wait);
        return !found ? throw new IOException($"queue receive: no message {Wanted(type, except)}{(wait ? Within(timeout) : "")}")
            : output.Failed ? ExitCode.Failed : ExitCode.Fine;
    }

    private static IOException NoQueue(SystemVKey key) =>
        new($"queue receive: there is no queue of key {key}; --wait makes it and waits, 'queue send' makes it as well");

    private static string Within(TimeSpan? timeout) => Invariant($" within {timeout?.TotalSeconds} s");

    private static QueueFormat FormatOf(ParseResult parsed) => (parsed.GetValue(KeyOptions.Php), parsed.GetValue(KeyOptions.Plain)) switch
    {
        (false, false) => QueueFormat.Either,
        (true, false) => QueueFormat.Php,
        (false, true) => QueueFormat.Plain,
        (true, true) => throw CommandLine.Wrong("--plain: the bytes as they are, excludes --php: PHP's format"),
    };

    private static void Hand(QueueMessage message, QueueOutput output, int? max, string oversize)
    {
        if (max is { } limit && message.Text.Length > limit)
        {
            string what = oversize switch { Take => "taken whole", Truncate => "cut", _ => "skipped" };
            StandardOutput.Complain(
                Invariant($"queue receive: a message of type {message.Type} has {message.Text.Length} bytes, more than --max {limit}: {what}"));
            if (oversize == Skip)
            {
                return;
            }

            message = oversize == Truncate ? message with { Text = message.Text[..limit] } : message;
        }

        output.Write(message);
    }

    private static string Wanted(long type, bool except) => type switch
    {
        0 => "in the queue",
        > 0 => Invariant($"{(except ? "of another type than" : "of type")} {type} in the queue"),
        _ => Invariant($"of a type up to {-(Int128)type} in the queue"),
    };

    private static string Invariant(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
