using System.Diagnostics;
using System.Globalization;
using System.Text;
using Appliance.Config;
using Appliance.Logging;
using Appliance.Loop;
using Appliance.Native;
using Appliance.Php;
using Appliance.Protocols;
using Appliance.Rooms;

namespace Appliance.Operators;

/// <summary>
/// Does what comes through the control queue, on the thread of the loop and a little at a time. What concerns clients is passed on to
/// workers, a question each; who asked gets one message, <c>ok</c>, <c>more CURSOR</c> or <c>failed REASON</c> in the first line. A long
/// list is asked for page by page, so that no more than one message waits for anybody, and nothing here waits for any asker.
/// </summary>
public sealed partial class CommandDispatcher : IDisposable
{
    /// <summary>Commands of one turn: signals and workers come next.</summary>
    private const int CommandsPerTurn = 64;

    /// <summary>Questions that workers have not answered.</summary>
    private const int OpenQuestionsMax = 256;

    /// <summary>How long a worker may take to answer, and a command may wait for a worker.</summary>
    private const int WorkerMsMax = 2000;

    /// <summary>Room for the first line of an answer.</summary>
    private const int OutcomeBytesMax = 64;

    private const int WaitingPollMs = 10;
    private const int UntoldPollMs = 1000;

    private readonly ControlQueue _queue;
    private readonly string _stateDirectory;
    private readonly Moderator _moderator;
    private readonly RoomLog _rooms;
    private readonly EventLog _log;
    private readonly DropLog _dropped;
    private readonly LineLimit _commandLines;
    private readonly PacedAction _reload;
    private readonly PacedAction _reopen;
    private readonly AnswerOutbox _answers;
    private readonly Wakeup _wakeup = new();
    private readonly StandbyTimer _timer;
    private readonly Entry[] _table;
    private readonly Dictionary<long, WorkerQuestion> _open = [];
    private IControlHost _host = null!;
    private ControlCommand? _held;
    private long _heldUntilMs;
    private long _ticket;
    private WorkerNumber? _silentWorker;

    /// <summary>A desk for a queue, which it owns, of the server of a state directory.</summary>
    public CommandDispatcher(ControlQueue queue, string stateDirectory, Moderator moderator, RoomLog rooms, EventLog log)
    {
        _queue = queue;
        _stateDirectory = stateDirectory;
        _moderator = moderator;
        _rooms = rooms;
        _log = log;
        _dropped = new DropLog(log);
        _commandLines = new LineLimit(log, EventCatalogue.QueueCommandsMore);
        _reload = new PacedAction(() => _host.Reload());
        _reopen = new PacedAction(() => _host.Reopen());
        _answers = new AnswerOutbox(queue, log);
        _timer = new StandbyTimer(_wakeup.Set);
        _table = [.. ControlWords.Rows.Select(row => new Entry(row, RunnerOf(row.Word)))];
    }

    private sealed record Entry(ControlWord Row, Func<ControlCommand, bool> Run);

    /// <summary>How a command is run: false when it must wait because no worker can take it now.</summary>
    private Func<ControlCommand, bool> RunnerOf(string word) => word switch
    {
        "say" or "delete" or ControlCommand.JsonWord => AskAny,
        "kick" => AskAll,
        "reload" => command => Do(command, _reload.Request),
        "reopen" => command => Do(command, _reopen.Request),
        "stop" => command => Do(command, _host.Stop),
        "ban" or "unban" or "mute" or "unmute" or "room" => Moderate,
        "bans" => command => Finish(command, _moderator.List(command.Arguments, _queue.AnswerBytesMax, UnixMs / 1000)),
        "clients" => AskForClients,
        "status" => command => Finish(command, RoomReport.Status(_rooms, Environment.ProcessId, UnixMs)),
        "rooms" => command => Finish(command, RoomReport.Rooms(_rooms, command.Arguments, _queue.AnswerBytesMax)),
        "history" => command => Finish(command, RoomReport.History(_rooms, command.Arguments, _queue.AnswerBytesMax)),
        _ => throw new UnreachableException(),
    };

    /// <summary>What the loop watches for reading: then it is <see cref="Turn"/>'s turn.</summary>
    public int Descriptor => _wakeup.Descriptor;

    /// <summary>The queue, for those who want its figures.</summary>
    public ControlQueue Queue => _queue;

    private long NowMs => _host.NowMs;

    private static long UnixMs => DateTimeOffset.UtcNow.ToUnixTimeMilliseconds();

    /// <summary>Begins to serve: the queue is made now.</summary>
    /// <param name="host">Who does what is asked for.</param>
    /// <param name="isSuccessor">Whether this process goes on where another one of the same server has left the queue.</param>
    public void Start(IControlHost host, bool isSuccessor)
    {
        _host = host;
        _queue.MaySay = () => (_host.Rights & ControlRights.Say) != 0;
        _queue.Start(_wakeup.Set, isSuccessor);
    }

    /// <summary>Leaves the queue, with what nobody has taken yet, to the next process; what was taken is brought to its end here.</summary>
    public void HandOver() => _queue.Release();

    /// <summary>The next process may begin to read: this one does not any more.</summary>
    public void Finish() => _queue.Finish();

    /// <summary>There is no next process: this one goes on with the queue.</summary>
    public void TakeBack() => _queue.Reclaim();

    /// <summary>Takes what has come, as much as fits into a turn, and looks after what is still under way.</summary>
    public void Turn()
    {
        _wakeup.Clear();
        int taken = 0;
        while (taken < CommandsPerTurn && _open.Count < OpenQuestionsMax && TryRunHeld() && _queue.TryTake(out var message))
        {
            taken++;
            Take(message);
        }

        TakeAsked();
        _reload.Turn(NowMs);
        _reopen.Turn(NowMs);
        ExpireQuestions();
        _dropped.TellSum(NowMs);
        _commandLines.TellSum(NowMs);
        bool waits = _answers.Retry(NowMs);
        if (taken == CommandsPerTurn || _asked.Count > 0)
        {
            _wakeup.Set();
        }

        int nextMs = waits || _held is not null || _reload.IsPending || _reopen.IsPending ? WaitingPollMs
            : _open.Count > 0 || _dropped.Untold > 0 || _commandLines.Untold > 0 || _answers.HasUntaken ? UntoldPollMs
            : Timeout.Infinite;
        _timer.Set(nextMs);
    }

    /// <summary>A worker has answered: <c>TICKET ok …</c>.</summary>
    public void OnAnswer(WorkerNumber worker, string text)
    {
        int space = text.IndexOf(' ', StringComparison.Ordinal);
        if (space < 0 || !long.TryParse(text.AsSpan(0, space), NumberStyles.None, CultureInfo.InvariantCulture, out long ticket)
            || !_open.TryGetValue(ticket, out var question))
        {
            return;
        }

        _silentWorker = _silentWorker == worker ? null : _silentWorker;
        question.Take(worker, text[(space + 1)..]);
        if (question.Awaited > 0 || (question.WorkerIsDone && TryAskNext(worker, ticket, question)))
        {
            return;
        }

        if (_open.Count == OpenQuestionsMax)
        {
            // Nothing more was taken until one of them was answered.
            _wakeup.Set();
        }

        Close(ticket, question);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _queue.Dispose();
        _timer.Dispose();
        _wakeup.Dispose();
    }

    private void Take(ControlMessage message)
    {
        var command = message.Command;
        string reason = message.Reason;
        var found = command is null ? null : Array.Find(_table, entry => entry.Row.Word == command.Word);
        var row = found?.Row;
        if (command is not null)
        {
            reason = row is null ? "no command begins so"
                : !row.TakesArguments && command.Arguments.Length > 0 ? $"'{row.Word}' stands alone: nothing may follow it"
                : "";
        }

        if (command is null || found is null || row is null || reason.Length > 0)
        {
            _dropped.Note(message.Text, reason, NowMs);
            _ = command is { Asker: > 0 } && Answer(command, $"failed {reason}");
            return;
        }

        if (message.IsOld && !row.IsChat)
        {
            _dropped.Note(message.Text, "sent before this server started", NowMs);
            return;
        }

        var sender = command.Proof.Length > 0 ? ControlProof.Take(_stateDirectory, command.Proof, command.Text) ?? message.Sender : message.Sender;
        if (!sender.IsTrusted && (_host.Rights & row.Right) == 0)
        {
            string why = $"{sender} may not: others than the server's user and root need '{ControlSetting.WordOf(row.Right)}' in --control";
            _dropped.Note(message.Text, why, NowMs);
            _ = Answer(command, $"{WorkerQuestion.Failed}{why}");
            return;
        }

        if ((row.IsChange || (!row.IsChat && command.Asker == 0)) && _commandLines.TryTake(NowMs))
        {
            _log.Write(EventCatalogue.QueueCommand, PrintableText.Quote(command.Text), sender);
        }

        if (!found.Run(command))
        {
            (_held, _heldUntilMs) = (command, NowMs + WorkerMsMax);
        }
    }

    /// <summary>Tries once more what no worker could take; false while none can, and nothing else is taken then.</summary>
    private bool TryRunHeld()
    {
        if (_held is not { } held)
        {
            return true;
        }

        bool done = Array.Find(_table, entry => entry.Row.Word == held.Word)!.Run(held);
        if (!done && NowMs < _heldUntilMs)
        {
            return false;
        }

        _held = null;
        _ = done || Finish(held, "failed no worker can take it");
        return true;
    }

    private bool Do(ControlCommand command, Action act)
    {
        _ = Answer(command, "ok");
        act();
        return true;
    }

    /// <summary>Whichever worker comes first, but one that was too slow to answer only if there is no other.</summary>
    private bool AskAny(ControlCommand command)
    {
        WorkerNumber? any = null;
        foreach (var worker in _host.ServingWorkers)
        {
            any = any is null || any == _silentWorker ? worker : any;
        }

        return any is { } one && Ask([one], new WorkerQuestion(command, NowMs + WorkerMsMax) { Worker = one }, command.Text);
    }

    private bool AskAll(ControlCommand command) =>
        Ask(_host.ServingWorkers, new WorkerQuestion(command, NowMs + WorkerMsMax), command.Text);

    private bool Ask(IReadOnlyList<WorkerNumber> workers, WorkerQuestion question, string text)
    {
        long ticket = ++_ticket;
        _open.Add(ticket, question);
        question.Awaited = workers.Count;
        int asked = 0;
        foreach (var worker in workers)
        {
            bool passed = _host.Ask(worker, string.Create(CultureInfo.InvariantCulture, $"{ticket} {text}"));
            asked += passed ? 1 : 0;
            question.Awaited -= passed ? 0 : 1;
        }

        if (asked == 0)
        {
            _ = _open.Remove(ticket);
        }

        return asked > 0;
    }

    private void ExpireQuestions()
    {
        if (_open.Count == 0)
        {
            return;
        }

        foreach (var (ticket, question) in _open)
        {
            if (question.UntilMs < NowMs)
            {
                _silentWorker = question.Worker ?? _silentWorker;
                Close(ticket, question);
            }
        }
    }

    private void Close(long ticket, WorkerQuestion question)
    {
        _ = _open.Remove(ticket);
        _ = Finish(question.Command, question.Outcome);
    }

    /// <summary>Answers the asker; a failure without an asker goes to the log.</summary>
    private bool Finish(ControlCommand command, string outcome)
    {
        if (command.Asker == 0 && command.Client is null && outcome.StartsWith(WorkerQuestion.Failed, StringComparison.Ordinal))
        {
            _dropped.Note(Encoding.UTF8.GetBytes(command.Text), outcome[WorkerQuestion.Failed.Length..], NowMs);
        }

        return Answer(command, outcome);
    }

    private bool Answer(ControlCommand command, string text)
    {
        if (command.Client is { } client)
        {
            _host.TellOutcome(client.Worker, $"{client.Reference} {text}");
        }
        else if (command.Asker > 0)
        {
            byte[] bytes = Encoding.UTF8.GetBytes(text);
            _answers.Put(command.Asker, command.IsPhp ? PhpSerialization.Write(new PhpString(bytes)) : bytes, NowMs);
        }

        return true;
    }
}
