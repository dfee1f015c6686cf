using System.Globalization;
using Appliance.Loop;

namespace Appliance.Operators;

/// <summary>A command that one worker or several have been asked to do, and what they have answered so far.</summary>
internal sealed class WorkerQuestion(ControlCommand command, long untilMs)
{
    /// <summary>The beginning of an answer that reports a failure.</summary>
    public const string Failed = "failed ";

    private const string Ok = "ok";
    private const string More = "more ";

    private string _outcome = $"{Failed}no worker has answered in time";
    private string _lines = "";
    private long _count = -1;

    /// <summary>The command.</summary>
    public ControlCommand Command { get; } = command;

    /// <summary>When it is given up.</summary>
    public long UntilMs { get; } = untilMs;

    /// <summary>Of a list that one worker after the other adds to: how long it may become; 0 for any other question.</summary>
    public int ListBytesMax { get; init; }

    /// <summary>The only worker that was asked; null when there are several.</summary>
    public WorkerNumber? Worker { get; init; }

    /// <summary>Workers that have not answered.</summary>
    public int Awaited { get; set; }

    /// <summary>Whether a worker has told all it has, and another may go on.</summary>
    public bool WorkerIsDone => ListBytesMax > 0 && _outcome == Ok;

    /// <summary>What the list may still get.</summary>
    public int BytesLeft => ListBytesMax - _lines.Length;

    /// <summary>What came of it: the only answer, the sum of several, or that there was none.</summary>
    public string Outcome => _count > 0 ? string.Create(CultureInfo.InvariantCulture, $"{Ok} {_count}") : _outcome + _lines;

    /// <summary>Takes a worker's answer: <c>ok</c>, <c>ok COUNT</c>, <c>more NUMBER</c> or <c>failed REASON</c>, and further lines.</summary>
    public void Take(WorkerNumber worker, string answer)
    {
        Awaited--;
        int end = answer.IndexOf('\n', StringComparison.Ordinal);
        _outcome = end < 0 ? answer : answer[..end];
        _lines += end < 0 ? "" : answer[end..];
        if (_outcome.StartsWith("ok ", StringComparison.Ordinal)
            && long.TryParse(_outcome.AsSpan(3), NumberStyles.None, CultureInfo.InvariantCulture, out long count))
        {
            _count = Math.Max(_count, 0) + count;
        }

        if (_outcome.StartsWith(More, StringComparison.Ordinal))
        {
            GoOnAt(worker, _outcome[More.Length..]);
        }
    }

    /// <summary>The rest of the list is for another question.</summary>
    public void GoOnAt(WorkerNumber worker, string number) => _outcome = string.Create(CultureInfo.InvariantCulture, $"{More}{worker}-{number}");
}
