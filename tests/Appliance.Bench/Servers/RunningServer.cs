using System.Diagnostics;
using System.Globalization;
using System.Text;
using Appliance.Bench.Load;
using Appliance.Native;

namespace Appliance.Bench.Servers;

/// <summary>A server from its start to its end, in a folder that lives as long.</summary>
public sealed class RunningServer : IDisposable
{
    private const int StartMsMax = 15_000;
    private const int StopMsMax = 15_000;

    /// <summary>Below the kernel's range for clients, so that none of their connections sits on it.</summary>
    private const int FirstPort = 20_000;
    private const int Ports = 10_000;

    private static int _nextPort = FirstPort + (Environment.ProcessId % Ports);

    private readonly ServerUnderTest _server;
    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("appliance-bench-");
    private readonly StringBuilder _log = new();
    private readonly Process _process;
    private bool _isDisposed;

    /// <summary>Starts a server and waits until it has answered a handshake.</summary>
    /// <exception cref="LoadException">It ended, or did not serve in time.</exception>
    public RunningServer(ServerUnderTest server, ServerSetup setup)
    {
        _server = server;
        Port = NextPort();
        MonitorPort = NextPort();
        var start = server.Start(new ServerPlace(_folder.FullName, Port, MonitorPort), setup);
        start.RedirectStandardError = true;
        _process = new Process { StartInfo = start };
        _process.ErrorDataReceived += (_, line) => Note(line.Data);
        using var first = new Generator(new GeneratorOptions { Port = Port, Clients = 1 });
        long started = Stopwatch.GetTimestamp();
        _ = _process.Start();
        try
        {
            WaitUntilListening();
            first.Open();
            ReadyMs = Stopwatch.GetElapsedTime(started).TotalMilliseconds;
            _process.BeginErrorReadLine();
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    /// <summary>Where it listens.</summary>
    public int Port { get; }

    /// <summary>Milliseconds from before its process was made to its first answer.</summary>
    public double ReadyMs { get; }

    /// <summary>Where the published binary listens for monitors, when it was asked to.</summary>
    public int MonitorPort { get; }

    /// <summary>What it stands for.</summary>
    public ServerKind Kind => _server.Kind;

    /// <summary>Its first process: the master, if there is one.</summary>
    public int Pid => _process.Id;

    /// <summary>What it wrote to stderr; whole once it has ended.</summary>
    public string Log
    {
        get
        {
            lock (_log)
            {
                return _log.ToString();
            }
        }
    }

    /// <summary>Processor time and memory of the processes it has now.</summary>
    public ProcessFigures Observe() => new(_process.Id);

    /// <summary>Ends it with SIGTERM, or SIGKILL if it does not end by that.</summary>
    public void Stop()
    {
        if (!_process.HasExited)
        {
            _ = Syscall.Kill(_process.Id, Syscall.SIGTERM);
            if (!_process.WaitForExit(StopMsMax))
            {
                _process.Kill(entireProcessTree: true);
            }
        }

        _process.WaitForExit();
    }

    /// <summary>Ends it and removes its folder, once: who interrupts a run does it beside the one who runs it.</summary>
    public void Dispose()
    {
        lock (_folder)
        {
            if (_isDisposed)
            {
                return;
            }

            _isDisposed = true;
            Stop();
            _process.Dispose();
            _server.CleanUp(_folder.FullName);
            _folder.Delete(recursive: true);
        }
    }

    private static int NextPort()
    {
        do
        {
            _nextPort = FirstPort + ((_nextPort + 1 - FirstPort) % Ports);
        }
        while (Generator.IsListening(_nextPort));
        return _nextPort;
    }

    private void WaitUntilListening()
    {
        long deadline = Environment.TickCount64 + StartMsMax;
        while (!Generator.IsListening(Port))
        {
            if (_process.HasExited || Environment.TickCount64 > deadline)
            {
                string what = _process.HasExited
                    ? string.Create(CultureInfo.InvariantCulture, $"ended with status {_process.ExitCode}: {_process.StandardError.ReadToEnd()}")
                    : "does not listen";
                throw new LoadException($"{_server.Name} {what}");
            }

            Thread.Sleep(TimeSpan.FromMicroseconds(200));
        }
    }

    private void Note(string? line)
    {
        lock (_log)
        {
            _ = _log.AppendLine(line);
        }
    }
}
