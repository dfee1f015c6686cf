using System.Globalization;
using Appliance.Config;
using Serilog;
using Serilog.Core;
using Serilog.Events;

namespace Appliance.Logging;

/// <summary>
/// Where log events go: a thread of its own writes them, so that a slow disk or terminal never holds up the loop. A full queue
/// drops lines; a log that cannot be written stops nothing.
/// </summary>
public sealed class EventLog : IDisposable
{
    private const int QueuedLinesMax = 10_000;
    private const string Line = "{Timestamp:yyyy-MM-ddTHH:mm:ss.fffzzz} {Level:u3} {EventId} {Message:lj}{NewLine}{Exception}";

    /// <summary>The journal notes the time itself.</summary>
    private const string JournalLine = "{Level:u3} {EventId} {Message:lj}{NewLine}{Exception}";

    private readonly LoggingLevelSwitch _level = new();
    private readonly Logger _logger;

    /// <summary>A log to a file, or to stderr when the path is empty.</summary>
    /// <param name="file">Absolute path, or empty.</param>
    /// <param name="level">Least level that is written.</param>
    /// <param name="isJournal">Whether stderr is the systemd journal.</param>
    public EventLog(string file, LogLevel level, bool isJournal)
    {
        SetLevel(level);
        _logger = new LoggerConfiguration()
            .MinimumLevel.ControlledBy(_level)
            .WriteTo.Async(
                sink =>
                {
                    _ = file.Length > 0
                        ? sink.File(file, outputTemplate: Line, formatProvider: CultureInfo.InvariantCulture, shared: false, fileSizeLimitBytes: null)
                        : sink.Console(
                            outputTemplate: isJournal ? JournalLine : Line,
                            formatProvider: CultureInfo.InvariantCulture,
                            standardErrorFromLevel: LogEventLevel.Verbose,
                            theme: Serilog.Sinks.SystemConsole.Themes.ConsoleTheme.None);
                },
                bufferSize: QueuedLinesMax,
                blockWhenFull: false)
            .CreateLogger();
    }

    /// <summary>Whether events of a level are written: to save the work of making one that is not.</summary>
    public bool Writes(LogEvent what) => _logger.IsEnabled(Map(what.Level));

    /// <summary>Writes one line.</summary>
    public void Write(LogEvent what, params object[] fields)
    {
        if (Writes(what))
        {
            _logger.ForContext("EventId", what.Id).Write(Map(what.Level), what.Template, fields);
        }
    }

    /// <summary>Changes the least level that is written.</summary>
    public void SetLevel(LogLevel level) => _level.MinimumLevel = Map(level);

    /// <summary>Writes what is still queued.</summary>
    public void Dispose() => _logger.Dispose();

    private static LogEventLevel Map(LogLevel level) => level switch
    {
        LogLevel.Debug => LogEventLevel.Debug,
        LogLevel.Info => LogEventLevel.Information,
        LogLevel.Warning => LogEventLevel.Warning,
        LogLevel.Error => LogEventLevel.Error,
        _ => throw new System.Diagnostics.UnreachableException(),
    };
}
