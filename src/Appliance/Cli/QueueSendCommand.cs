using System.CommandLine;
using System.Globalization;
using Appliance.Native;
using Appliance.Php;
using Appliance.SystemV;

namespace Appliance.Cli;

/// <summary><c>queue send --type N TEXT…</c>, by default as PHP's msg_send() does, so that msg_receive() takes it.</summary>
internal static class QueueSendCommand
{
    private static readonly Option<string> Type = new("--type") { Description = "message type, 1 or more [1]", HelpName = "N" };

    private static readonly Option<bool> NoWait = new("--nowait") { Arity = ArgumentArity.Zero, Description = "fail at once when the queue is full" };

    private static readonly Option<string> Timeout = new("--timeout") { Description = "wait at most this long for space in the queue", HelpName = "SECONDS" };

    private static readonly Option<bool> Php = new("--php") { Arity = ArgumentArity.Zero, Description = "in PHP's serialize() format (the default)" };

    private static readonly Argument<string[]> Text = new("TEXT") { Arity = ArgumentArity.OneOrMore };

    /// <summary>The command.</summary>
    public static Command Make()
    {
        var command = new ActionCommand("send") { Text, Type, NoWait, Timeout, ModeOptions.OfQueue, Php, KeyOptions.Plain, KeyOptions.Json };
        KeyOptions.AddTo(command);
        command.SetAction(Run);
        return command;
    }

    private static int Run(ParseResult parsed)
    {
        long type = NumberOptions.Whole(parsed, Type) ?? 1;
        if (type < 1)
        {
            throw CommandLine.Wrong(Invariant($"--type: '{type}' must be 1 or more: 0 and below have a meaning for receivers alone"));
        }

        var key = KeyOptions.Read(parsed);
        uint mode = ModeOptions.Read(parsed, ModeOptions.OfQueue, ModeOptions.Default);
        var patience = NumberOptions.Patience(parsed, NoWait, Timeout);
        byte[] text = Body(parsed);
        CheckSize(text.Length);
        var queue = MessageQueue.Open(key, (int)mode);
        CheckSize(queue, key, text.Length);
        using var deadline = new Deadline(patience);
        var sent = deadline.Repeat(() => queue.Send(type, text, wait: patience != TimeSpan.Zero));
        return sent.Ok ? ExitCode.Fine
            : sent.Error is Errno.EAGAIN or Errno.EINTR ? throw new IOException(WhyFull(queue, key))
            : sent.Error is Errno.EIDRM or Errno.EINVAL ? throw new IOException($"queue send: the queue of key {key} was removed while this waited for space")
            : throw queue.Failure("queue send: msgsnd", sent.Error);
    }

    private static byte[] Body(ParseResult parsed)
    {
        bool plain = parsed.GetValue(KeyOptions.Plain);
        if (plain && (parsed.GetValue(Php) || parsed.GetValue(KeyOptions.Json)))
        {
            throw CommandLine.Wrong("--plain: the bytes as they are, excludes --php and --json: PHP's format");
        }

        byte[] bytes = ValueSource.Read(parsed.GetValue(Text)!);
        if (parsed.GetValue(KeyOptions.Json))
        {
            var value = PhpJson.Read(bytes, out string reason) ?? throw new IOException(
                $"queue send: --json: the text is not JSON: {reason}; a text needs quotes in JSON, or leave out --json");
            return PhpSerialization.Write(value);
        }

        return plain ? bytes : PhpSerialization.Write(new PhpString(bytes));
    }

    private static void CheckSize(int bytes)
    {
        int messageMax = MessageQueue.Limits.MessageBytesMax;
        if (bytes > messageMax)
        {
            throw new IOException(
                Invariant($"queue send: a message of {bytes} bytes is longer than kernel.msgmax, {messageMax}: send less, or raise it ")
                + Invariant($"(sysctl -w kernel.msgmax={bytes} kernel.msgmnb={4L * bytes}; msgmnb counts for new queues)"));
        }
    }

    /// <summary>The kernel waits for ever with a message that will never fit.</summary>
    private static void CheckSize(MessageQueue queue, SystemVKey key, int bytes)
    {
        if (Syscall.MessageStatus(queue.Id, out var status).Ok && bytes > status.msg_qbytes)
        {
            throw new IOException(
                Invariant($"queue send: a message of {bytes} bytes is longer than the whole queue of key {key}, ")
                + Invariant($"msg_qbytes {status.msg_qbytes} (kernel.msgmnb when it was made)"));
        }
    }

    private static string WhyFull(MessageQueue queue, SystemVKey key)
    {
        bool known = Syscall.MessageStatus(queue.Id, out var status).Ok;
        string how = known ? Invariant($": {status.msg_qnum} messages, {status.msg_cbytes} of {status.msg_qbytes} bytes (kernel.msgmnb)") : "";
        return $"queue send: the queue of key {key} is full{how}; receive from it, or make it anew after raising kernel.msgmnb";
    }

    private static string Invariant(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
