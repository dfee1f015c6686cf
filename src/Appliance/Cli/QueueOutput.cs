using System.Globalization;
using System.Text;
using Appliance.Master;
using Appliance.Native;
using Appliance.Php;
using Appliance.Protocols;
using Appliance.SystemV;

namespace Appliance.Cli;

/// <summary>What messages are taken for.</summary>
internal enum QueueFormat
{
    /// <summary>Values where they are in PHP's format, bytes otherwise.</summary>
    Either,

    /// <summary>Values in PHP's format; whatever is not is complained about.</summary>
    Php,

    /// <summary>Bytes.</summary>
    Plain,
}

/// <summary>What becomes of received messages: a line each, their bytes, JSON, or the input of a command.</summary>
internal sealed unsafe class QueueOutput(bool raw, bool json, QueueFormat format, string? command)
{
    private const string Shell = "/bin/sh";
    private const string TypeVariable = "APPLIANCE_MESSAGE_TYPE";

    /// <summary>Whether anything was not as it was said to be, or a command failed.</summary>
    public bool Failed { get; private set; }

    /// <summary>Hands a message on.</summary>
    public void Write(QueueMessage message)
    {
        PhpValue? value = null;
        if (format != QueueFormat.Plain && !PhpSerialization.TryRead(message.Text, out value, out string reason) && format == QueueFormat.Php)
        {
            Complain(Invariant($"a message of type {message.Type} is not in PHP's format, {reason}; it follows as it is"));
        }

        if (command is null)
        {
            Print(message, value);
        }
        else if (Execute(message.Type, BytesOf(message, value)) is { } failure)
        {
            // It is out of the queue: nobody else will see it.
            Complain(Invariant($"--exec: {failure} for a message of type {message.Type}; it follows"));
            Print(message, value);
        }
    }

    private static byte[] BytesOf(QueueMessage message, PhpValue? value) => value switch
    {
        null => message.Text,
        PhpString text => text.Bytes.ToArray(),
        _ => Encoding.UTF8.GetBytes(PhpJson.Show(value)),
    };

    private void Print(QueueMessage message, PhpValue? value)
    {
        if (raw)
        {
            StandardOutput.Current.Write(BytesOf(message, value));
        }
        else if (json)
        {
            StandardOutput.Out.WriteLine(Invariant($$"""{"type":{{message.Type}},"message":{{PhpJson.Show(value ?? new PhpString(message.Text))}}}"""));
        }
        else
        {
            StandardOutput.Out.WriteLine(
                Invariant($"msgtype: {message.Type}, message: {(value is null ? PrintableText.Escape(message.Text) : PhpText.Show(value))}"));
        }
    }

    /// <summary>Runs the command with a message on its stdin; returns how it failed, or null.</summary>
    private string? Execute(long type, byte[] bytes)
    {
        // Whoever started this process may have had it ignored.
        Syscall.SetDefaultAction(Syscall.SIGCHLD);
        var piped = Syscall.Pipe(out int reading, out int writing);
        if (!piped.Ok)
        {
            return $"pipe2: {SyscallException.Describe(piped.Error)}";
        }

        var spawned = Syscall.Spawn(new SpawnRequest
        {
            Path = Shell,
            Arguments = [Shell, "-c", command!],
            Environment = new Dictionary<string, string?>(StringComparer.Ordinal) { [TypeVariable] = type.ToString(CultureInfo.InvariantCulture) },
            Standard = [reading, 1, 2],
        });
        _ = Syscall.Close(reading);
        if (spawned.Ok)
        {
            Feed(writing, bytes);
        }

        _ = Syscall.Close(writing);
        return spawned.Ok ? Await(spawned.Value) : new SyscallException($"posix_spawn {Shell}", spawned.Error, TaskLimit.WayOut(spawned.Error)).Message;
    }

    /// <summary>Waits for the command; returns how it failed, or null. One of which nobody knows how it ended may have failed.</summary>
    private string? Await(int pid)
    {
        var how = Syscall.Wait(pid, alsoOrphans: Environment.ProcessId == 1, out int status).Ok ? new ExitStatus(status) : ExitStatus.Unknown;
        return how.IsFine ? null : $"{command}: {how}";
    }

    /// <summary>Writes a message into the command's stdin. A command that does not read all of it is none of our business.</summary>
    private static void Feed(int writing, byte[] bytes)
    {
        Syscall.SetBrokenPipe(ends: false);
        fixed (byte* start = bytes)
        {
            int written = 0;
            bool reads = true;
            while (reads && written < bytes.Length)
            {
                var some = Syscall.Write(writing, start + written, bytes.Length - written);
                written += some.Ok ? some.Value : 0;
                reads = some.Ok || some.Error == Errno.EINTR;
            }
        }

        Syscall.SetBrokenPipe(ends: true);
    }

    private void Complain(string what)
    {
        Failed = true;
        StandardOutput.Complain($"queue receive: {what}");
    }

    private static string Invariant(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
