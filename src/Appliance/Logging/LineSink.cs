using System.Collections.Concurrent;
using System.Globalization;
using System.Text;
using Appliance.Native;
using Serilog.Core;
using Serilog.Events;
using Serilog.Formatting;
using Serilog.Sinks.Async;

namespace Appliance.Logging;

/// <summary>
/// Writes each event with one write(2) to a descriptor that appends: lines of several processes interleave whole. A file can be
/// opened anew under load, between two lines. What cannot be written (a full disk, a closed terminal, a reader that is too slow) is
/// dropped and counted; the count is told with the next line that can. All of it happens on the log's own thread.
/// </summary>
internal sealed class LineSink : ILogEventSink, IAsyncLogEventSinkMonitor, IDisposable
{
    /// <summary>How often a thread that waits for the reader of a pipe looks whether another file is to be opened.</summary>
    private const int CheckEveryMs = 200;

    private readonly ITextFormatter _formatter;
    private readonly string _path;
    private readonly bool _takesStderr;
    private readonly StringBuilder _line = new();
    private readonly ConcurrentQueue<LogReopening> _asked = new();
    private LogOutput _output = LogOutput.ToStderr();
    private IAsyncLogEventSinkInspector? _queue;
    private long _dropped;
    private long _toldOfQueue;

    /// <summary>A sink to stderr, until it is told to open its file.</summary>
    /// <param name="path">Absolute path; empty for stderr.</param>
    /// <param name="takesStderr">Whether what the runtime writes to stderr goes to the file, too: a daemon has no other.</param>
    /// <param name="formatter">Makes a line of an event.</param>
    public LineSink(string path, bool takesStderr, ITextFormatter formatter)
    {
        _path = path;
        _takesStderr = takesStderr;
        _formatter = formatter;
    }

    /// <summary>The level of an event that is no line: it has the log's thread see to what was asked of it.</summary>
    public static LogEventLevel NudgeLevel => LogEventLevel.Fatal;

    /// <summary>Whether events wait that the log's thread will come to: then it need not be nudged.</summary>
    public bool HasQueued => _queue is { Count: > 0 };

    /// <summary>
    /// Has the file opened anew between two lines: after this, no line goes to a file that was renamed. When it cannot be written, the former
    /// one stays in use. Whoever asked is told on another thread.
    /// </summary>
    public void AskReopening(int limitMs, Action<string?> done)
    {
        if (_path.Length == 0)
        {
            done(null);
            return;
        }

        _asked.Enqueue(new LogReopening(_path, limitMs, done));
    }

    /// <inheritdoc/>
    public void StartMonitoring(IAsyncLogEventSinkInspector inspector) => _queue = inspector;

    /// <inheritdoc/>
    public void StopMonitoring(IAsyncLogEventSinkInspector inspector)
    {
    }

    /// <inheritdoc/>
    public void Emit(Serilog.Events.LogEvent logEvent)
    {
        Reopen();
        if (logEvent.Level != NudgeLevel)
        {
            Write(logEvent);
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        Reopen();
        Write(logEvent: null);
        _output.Dispose();
    }

    /// <summary>Opens the file once for all who have asked by now.</summary>
    private void Reopen()
    {
        if (_asked.IsEmpty)
        {
            return;
        }

        string? failure = null;
        LogReopening[] asked = [.. _asked];
        try
        {
            var opened = LogOutput.Open(_path, _takesStderr);
            _output.Dispose();
            _output = opened;
        }
        catch (Exception unwritable) when (EnvironmentFailure.Explain(unwritable) is { } why)
        {
            failure = why;
        }

        foreach (var _ in asked)
        {
            if (_asked.TryDequeue(out var done))
            {
                done.Tell(failure);
                done.Dispose();
            }
        }
    }

    /// <summary>Writes a line, if there is one, behind what is to be told of those that are missing.</summary>
    private void Write(Serilog.Events.LogEvent? logEvent)
    {
        // Meanwhile lines wait in the queue, or are dropped and counted when it is full.
        while (!_output.AwaitRoom(CheckEveryMs))
        {
            Reopen();
        }

        _ = _line.Clear();
        using var writer = new StringWriter(_line, CultureInfo.InvariantCulture);
        if (_output.EndsTorn)
        {
            writer.WriteLine();
        }

        long ofQueue = _queue?.DroppedMessagesCount ?? 0;
        long missing = _dropped + ofQueue - _toldOfQueue;
        if (missing > 0)
        {
            writer.WriteLine($"{missing} lines could not be written here");
        }

        if (logEvent is not null)
        {
            _formatter.Format(logEvent, writer);
        }

        if (_line.Length == 0)
        {
            return;
        }

        bool written = _output.Write(Encoding.UTF8.GetBytes(_line.ToString()));
        _toldOfQueue = ofQueue;
        _dropped = written ? 0 : missing + (logEvent is null ? 0 : 1);
    }
}
