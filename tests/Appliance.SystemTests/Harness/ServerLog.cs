using System.Text.RegularExpressions;

namespace Appliance.SystemTests.Harness;

/// <summary>The lines that a process writes, waited for as they come. Safe for use from several threads.</summary>
public sealed class ServerLog
{
    private static readonly TimeSpan RegexLimit = TimeSpan.FromSeconds(1);

    private readonly Lock _gate = new();
    private readonly List<string> _lines = [];
    private TaskCompletionSource _changed = NewSignal();
    private bool _ended;

    /// <summary>All lines so far.</summary>
    public IReadOnlyList<string> Lines
    {
        get
        {
            lock (_gate)
            {
                return [.. _lines];
            }
        }
    }

    /// <summary>Takes one line; null is the end.</summary>
    public void Add(string? line)
    {
        TaskCompletionSource waiting;
        lock (_gate)
        {
            if (line is null)
            {
                _ended = true;
            }
            else
            {
                _lines.Add(line);
            }

            waiting = _changed;
            _changed = NewSignal();
        }

        waiting.SetResult();
    }

    /// <summary>Waits for the first line that matches; lines already there count.</summary>
    /// <exception cref="InvalidOperationException">The log ended without such a line.</exception>
    /// <exception cref="TimeoutException">No such line came in time.</exception>
    public Task<string> WaitForAsync(string pattern) => TimeLimit.GuardAsync($"line '{pattern}' in the log", async limit =>
    {
        while (true)
        {
            Task signal;
            bool last;
            lock (_gate)
            {
                signal = _changed.Task;
                last = _ended;
            }

            var match = Lines.FirstOrDefault(line => Regex.IsMatch(line, pattern, RegexOptions.None, RegexLimit));
            if (match is not null)
            {
                return match;
            }

            if (last)
            {
                throw new InvalidOperationException($"The server ended without a line '{pattern}'. {Tail()}");
            }

            await signal.WaitAsync(limit);
        }
    }, Tail);

    /// <summary>The last lines, for a failure's message.</summary>
    public string Tail() => $"Last lines of the server's log:{Environment.NewLine}{string.Join(Environment.NewLine, Lines.TakeLast(20))}";

    private static TaskCompletionSource NewSignal() => new(TaskCreationOptions.RunContinuationsAsynchronously);
}
