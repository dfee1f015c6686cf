using System.Text;
using Appliance.Native;
using Serilog.Core;
using Serilog.Formatting;
using Serilog.Sinks.Async;

namespace Appliance.Logging;

/// <summary>
/// Writes each event with one write(2) to a descriptor that appends: lines of several processes interleave whole. A file can be
/// opened anew under load, between two lines. What cannot be written (a full disk, a closed terminal, a reader that is too slow) is
/// dropped and counted; the count is told with the next line that can.
/// </summary>
internal sealed unsafe class LineSink : ILogEventSink, IAsyncLogEventSinkMonitor, IDisposable
{
    private const int Stderr = 2;
    private const int GroupReadable = 0x1A0; // 0640

    private readonly Lock _lock = new();
    private readonly ITextFormatter _formatter;
    private readonly string _path;
    private readonly bool _takesStderr;
    private readonly StringBuilder _line = new();
    private int _fd = Stderr;
    private IAsyncLogEventSinkInspector? _queue;
    private long _dropped;
    private long _toldOfQueue;
    private SysResult? _tornAt;

    /// <summary>A sink to a file, or to stderr when the path is empty.</summary>
    /// <param name="path">Absolute path, or empty.</param>
    /// <param name="takesStderr">Whether what the runtime writes to stderr goes to the file, too: a daemon has no other.</param>
    /// <param name="formatter">Makes a line of an event.</param>
    /// <exception cref="IOException">The file cannot be written.</exception>
    public LineSink(string path, bool takesStderr, ITextFormatter formatter)
    {
        _path = path;
        _takesStderr = takesStderr;
        _formatter = formatter;
        Reopen();
    }

    /// <summary>Opens the file anew: after this, no line goes to a file that was renamed.</summary>
    /// <exception cref="IOException">The file cannot be written; the former one stays in use.</exception>
    public void Reopen()
    {
        if (_path.Length == 0)
        {
            return;
        }

        var opened = OwnedPath.Open(
            $"--log {_path}", _path, Syscall.O_WRONLY | Syscall.O_CREAT | Syscall.O_APPEND, GroupReadable, Ownership.OfProcess);
        if (!opened.Ok)
        {
            throw new IOException($"--log {_path}: {SyscallException.Describe(opened.Error)}");
        }

        lock (_lock)
        {
            Close();
            _fd = opened.Value;
            _tornAt = null;
        }

        if (_takesStderr)
        {
            _ = Syscall.Duplicate(opened.Value, Stderr);
        }
    }

    /// <inheritdoc/>
    public void StartMonitoring(IAsyncLogEventSinkInspector inspector) => _queue = inspector;

    /// <inheritdoc/>
    public void StopMonitoring(IAsyncLogEventSinkInspector inspector)
    {
    }

    /// <inheritdoc/>
    public void Emit(Serilog.Events.LogEvent logEvent) => Write(logEvent);

    /// <inheritdoc/>
    public void Dispose()
    {
        lock (_lock)
        {
            Write(logEvent: null);
            Close();
            _fd = Stderr;
        }
    }

    /// <summary>Writes a line, if there is one, behind what is to be told of those that are missing.</summary>
    private void Write(Serilog.Events.LogEvent? logEvent)
    {
        lock (_lock)
        {
            _ = _line.Clear();
            using var writer = new StringWriter(_line, System.Globalization.CultureInfo.InvariantCulture);
            if (_tornAt is { } end && end == Syscall.Seek(_fd, 0, Syscall.SEEK_END))
            {
                // The piece of our last line is still there, and the last in the file.
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

            bool written = Write(Encoding.UTF8.GetBytes(_line.ToString()));
            _toldOfQueue = ofQueue;
            _dropped = written ? 0 : missing + (logEvent is null ? 0 : 1);
        }
    }

    /// <summary>False when not all of it could be written: a disk that fills up may take the beginning of a line.</summary>
    private bool Write(byte[] line)
    {
        fixed (byte* bytes = line)
        {
            var written = Syscall.Write(_fd, bytes, line.Length);
            bool whole = written.Ok && written.Value == line.Length;
            _tornAt = whole ? null : written is { Ok: true, Value: > 0 } ? Syscall.Seek(_fd, 0, Syscall.SEEK_CUR) : _tornAt;
            return whole;
        }
    }

    private void Close()
    {
        if (_fd != Stderr)
        {
            _ = Syscall.Close(_fd);
        }
    }
}
