using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Text.RegularExpressions;

namespace Appliance.SystemTests.Harness;

/// <summary>A running server: the published binary with state and run folders of its own.</summary>
public sealed class ApplianceServer : IAsyncDisposable
{
    private static readonly TimeSpan RegexLimit = TimeSpan.FromSeconds(1);

    private string[] _options;
    private readonly FakeClock? _clock;
    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("appliance-test-");
    private readonly List<int> _pids = [];
    private ServerLog _log = new();
    private Process? _process;

    private ApplianceServer(string[] options, FakeClock? clock)
    {
        _options = options;
        _clock = clock;
        _ = Directory.CreateDirectory(StateDirectory);
        _ = Directory.CreateDirectory(RunDirectory);
    }

    /// <summary>Port of the first TCP listener; the same after a restart.</summary>
    public int Port { get; private set; }

    /// <summary>Host and port of the first TCP listener.</summary>
    public IPEndPoint Address => new(IPAddress.Loopback, Port);

    /// <summary>Address of the chat page, ending in a slash.</summary>
    public string Url => $"http://127.0.0.1:{Port}/";

    /// <summary>Process id of the running or last run server.</summary>
    public int Pid => _pids[^1];

    /// <summary>The folder given with <c>--state-dir</c>.</summary>
    public string StateDirectory => Path.Combine(_folder.FullName, "state");

    /// <summary>The folder given with <c>--run-dir</c>.</summary>
    public string RunDirectory => Path.Combine(_folder.FullName, "run");

    /// <summary>What the running or last run server wrote to stderr so far.</summary>
    public IReadOnlyList<string> Log => _log.Lines;

    /// <summary>Starts a server and waits until it serves. Without a <c>--listen</c> among the options it takes a free port of 127.0.0.1.</summary>
    /// <exception cref="InvalidOperationException">It ended instead; the message holds its log.</exception>
    public static Task<ApplianceServer> StartAsync(params string[] options) => StartAsync(clock: null, options);

    /// <summary>Starts a server on a host whose clock shows another time; the clock stays the caller's.</summary>
    public static async Task<ApplianceServer> StartAsync(FakeClock? clock, params string[] options)
    {
        _ = PublishedBinary.FilePath;
        var server = new ApplianceServer(options, clock);
        try
        {
            await server.StartProcessAsync();
            return server;
        }
        catch (Exception failure)
        {
            try
            {
                await server.DisposeAsync();
            }
            catch (Exception cleanup)
            {
                throw new AggregateException(failure, cleanup);
            }

            throw;
        }
    }

    /// <summary>Resident memory of the server in bytes.</summary>
    public long ResidentBytes
    {
        get
        {
            using var running = Process.GetProcessById(Pid);
            return running.WorkingSet64;
        }
    }

    /// <summary>Open descriptors of the server.</summary>
    public int DescriptorCount => Directory.GetFileSystemEntries($"/proc/{Pid}/fd").Length;

    /// <summary>Waits until the server has no more than so many descriptors open.</summary>
    public Task WaitForDescriptorCountAsync(int count) => TimeLimit.GuardAsync($"closing of descriptors down to {count}", async limit =>
    {
        while (DescriptorCount > count)
        {
            await Task.Delay(10, limit);
        }

        return true;
    }, () => $"{DescriptorCount} are open. {_log.Tail()}");

    /// <summary>Waits for a line of stderr that matches; lines already written count.</summary>
    public Task<string> WaitForLogAsync(string pattern) => _log.WaitForAsync(pattern);

    /// <summary>Runs a command of the binary with the folders of this server: <c>stop</c>, <c>status</c>, ...</summary>
    public Task<CommandResult> RunCommandAsync(params string[] arguments) =>
        PidNamespace.RunAsync(
            PidNamespace.IsWanted ? Pid : 0, [PublishedBinary.FilePath, .. arguments, "--run-dir", RunDirectory, "--state-dir", StateDirectory]);

    /// <summary>Sends a signal by its name without SIG: <c>TERM</c>, <c>HUP</c>, <c>STOP</c>, ...</summary>
    public async Task SignalAsync(string name)
    {
        var kill = await CommandResult.RunAsync("sh", "-c", $"kill -{name} {Pid}");
        Assert.True(kill.ExitCode == 0, kill.Error);
    }

    /// <summary>Ends the server with SIGTERM.</summary>
    /// <returns>Its exit status.</returns>
    public async Task<int> StopAsync()
    {
        if (Running is { HasExited: false })
        {
            await SignalAsync("TERM");
        }

        return await WaitForExitAsync();
    }

    /// <summary>Ends the server with SIGKILL.</summary>
    public async Task KillAsync()
    {
        await SignalAsync("KILL");
        _ = await WaitForExitAsync();
    }

    /// <summary>Waits until the server has ended by itself or by a signal.</summary>
    /// <returns>Its exit status.</returns>
    public async Task<int> WaitForExitAsync()
    {
        var running = Running;
        return await TimeLimit.GuardAsync("end of the server", async limit =>
        {
            await running.WaitForExitAsync(limit);
            return running.ExitCode;
        }, _log.Tail);
    }

    /// <summary>Stops the server if it still runs and starts it again on the same port and folders; with other options if any are given.</summary>
    public async Task RestartAsync(params string[] options)
    {
        _options = options.Length > 0 ? options : _options;
        if (!Running.HasExited)
        {
            var exitCode = await StopAsync();
            Assert.True(exitCode == 0, $"The server stopped with exit status {exitCode}. {_log.Tail()}");
        }

        Running.Dispose();
        await StartProcessAsync();
    }

    /// <summary>Stops the server, removes what it keeps, and asserts that neither a process nor a System V object is left.</summary>
    public async ValueTask DisposeAsync()
    {
        try
        {
            if (_process is { HasExited: false })
            {
                var exitCode = await StopAsync();
                Assert.True(exitCode == 0, $"The server stopped with exit status {exitCode}. {_log.Tail()}");
            }

            var keys = SystemVObjects.DrawnKeys(StateDirectory);
            var purge = await RunCommandAsync("stop", "--purge");
            Assert.True(purge.ExitCode == 0, $"'stop --purge' ended with {purge.ExitCode}: {purge.Error}");
            Assert.DoesNotContain(_pids, pid => Directory.Exists($"/proc/{pid}"));
            var left = await SystemVObjects.LeftOfAsync(StateDirectory, keys, _pids);
            foreach (var one in left)
            {
                // Left to lie, it would fail a later test whose directory gets the same inode.
                await SystemVObjects.RemoveAsync(one);
            }

            Assert.Empty(left);
        }
        finally
        {
            if (_process is { HasExited: false })
            {
                _process.Kill();
            }

            _process?.Dispose();
            _folder.Delete(recursive: true);
        }
    }

    private Process Running => _process ?? throw new InvalidOperationException("The server was never started.");

    private async Task StartProcessAsync()
    {
        string[] listen = _options.Contains("--listen") ? [] : ["--listen", $"127.0.0.1:{Port}"];
        string[] metrics = _options.Contains("--metrics") ? [] : ["--metrics", "off"];
        var lines = new ServerLog();
        _log = lines;
        string[] words =
        [
            .. PidNamespace.EnterIfWanted, PublishedBinary.FilePath,
            "--nofork", .. listen, .. metrics, "--state-dir", StateDirectory, "--run-dir", RunDirectory, .. _options,
        ];
        _process = new Process
        {
            StartInfo = new ProcessStartInfo(words[0], words[1..])
            {
                UseShellExecute = false,
                RedirectStandardError = true,
            },
        };
        foreach (var (name, value) in _clock?.Environment ?? [])
        {
            _process.StartInfo.Environment[name] = value;
        }

        _process.ErrorDataReceived += (_, line) => lines.Add(line.Data);
        _ = _process.Start();
        _pids.Add(PidNamespace.IsWanted ? await PidNamespace.FindFirstAsync(_process) : _process.Id);
        _process.BeginErrorReadLine();

        var ready = await _log.WaitForAsync("ready on ");
        var port = Regex.Match(ready, @"ready on .*http://127\.0\.0\.1:(?<port>\d+)/", RegexOptions.ExplicitCapture, RegexLimit);
        if (port.Success)
        {
            Port = int.Parse(port.Groups["port"].Value, CultureInfo.InvariantCulture);
        }
    }
}
