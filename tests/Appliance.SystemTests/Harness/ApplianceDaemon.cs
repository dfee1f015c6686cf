using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text;
using System.Text.RegularExpressions;

namespace Appliance.SystemTests.Harness;

/// <summary>
/// The published binary as a master with workers, with folders of its own: as a daemon, or in the foreground. Whatever runs below the
/// folders at the end fails the test.
/// </summary>
public sealed partial class ApplianceDaemon : IAsyncDisposable
{
    private static readonly TimeSpan RegexLimit = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan Poll = TimeSpan.FromMilliseconds(2);

    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("appliance-daemon-");
    private readonly ServerLog _errors = new();
    private Process? _foreground;
    private int _first;
    private bool _logsToFile;

    /// <summary>Folders; nothing runs.</summary>
    public ApplianceDaemon()
    {
        // Other users, too, are to find their way in.
        File.SetUnixFileMode(Folder, (UnixFileMode)0b111_101_101);
        _ = Directory.CreateDirectory(StateDirectory);
        _ = Directory.CreateDirectory(RunDirectory);
    }

    /// <summary>Everything lies below it.</summary>
    public string Folder => _folder.FullName;

    /// <summary>The folder given with <c>--state-dir</c>.</summary>
    public string StateDirectory => Path.Combine(Folder, "state");

    /// <summary>The folder given with <c>--run-dir</c>.</summary>
    public string RunDirectory => Path.Combine(Folder, "run");

    /// <summary>The file given with <c>--log</c>.</summary>
    public string LogFile => Path.Combine(Folder, "state", "appliance.log");

    /// <summary>The pid file, whether it is there or not.</summary>
    public string PidFile => Path.Combine(RunDirectory, "appliance.pid");

    /// <summary>The binary that is started.</summary>
    public string Binary { get; private set; } = PublishedBinary.FilePath;

    /// <summary>Workers that are to run.</summary>
    public int WorkerCount { get; private set; }

    /// <summary>Port of 127.0.0.1; 0 if there is none.</summary>
    public int Port { get; private set; }

    /// <summary>Host and port of the first TCP listener.</summary>
    public IPEndPoint Address => new(IPAddress.Loopback, Port);

    /// <summary>The process that the pid file names.</summary>
    public ProcessStatus Master
    {
        get
        {
            var pid = int.Parse(ReadPidFile(), CultureInfo.InvariantCulture);
            return _first == 0 ? new(pid) : new ProcessStatus(_first).Neighbour(pid);
        }
    }

    /// <summary>The lines of the log file, or of stderr if the server runs in the foreground.</summary>
    public IReadOnlyList<string> Log => _foreground is not null && !_logsToFile ? _errors.Lines : File.Exists(LogFile) ? File.ReadAllLines(LogFile) : [];

    /// <summary>Starts a daemon with so many workers.</summary>
    public static async Task<ApplianceDaemon> StartAsync(int workers, params string[] options)
    {
        var daemon = new ApplianceDaemon();
        await daemon.StartWorkersAsync(workers, options);
        return daemon;
    }

    /// <summary>Starts a daemon with so many workers, or with 0 a single process in the foreground.</summary>
    public static async Task<ApplianceDaemon> StartInModeAsync(int workers, params string[] options)
    {
        if (workers > 0)
        {
            return await StartAsync(workers, options);
        }

        var single = new ApplianceDaemon();
        await single.StartForegroundAsync([], new Dictionary<string, string>(StringComparer.Ordinal), ["--nofork", .. options]);
        return single;
    }

    /// <summary>Starts the daemon with so many workers; again on the port that it had before.</summary>
    public async Task StartWorkersAsync(int workers, params string[] options)
    {
        var started = await LaunchAsync([$"--proc={workers}", .. options]);
        Assert.True(started.ExitCode == 0, $"{started} {string.Join('\n', Log)}");
        WorkerCount = workers;
    }

    /// <summary>From now on a copy of the binary is started, which a test may replace.</summary>
    public void CopyBinary()
    {
        var folder = Directory.CreateDirectory(Path.Combine(Folder, "bin"));
        Binary = Path.Combine(folder.FullName, "appliance");
        ReplaceBinary(File.ReadAllBytes(PublishedBinary.FilePath));
    }

    /// <summary>Puts something else in the place of the copy, as a package does it: by rename.</summary>
    public void ReplaceBinary(byte[] content)
    {
        // Another process writes it: what this one has open for writing is inherited by whatever another test starts at that moment, and cannot be run.
        var (written, temporary) = (Binary + ".content", Binary + ".new");
        File.WriteAllBytes(written, content);
        var installed = CommandResult.RunAsync("install", "-m", "755", written, temporary).Result;
        Assert.True(installed.ExitCode == 0, installed.ToString());
        File.Delete(written);
        File.Move(temporary, Binary, overwrite: true);
    }

    /// <summary>The pid file's text, read without a lock: locking is what it is for.</summary>
    public string ReadPidFile()
    {
        using var reader = new StreamReader(new FileStream(PidFile, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete));
        return reader.ReadToEnd();
    }

    /// <summary>Runs the launcher of a daemon to its end.</summary>
    public Task<CommandResult> LaunchAsync(params string[] options) => LaunchThroughAsync([], options);

    /// <summary>
    /// Has another program run the launcher: the program and its arguments, which the launcher's follow. With a <c>--log</c> among the
    /// options the server's port stays unknown.
    /// </summary>
    public async Task<CommandResult> LaunchThroughAsync(string[] wrapper, params string[] options)
    {
        string[] daemon = options.Contains("--daemon") ? [] : ["--daemon"];
        string[] log = options.Contains("--log") ? [] : ["--log", LogFile];
        string[] command = [.. wrapper, Binary, .. log, .. Places(options), .. options];
        var result = PidNamespace.IsWanted
            ? await StartInNamespaceAsync(command)
            : await CommandResult.RunAsync(command[0], [.. command[1..], .. daemon]);
        if (result.ExitCode == 0 && log.Length > 0)
        {
            _ = await WaitForLogAsync("ready on ");
            NotePort();
        }

        return result;
    }

    /// <summary>
    /// Starts a server as the first process of a PID namespace, in the foreground or, with <c>--daemon</c>, below a launcher that stays, and
    /// waits until it serves.
    /// </summary>
    public async Task StartContainerAsync(params string[] options)
    {
        CopyBinary();
        var started = await StartInNamespaceAsync([Binary, "--log", LogFile, .. Places(options), .. options]);
        Assert.True(started.ExitCode == 0, $"{started} {Tail()}");
        _ = await WaitForLogAsync("ready on ");
        NotePort();
    }

    /// <summary>The first process of the namespace in which the server runs.</summary>
    public ProcessStatus First => new(_first);

    /// <summary>Runs a program among the processes of the server.</summary>
    public Task<CommandResult> RunBesideAsync(params string[] command) => PidNamespace.RunAsync(_first, command);

    /// <summary>Waits until the program serves or has ended.</summary>
    private async Task<CommandResult> StartInNamespaceAsync(params string[] command)
    {
        string[] words = [.. PidNamespace.Enter, .. command];
        _logsToFile = true;
        _foreground?.Dispose();
        _foreground = new Process
        {
            StartInfo = new ProcessStartInfo(words[0], words[1..]) { UseShellExecute = false, RedirectStandardError = true, RedirectStandardOutput = true },
        };
        var (output, errors) = (new ServerLog(), new ServerLog());
        _foreground.OutputDataReceived += (_, line) => output.Add(line.Data);
        _foreground.ErrorDataReceived += (_, line) => errors.Add(line.Data);
        _ = _foreground.Start();
        _foreground.BeginOutputReadLine();
        _foreground.BeginErrorReadLine();
        _first = await PidNamespace.FindFirstAsync(_foreground);
        var serves = false;
        await WaitUntilAsync("server in a namespace", () =>
            _foreground.HasExited || (serves = RunCommandAsync("status").GetAwaiter().GetResult().ExitCode == 0));
        if (!serves)
        {
            await _foreground.WaitForExitAsync();
        }

        return new CommandResult(serves ? 0 : _foreground.ExitCode, string.Join('\n', output.Lines), string.Join('\n', errors.Lines));
    }

    /// <summary>Takes a port that is free now for the servers of these folders.</summary>
    public void ChoosePort()
    {
        using var socket = new TcpListener(IPAddress.Loopback, 0);
        socket.Start();
        Port = ((IPEndPoint)socket.LocalEndpoint).Port;
    }

    /// <summary>Starts a server in the foreground, through another program if one is given, and waits until it serves.</summary>
    public async Task StartForegroundAsync(string[] wrapper, IReadOnlyDictionary<string, string> environment, params string[] options)
    {
        string[] command = [.. PidNamespace.EnterIfWanted, .. wrapper, Binary, .. Places(options), .. options];
        var start = new ProcessStartInfo(command[0], command[1..]) { UseShellExecute = false, RedirectStandardError = true };
        foreach (var (name, value) in environment)
        {
            start.Environment[name] = value;
        }

        _foreground = new Process { StartInfo = start };
        _foreground.ErrorDataReceived += (_, line) => _errors.Add(line.Data);
        _ = _foreground.Start();
        _foreground.BeginErrorReadLine();
        _first = PidNamespace.IsWanted ? await PidNamespace.FindFirstAsync(_foreground) : 0;
        _ = await _errors.WaitForAsync("ready on ");
        NotePort();
    }

    /// <summary>Waits for the end of the server in the foreground and returns its exit status.</summary>
    public Task<int> WaitForForegroundAsync() => TimeLimit.GuardAsync("end of the server", async limit =>
    {
        await _foreground!.WaitForExitAsync(limit);
        return _foreground.ExitCode;
    }, Tail);

    /// <summary>Runs a command of the binary for this server.</summary>
    public Task<CommandResult> RunCommandAsync(params string[] arguments) =>
        PidNamespace.RunAsync(_first, [PublishedBinary.FilePath, .. arguments, "--run-dir", RunDirectory, "--state-dir", StateDirectory]);

    /// <summary>Runs a command that must succeed and returns what it printed.</summary>
    public async Task<string> SucceedAsync(params string[] arguments)
    {
        var result = await RunCommandAsync(arguments);
        Assert.True(result.ExitCode == 0, $"{string.Join(' ', arguments)}: {result}\n{Tail()}");
        return result.Output;
    }

    /// <summary>Runs a PHP script that finds the state directory in <c>$path</c> and the key of the server's queue in <c>$key</c>.</summary>
    public Task<string> PhpAsync(string script) => PhpScript.RunAsync(StateDirectory, script);

    /// <summary>Has PHP send a command to the server's queue: an expression of PHP's, as text or in PHP's format.</summary>
    public Task<string> PushAsync(string expression, bool serialize = true) =>
        PhpAsync($"msg_send(msg_get_queue($key), 1, {expression}, {(serialize ? "true" : "false")});");

    /// <summary>Has PHP ask the server something, and returns the answer.</summary>
    public Task<string> AskAsync(string question) => PhpAsync(
        $"$q = msg_get_queue($key); msg_send($q, 1, 'ask '.getmypid().' '.base64_decode('{Convert.ToBase64String(Encoding.UTF8.GetBytes(question))}')); "
        + "msg_receive($q, getmypid(), $t, 8192, $answer); echo $answer;");

    /// <summary>Sends a signal by its name without SIG.</summary>
    public static async Task SignalAsync(ProcessStatus process, string name)
    {
        var kill = await CommandResult.RunAsync("sh", "-c", $"kill -{name} {process.Pid}");
        Assert.True(kill.ExitCode == 0, kill.Error);
    }

    /// <summary>Waits for something that happens outside of this process.</summary>
    public Task WaitUntilAsync(string awaited, Func<bool> happened) => TimeLimit.GuardAsync(awaited, async limit =>
    {
        while (!happened())
        {
            await Task.Delay(Poll, limit);
        }

        return true;
    }, Tail);

    /// <summary>Waits for a line of the log that matches; lines already written count.</summary>
    public async Task<string> WaitForLogAsync(string pattern)
    {
        string? found = null;
        await WaitUntilAsync($"line '{pattern}' in the log", () =>
            (found = Log.FirstOrDefault(line => Regex.IsMatch(line, pattern, RegexOptions.None, RegexLimit))) is not null);
        return found!;
    }

    /// <summary>Waits until so many lines of the log have a text in them: a thread of its own writes the log, a little behind what it tells.</summary>
    public async Task WaitForLogLinesAsync(int count, string text)
    {
        await WaitUntilAsync($"{count} lines with '{text}' in the log", () => Count() >= count);
        Assert.Equal(count, Count());

        int Count() => Log.Count(line => line.Contains(text, StringComparison.Ordinal));
    }

    /// <summary>The lines of the log that tell one of these events; a count that looks like its number does not.</summary>
    public IReadOnlyList<string> EventsOf(params int[] numbers) =>
        [.. Log.Where(line => Regex.IsMatch(line, $"^[^ ]+ [A-Z]{{3}} (?:{string.Join('|', numbers)}) ", RegexOptions.None, RegexLimit))];

    /// <summary>Waits until a process has ended.</summary>
    public Task WaitForEndAsync(ProcessStatus process) => WaitUntilAsync($"end of process {process.Pid}", () => !process.IsAlive);

    /// <summary>The last lines of the log, for a failure's message.</summary>
    public string Tail() => $"Last lines of the log:{Environment.NewLine}{string.Join(Environment.NewLine, Log.TakeLast(20))}";

    /// <summary>Stops what runs, and asserts that neither a process nor a System V object is left.</summary>
    public async ValueTask DisposeAsync()
    {
        try
        {
            var keys = SystemVObjects.DrawnKeys(StateDirectory);
            var stopped = await RunCommandAsync("stop", "--purge");
            Assert.True(stopped.ExitCode == 0, $"'stop --purge' ended with {stopped.ExitCode}: {stopped.Error} {Tail()}");
            await WaitUntilAsync("end of all processes", () => ProcessStatus.Using(Folder).Count == 0);
            Assert.False(File.Exists(PidFile), $"The pid file is left behind. {Tail()}");
            var left = await SystemVObjects.LeftOfAsync(StateDirectory, keys, []);
            foreach (var one in left)
            {
                await SystemVObjects.RemoveAsync(one);
            }

            Assert.True(left.Count == 0, $"{string.Join(' ', left)} is left behind. {Tail()} {RecentFailures.Tell()}");
        }
        finally
        {
            foreach (var process in ProcessStatus.Using(Folder))
            {
                await SignalAsync(process, "KILL");
            }

            _foreground?.Dispose();
            _folder.Delete(recursive: true);
        }
    }

    private string[] Places(string[] options)
    {
        string[] listen = options.Contains("--listen") ? [] : ["--listen", $"127.0.0.1:{Port}"];
        string[] metrics = options.Contains("--metrics") ? [] : ["--metrics", "off"];
        return [.. listen, .. metrics, "--state-dir", StateDirectory, "--run-dir", RunDirectory];
    }

    private void NotePort()
    {
        var ready = Log.Select(line => Regex.Match(line, @"ready on http://127\.0\.0\.1:(?<port>\d+)/", RegexOptions.ExplicitCapture, RegexLimit));
        if (ready.LastOrDefault(match => match.Success) is { } last)
        {
            Port = int.Parse(last.Groups["port"].Value, CultureInfo.InvariantCulture);
        }
    }
}
