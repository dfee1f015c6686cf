using System.Globalization;
using Appliance.Config;
using Appliance.Native;
using Serilog;
using Serilog.Core;
using Serilog.Events;
using Serilog.Formatting.Display;

namespace Appliance.Logging;

/// <summary>
/// Where log events go: a thread of its own writes them, so that a slow disk or terminal never holds up the loop. A full queue
/// drops lines, which the sink counts and tells; a log that cannot be written stops nothing.
/// </summary>
public sealed class EventLog : IDisposable
{
    private const int QueuedLinesMax = 10_000;
    private const int FlushMsMax = 1000;
    private const int FlushStackBytes = 256 << 10;

    /// <summary>A start may be one of many at once, on a loaded host: it is not refused for that.</summary>
    private const int StartMsMax = 5000;
    private const int ReopenMsMax = 2000;
    private const string Line = "{Timestamp:yyyy-MM-ddTHH:mm:ss.fffzzz} {Level:u3} {EventId} {Process}{Message:lj}{NewLine}{Exception}";

    /// <summary>The journal notes the time itself.</summary>
    private const string JournalLine = "{Level:u3} {EventId} {Process}{Message:lj}{NewLine}{Exception}";

    private readonly LoggingLevelSwitch _level = new();
    private readonly StandbyThread _flush;
#pragma warning disable CA2213 // Disposed in Flush, on a thread of its own.
    private readonly LineSink _sink;
    private readonly Logger _logger;
#pragma warning restore CA2213

    /// <summary>A log to a file, which <see cref="Open"/> opens, or to stderr when the path is empty.</summary>
    /// <param name="file">Absolute path, or empty.</param>
    /// <param name="level">Least level that is written.</param>
    /// <param name="isDaemon">Whether the file takes what is written to stderr as well.</param>
    /// <param name="process">Which process writes, for the beginning of each line; empty for the only one.</param>
    public EventLog(string file, LogLevel level, bool isDaemon, string process = "")
    {
        SetLevel(level);
        bool bare = file.Length == 0 && Environment.GetEnvironmentVariable("JOURNAL_STREAM") is { Length: > 0 };
        _sink = new LineSink(file, takesStderr: isDaemon, new MessageTemplateTextFormatter(bare ? JournalLine : Line, CultureInfo.InvariantCulture));
        _logger = new LoggerConfiguration()
            .MinimumLevel.ControlledBy(_level)
            .Enrich.WithProperty("Process", process.Length > 0 ? $"{process}: " : "")
            .WriteTo.Async(sink => sink.Sink(_sink), monitor: _sink, bufferSize: QueuedLinesMax, blockWhenFull: false)
            .CreateLogger();

        // At the end there may be no thread to be had.
        _flush = new StandbyThread("log flush", Flush, FlushStackBytes);
    }

    /// <summary>Opens the file when a process starts, and waits for it some seconds at most; until then, and if that fails, lines go to stderr.</summary>
    /// <exception cref="IOException">The file cannot be written.</exception>
    public void Open()
    {
        using var opened = new ManualResetEventSlim();
        string? failure = null;
        AskReopening(StartMsMax, why =>
        {
            failure = why;
            opened.Set();
        });

        // The request has a limit of its own, and tells when it has passed.
        opened.Wait();
        if (failure is not null)
        {
            throw new IOException(failure);
        }
    }

    /// <summary>
    /// Has the file opened anew by the log's own thread: the caller never waits. When the file cannot be written, that is logged and the
    /// former one stays in use.
    /// </summary>
    /// <param name="done">Is told on another thread, within seconds: why the file is not open, or null.</param>
    public void Reopen(Action<string?> done) => AskReopening(ReopenMsMax, failure =>
    {
        if (failure is not null)
        {
            Write(EventCatalogue.Failed, failure);
        }

        done(failure);
    });

    /// <summary>Whether events of a level are written: to save the work of making one that is not.</summary>
    public bool Writes(LogEvent what) => _logger.IsEnabled(Map(what.Level));

    /// <summary>
    /// Writes one line. The event is made here: Serilog's own way asks for the activity that it belongs to, whose type needs random numbers of
    /// /dev/urandom, which a host may lack.
    /// </summary>
    public void Write(LogEvent what, params object[] fields)
    {
        if (Writes(what) && _logger.BindMessageTemplate(what.Template, fields, out var template, out var properties))
        {
            var id = new LogEventProperty("EventId", new ScalarValue(what.Id));
            _logger.Write(new Serilog.Events.LogEvent(DateTimeOffset.UtcNow.ToLocalTime(), Map(what.Level), exception: null, template, properties.Append(id)));
        }
    }

    /// <summary>Changes the least level that is written.</summary>
    public void SetLevel(LogLevel level) => _level.MinimumLevel = Map(level);

    private void AskReopening(int limitMs, Action<string?> done)
    {
        _sink.AskReopening(limitMs, done);
        if (!_sink.HasQueued)
        {
            _logger.Write(new Serilog.Events.LogEvent(DateTimeOffset.UtcNow.ToLocalTime(), LineSink.NudgeLevel, exception: null, MessageTemplate.Empty, []));
        }
    }

    /// <summary>Writes what is still queued, as far as that is possible: nobody may ever read the pipe that stderr is.</summary>
    public void Dispose()
    {
        _flush.Start();
        _ = _flush.Join(FlushMsMax);
    }

    private void Flush()
    {
        _logger.Dispose();
        _sink.Dispose();
    }

    private static LogEventLevel Map(LogLevel level) => level switch
    {
        LogLevel.Debug => LogEventLevel.Debug,
        LogLevel.Info => LogEventLevel.Information,
        LogLevel.Warning => LogEventLevel.Warning,
        LogLevel.Error => LogEventLevel.Error,
        _ => throw new System.Diagnostics.UnreachableException(),
    };
}
