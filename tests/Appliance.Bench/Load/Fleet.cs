using System.Diagnostics;
using System.Globalization;

namespace Appliance.Bench.Load;

/// <summary>Several generators, a process each: more connections than one process may have descriptors.</summary>
public sealed class Fleet : IDisposable
{
    /// <summary>Clients of one process at most.</summary>
    public const int ClientsPerProcess = 10_000;

    private const int DrainMsMax = 10_000;

    private readonly Process[] _processes;
    private readonly int _clients;
    private readonly int _rooms;

    /// <summary>Starts the processes, whose clients are not connected yet.</summary>
    /// <param name="port">Port of the server at 127.0.0.1.</param>
    /// <param name="processes">How many.</param>
    /// <param name="clients">Clients of all together.</param>
    /// <param name="rooms">Rooms of all together, each of clients of one process; 1 for one room with all of them in it.</param>
    /// <param name="prefix">What the names of rooms begin with.</param>
    public Fleet(int port, int processes, int clients, int rooms, string prefix)
    {
        _clients = clients;
        _rooms = rooms;
        _processes = [.. Enumerable.Range(0, processes).Select(i => Start(new GeneratorOptions
        {
            Port = port,
            Clients = clients / processes,
            Rooms = Math.Max(1, rooms / processes),
            RoomPrefix = rooms == 1 ? prefix : string.Create(CultureInfo.InvariantCulture, $"{prefix}{i}-"),
            FirstSource = 1 + i,
        }))];
    }

    /// <summary>Opens all clients.</summary>
    /// <exception cref="LoadException">One was refused.</exception>
    public void Open() => _ = AskAll("open");

    /// <summary>Loads the server and measures it.</summary>
    /// <param name="inFlight">Messages under way at a time.</param>
    /// <param name="warmUp">How long the load goes on before it is measured.</param>
    /// <param name="duration">How long it is measured.</param>
    /// <param name="serverCpuUs">Time the server has spent on processors so far, in microseconds.</param>
    /// <exception cref="LoadException">A client was cut off, or got what it must not get.</exception>
    public (double PerSecond, double CpuUs) Load(int inFlight, TimeSpan warmUp, TimeSpan duration, Func<double> serverCpuUs)
    {
        Start(inFlight);
        Thread.Sleep(warmUp);
        long frames = Count();
        double cpuUs = serverCpuUs();
        long started = Stopwatch.GetTimestamp();
        Thread.Sleep(duration);
        double spentUs = serverCpuUs() - cpuUs;
        double seconds = Stopwatch.GetElapsedTime(started).TotalSeconds;
        long deliveries = Count() - frames;
        Drain();
        return (deliveries / seconds, spentUs / deliveries);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (var process in _processes)
        {
            process.StandardInput.Close();
        }

        foreach (var process in _processes)
        {
            process.WaitForExit();
            process.Dispose();
        }
    }

    /// <summary>In one room a message is for the clients of all processes, and those of the first one send it.</summary>
    private void Start(int inFlight)
    {
        int here = _rooms == 1 ? inFlight : inFlight / _processes.Length;
        string[] commands = [.. _processes.Select((_, i) =>
            string.Create(CultureInfo.InvariantCulture, $"start {here} {here} {(_rooms > 1 || i == 0 ? "here" : "elsewhere")}"))];
        for (int i = _processes.Length - 1; i >= 0; i--)
        {
            _ = Ask(i, commands[i]);
        }
    }

    private void Drain()
    {
        long wanted = AskAll("stop").Sum(Number) * (_rooms == 1 ? _clients : _clients / _rooms);
        long end = Environment.TickCount64 + DrainMsMax;
        long counted = Count();
        while (counted < wanted && Environment.TickCount64 < end)
        {
            counted = Count();
        }

        string faults = string.Join(", ", AskAll("faults").Select(answer => answer["faults ".Length..]).Where(text => text.Length > 0));
        if (counted != wanted || faults.Length > 0)
        {
            throw new LoadException(string.Create(CultureInfo.InvariantCulture, $"messages: {wanted - counted} not delivered; {faults}"));
        }
    }

    private long Count() => AskAll("count").Sum(Number);

    private static long Number(string answer) => long.Parse(answer, CultureInfo.InvariantCulture);

    private string[] AskAll(string command)
    {
        foreach (var process in _processes)
        {
            process.StandardInput.WriteLine(command);
        }

        return [.. _processes.Select(Answer)];
    }

    private string Ask(int number, string command)
    {
        _processes[number].StandardInput.WriteLine(command);
        return Answer(_processes[number]);
    }

    private static string Answer(Process process)
    {
        string? answer = process.StandardOutput.ReadLine();
        return answer is null ? throw new LoadException("a generator has ended")
            : answer.StartsWith(GeneratorProcess.Failed, StringComparison.Ordinal) ? throw new LoadException(answer[GeneratorProcess.Failed.Length..])
            : answer;
    }

    private static Process Start(GeneratorOptions options)
    {
        var process = Process.Start(new ProcessStartInfo(Environment.ProcessPath!, GeneratorProcess.Arguments(options))
        {
            UseShellExecute = false,
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
        })!;
        process.StandardInput.AutoFlush = true;
        return process;
    }
}
