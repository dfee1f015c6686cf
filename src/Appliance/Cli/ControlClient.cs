using System.CommandLine;
using System.Globalization;
using System.Text;
using Appliance.Config;
using Appliance.Master;
using Appliance.Native;
using Appliance.Operators;
using Appliance.Protocols;
using Appliance.Rooms;
using Appliance.SystemV;

namespace Appliance.Cli;

/// <summary>Asks the running server through its message queue: the way that is open to every program of its group.</summary>
internal sealed class ControlClient
{
    /// <summary>What a loaded machine may need; an answer usually takes less than a millisecond.</summary>
    private const double AnswerSeconds = 10;

    private const string Failed = "failed ";
    private const string More = "more ";
    private const string Refused = "--control";

    private readonly string _command;
    private readonly MessageQueue _queue;
    private readonly string _stateDirectory;
    private readonly long _asker;

    private ControlClient(string command, MessageQueue queue, string stateDirectory)
    {
        _command = command;
        _queue = queue;
        _stateDirectory = stateDirectory;

        // In a container this may be process 1, but commands have that message type.
        _asker = Math.Max(Environment.ProcessId, ControlQueue.CommandType + 1);
        _ = queue.Discard(_asker);
    }

    /// <summary>A client of the server that a command line means.</summary>
    /// <param name="command">The command, for messages.</param>
    /// <param name="parsed">Its command line.</param>
    /// <exception cref="IOException">No server runs there, or it has no queue that this user may use.</exception>
    public static ControlClient Open(string command, ParseResult parsed) => Open(command, CommandLine.ReadPlaces(parsed));

    /// <summary>Asks, and returns what stands behind <c>ok</c> or <c>more</c>, and the lines below.</summary>
    /// <exception cref="IOException">The server refuses, or does not answer.</exception>
    public (bool HasMore, string Word, string[] Lines) Ask(string question)
    {
        // What everybody may needs no proof, unless the server's administrator has taken that away.
        string[] lines = Ask(question, ControlWords.Find(CommandText.Split(question).Word) is { IsChange: true });
        lines = IsFailure(lines) && lines[0].Contains(Refused, StringComparison.Ordinal) ? Ask(question, proves: true) : lines;
        int space = lines[0].IndexOf(' ', StringComparison.Ordinal);
        return IsFailure(lines)
            ? throw new IOException($"{_command}: {lines[0][Failed.Length..]}")
            : (lines[0].StartsWith(More, StringComparison.Ordinal), space < 0 ? "" : lines[0][(space + 1)..], lines[1..]);
    }

    private static bool IsFailure(string[] lines) => lines[0].StartsWith(Failed, StringComparison.Ordinal);

    private string[] Ask(string question, bool proves)
    {
        string text = question.Trim();
        string? proof = proves ? ControlProof.TryWrite(_stateDirectory, text) : null;
        try
        {
            return Exchange(proof is null ? text : $"proof {proof} {text}");
        }
        finally
        {
            if (proof is not null)
            {
                ControlProof.Remove(_stateDirectory, proof);
            }
        }
    }

    private string[] Exchange(string question)
    {
        byte[] bytes = Encoding.UTF8.GetBytes(string.Create(CultureInfo.InvariantCulture, $"ask {_asker} {question}"));
        int bytesMax = Math.Min(MessageQueue.Limits.MessageBytesMax, ControlCommand.BytesMax);
        if (bytes.Length > bytesMax)
        {
            throw new IOException(string.Create(
                CultureInfo.InvariantCulture, $"{_command}: {bytes.Length} bytes are more than one message may hold, {bytesMax} (kernel.msgmax)"));
        }

        QueueMessage answer = default;
        using var deadline = new Deadline(TimeSpan.FromSeconds(AnswerSeconds));
        var done = deadline.Repeat(() => _queue.Send(ControlQueue.CommandType, bytes, wait: true));
        done = done.Ok ? deadline.Repeat(() => _queue.Receive(_asker, except: false, wait: true, out answer)) : done;
        if (!done.Ok)
        {
            throw done.Error is Errno.EINTR ? new IOException($"{_command}: the server has not answered; its log may say why")
                : done.Error is Errno.EIDRM or Errno.EINVAL
                    ? new IOException($"{_command}: the server's queue is gone: {SyscallException.Describe(done.Error)}")
                : _queue.Failure($"{_command}: use", done.Error);
        }

        return Encoding.UTF8.GetString(answer.Text).Split('\n');
    }

    /// <summary>Asks for a list, page by page: each object as it comes.</summary>
    /// <param name="question">Without a cursor.</param>
    public IEnumerable<JsonLine> AskForList(string question)
    {
        string cursor = "";
        bool hasMore = true;
        while (hasMore)
        {
            (hasMore, cursor, string[] lines) = Ask($"{question} {cursor}");
            foreach (string line in lines)
            {
                yield return JsonLine.Read(line);
            }
        }
    }

    private static ControlClient Open(string command, Settings settings)
    {
        _ = RunningServer.PidOf(settings.RunDirectory, settings.StateDirectory)
            ?? throw ServerPlaces.NoServer(command, settings);
        string directory = settings.StateDirectory;
        ServerPlaces.RequireState(command, settings);
        var queue = MessageQueue.Find(SystemVKey.OfPath(directory, SystemVKey.DefaultProject))
            ?? throw new IOException(
                $"{command}: the server has no queue of --state-dir {directory}: give the --state-dir of the server, or wait until it has started; "
                + "its log says more");
        var looked = Syscall.PermissionsOf(SystemVKind.Queue, queue.Id, out var permissions);
        if (looked.Ok && !StateObjects.OwnersOf(directory).Covers(permissions))
        {
            string owner = Ownership.Describe(SystemVKind.Queue, permissions.Key);
            throw new IOException(
                $"{command}: the queue of --state-dir {directory} is not the server's: it belongs to {owner}; 'ipcrm -q {queue.Id}' removes it, "
                + "and the server makes its own");
        }

        return new ControlClient(command, queue, directory);
    }
}
