using System.Globalization;
using Appliance.Loop;
using Appliance.Moderation;
using Appliance.Protocols;

namespace Appliance.Operators;

/// <summary>Commands that several workers have a part in.</summary>
public sealed partial class CommandDispatcher
{
    /// <summary>With less room left, a list goes on in the next answer.</summary>
    private const int ListBytesMin = 1280;

    /// <summary>What workers are asked once rules have changed.</summary>
    private const string EnforceWord = "enforce";

    /// <summary>Changes what all processes share, and has the workers close whom it keeps out before the answer is given.</summary>
    private bool Moderate(ControlCommand command)
    {
        var read = ModerationCommand.Read(command.Word, command.Arguments, UnixMs / 1000, out string wrong);
        string outcome = read is null ? $"{WorkerQuestion.Failed}{wrong}" : _moderator.Do(read, UnixMs / 1000);
        bool isAsked = outcome == "ok" && Ask(_host.ServingWorkers, new WorkerQuestion(command, NowMs + WorkerMsMax), EnforceWord);
        return isAsked || Finish(command, outcome == "ok" ? "ok 0" : outcome);
    }

    /// <summary><c>clients [WORKER-NUMBER]</c>: one worker at a time, the next one when the first has no more.</summary>
    private bool AskForClients(ControlCommand command)
    {
        string[] cursor = command.Arguments.Split('-');
        int from = 0;
        int first = 0;
        if (command.Arguments.Length > 0 && (cursor.Length != 2
            || !int.TryParse(cursor[0], NumberStyles.None, CultureInfo.InvariantCulture, out from)
            || !int.TryParse(cursor[1], NumberStyles.None, CultureInfo.InvariantCulture, out first)))
        {
            return Finish(command, $"failed {PrintableText.Quote(command.Arguments)} is not a cursor from an answer's first line: more CURSOR");
        }

        if (NextWorker(new WorkerNumber(from)) is not { } worker)
        {
            return Answer(command, "ok");
        }

        int bytesMax = _queue.AnswerBytesMax - OutcomeBytesMax;
        var question = new WorkerQuestion(command, NowMs + WorkerMsMax) { ListBytesMax = bytesMax };
        return Ask([worker], question, string.Create(CultureInfo.InvariantCulture, $"clients {(worker.Value == from ? first : 0)} {bytesMax}"));
    }

    /// <summary>The list has room left when a worker has told all: the next one goes on with it; false when there is none, or no room.</summary>
    private bool TryAskNext(WorkerNumber worker, long ticket, WorkerQuestion question)
    {
        if (NextWorker(new WorkerNumber(worker.Value + 1)) is not { } next)
        {
            return false;
        }

        question.Awaited = 1;
        bool asked = question.BytesLeft >= ListBytesMin
            && _host.Ask(next, string.Create(CultureInfo.InvariantCulture, $"{ticket} clients 0 {question.BytesLeft}"));
        if (!asked)
        {
            question.Awaited = 0;
            question.GoOnAt(next, "0");
        }

        return asked;
    }

    private WorkerNumber? NextWorker(WorkerNumber from)
    {
        foreach (var worker in _host.ServingWorkers)
        {
            if (worker.Value >= from.Value)
            {
                return worker;
            }
        }

        return null;
    }
}
