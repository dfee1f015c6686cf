using System.Globalization;
using Appliance.Logging;
using Appliance.Loop;
using Appliance.Moderation;

namespace Appliance.Operators;

/// <summary>What clients ask for that may moderate: their workers have looked at their rights.</summary>
public sealed partial class CommandDispatcher
{
    /// <summary>Requests that wait; those beyond are refused.</summary>
    private const int AskedMax = 256;

    /// <summary>What workers are asked for a kick; the rule's line stands behind it.</summary>
    private const string RemoveWord = "remove";

    private readonly Queue<ControlCommand> _asked = new();

    /// <summary>Takes a request of a worker's client, for the next turn.</summary>
    public void AskFor(WorkerNumber worker, string text)
    {
        string[] lines = text.Split('\n');
        if (lines.Length != 3)
        {
            return;
        }

        var command = new ControlCommand { Word = "", Arguments = lines[1], Text = lines[2], Client = (worker, lines[0]) };
        if (_asked.Count == AskedMax)
        {
            _ = Finish(command, $"{WorkerQuestion.Failed}too many requests wait; try again later");
            return;
        }

        _asked.Enqueue(command);
        _wakeup.Set();
    }

    private void TakeAsked()
    {
        while (_open.Count < OpenQuestionsMax && _asked.TryDequeue(out var command))
        {
            if (ModerationRequest.OfLine(command.Text) is { } request)
            {
                Moderate(command, request);
            }
            else
            {
                _ = Finish(command, $"{WorkerQuestion.Failed}not understood");
            }
        }
    }

    /// <summary>Does what a client asks for; the answer comes when all workers have closed whom it concerns.</summary>
    private void Moderate(ControlCommand command, ModerationRequest request)
    {
        if (_commandLines.TryTake(NowMs))
        {
            _log.Write(EventCatalogue.ClientModerates, $"{request}", command.Arguments);
        }

        if (request.Step == ModerationStep.Delete)
        {
            string text = string.Create(CultureInfo.InvariantCulture, $"delete @{request.Rule.Subject} {request.Rule.SinceSeconds}");
            _ = AskAny(command with { Text = text }) || Finish(command, $"{WorkerQuestion.Failed}no worker can take it");
            return;
        }

        bool isKick = request.Step == ModerationStep.Kick;
        string outcome = isKick ? "ok" : _moderator.Do(new ModerationCommand(request.Step == ModerationStep.Remove, request.Rule), UnixMs / 1000);
        bool isAsked = outcome == "ok"
            && Ask(_host.ServingWorkers, new WorkerQuestion(command, NowMs + WorkerMsMax), isKick ? $"{RemoveWord} {request.Rule.Line}" : EnforceWord);
        _ = isAsked || Finish(command, outcome == "ok" ? "ok 0" : outcome);
    }
}
