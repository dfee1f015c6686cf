using System.Diagnostics;
using System.Globalization;
using Appliance.Bench.Load;
using Appliance.Bench.Reports;
using Appliance.Bench.Servers;

namespace Appliance.Bench.Scenarios;

/// <summary>More connections than a process may have: several workers, several generators. Ours alone.</summary>
public sealed class CrowdScenarios(BenchOptions options)
{
    private const int Workers = 8;

    /// <summary>How often a server pings by default, in seconds.</summary>
    private const int DefaultPingSeconds = 30;

    /// <summary>Deliveries under way at a time when many small rooms are compared with a large one.</summary>
    private const int DeliveriesInFlight = 1000;

    private const int Members = 10;

    private readonly int _clients = options.Crowd;
    private readonly int _processes = options.Crowd / Fleet.ClientsPerProcess;
    private readonly int _rooms = options.Crowd / Members;

    /// <summary>Connections opened in a second, and kept.</summary>
    public Measure OpensPerSecond { get; } = new($"{Many(options)}: connections opened per second", "N0");

    /// <summary>Memory of all processes.</summary>
    public Measure IdleBytes { get; } = new($"{Many(options)}: bytes (PSS) per idle connection", "N0");

    /// <summary>What pings cost.</summary>
    public Measure PingPercent { get; } = new($"{Many(options)}: keep-alive pings, % of a core at --ping {DefaultPingSeconds}", "N2");

    /// <summary>Deliveries with everybody in one room.</summary>
    public Measure ChatPerSecond { get; } = new($"{Many(options)}, one room, 1 in flight: deliveries per second", "N0");

    /// <summary>What they cost.</summary>
    public Measure ChatCpuUs { get; } = new($"{Many(options)}, one room, 1 in flight: server CPU µs per delivery", "N2");

    /// <summary>Connections opened in a second, and kept, when each tenth is the first of a room.</summary>
    public Measure RoomsOpensPerSecond { get; } = new(string.Create(CultureInfo.InvariantCulture,
        $"{options.Crowd / Members:N0} rooms of {Members}: connections opened per second"), "N0");

    /// <summary>Cost of a delivery in many small rooms.</summary>
    public Measure SmallRoomsCpuUs { get; } = new(string.Create(CultureInfo.InvariantCulture,
        $"{options.Crowd / Members:N0} rooms of {Members}, {DeliveriesInFlight / Members} in flight: server CPU µs per delivery"), "N2");

    /// <summary>Cost of a delivery in one room on the same server.</summary>
    public Measure LargeRoomCpuUs { get; } = new(string.Create(CultureInfo.InvariantCulture,
        $"one room of {DeliveriesInFlight:N0} beside them, 1 in flight: server CPU µs per delivery"), "N2");

    /// <summary>Cost of a delivery in small rooms all of whose members have one worker.</summary>
    public Measure SmallRoomsOfOneCpuUs { get; } = new(string.Create(CultureInfo.InvariantCulture,
        $"{Fleet.ClientsPerProcess / Members:N0} rooms of {Members}, one worker, {DeliveriesInFlight / Members} in flight: server CPU µs per delivery"), "N2");

    /// <summary>Cost of a delivery in one room on the same server.</summary>
    public Measure LargeRoomOfOneCpuUs { get; } = new(string.Create(CultureInfo.InvariantCulture,
        $"one room of {DeliveriesInFlight:N0} beside them, one worker, 1 in flight: server CPU µs per delivery"), "N2");

    /// <summary>The scenarios.</summary>
    public IReadOnlyList<Scenario> Rows =>
    [
        new("crowd") { Alias = "idle-100k", Cases = [new(options.IsOurs, Crowd) { Setup = Setup(Workers, "--ping", Text(options.PingSeconds)) }] },
        new("rooms")
        {
            Cases =
            [
                new(options.IsOurs, RoomsOfMany) { Setup = Setup(Workers, "--max-rooms", Text(_rooms + 2)) },
                new(IsOursOrLimit, RoomsOfOne) { Setup = Setup(1, "--max-rooms", Text(_rooms + 2)) },
            ],
        },
    ];

    /// <summary>Beside the limit: a socket among ten thousand is dearer than one among a thousand for whoever sends to it.</summary>
    private bool IsOursOrLimit(ServerUnderTest server) => server.Kind == ServerKind.Limit || options.IsOurs(server);

    private static string Many(BenchOptions options) => string.Create(CultureInfo.InvariantCulture, $"{options.Crowd:N0} connections, {Workers} workers");

    private static string Text(int number) => number.ToString(CultureInfo.InvariantCulture);

    private static ServerSetup Setup(int workers, params string[] arguments) => new() { Workers = workers, Options = arguments };

    /// <summary>Opened, idle over one interval of pings (each connection gets one, however short it is), chatting.</summary>
    private void Crowd(RunningServer server, Note note)
    {
        using (var warmUp = new Generator(new GeneratorOptions { Port = server.Port, Clients = Workers * Generator.OpeningMax }))
        {
            warmUp.Open();
        }

        using var fleet = new Fleet(server.Port, _processes, _clients, rooms: 1, prefix: "");
        var figures = server.Observe();
        long before = figures.PssBytes();
        long started = Stopwatch.GetTimestamp();
        fleet.Open();
        note(OpensPerSecond, _clients / Stopwatch.GetElapsedTime(started).TotalSeconds);
        note(IdleBytes, (double)(figures.PssBytes() - before) / _clients);

        double cpuUs = figures.CpuUs();
        Thread.Sleep(TimeSpan.FromSeconds(options.PingSeconds));
        note(PingPercent, (figures.CpuUs() - cpuUs) / (DefaultPingSeconds * 1e6) * 100);

        var (perSecond, chatUs) = Load(fleet, 1, figures);
        note(ChatPerSecond, perSecond);
        note(ChatCpuUs, chatUs);
    }

    /// <summary>As many deliveries under way in many rooms, which take turns, as in one: on the same server, with as many generators.</summary>
    private (double OpensPerSecond, double Small, double Large) Rooms(RunningServer server, int processes)
    {
        int clients = processes * Fleet.ClientsPerProcess;
        using var many = new Fleet(server.Port, processes, clients, clients / Members, "r");
        long started = Stopwatch.GetTimestamp();
        many.Open();
        double opensPerSecond = clients / Stopwatch.GetElapsedTime(started).TotalSeconds;
        using var one = new Fleet(server.Port, processes, DeliveriesInFlight, rooms: 1, prefix: "");
        one.Open();
        var figures = server.Observe();
        return (opensPerSecond, Load(many, DeliveriesInFlight / Members, figures).CpuUs, Load(one, 1, figures).CpuUs);
    }

    private void RoomsOfMany(RunningServer server, Note note)
    {
        var (opensPerSecond, small, large) = Rooms(server, _processes);
        note(RoomsOpensPerSecond, opensPerSecond);
        note(SmallRoomsCpuUs, small);
        note(LargeRoomCpuUs, large);
    }

    private void RoomsOfOne(RunningServer server, Note note)
    {
        var (_, small, large) = Rooms(server, processes: 1);
        note(SmallRoomsOfOneCpuUs, small);
        note(LargeRoomOfOneCpuUs, large);
    }

    private (double PerSecond, double CpuUs) Load(Fleet fleet, int inFlight, ProcessFigures figures) =>
        fleet.Load(inFlight, TimeSpan.FromSeconds(options.WarmUpSeconds), TimeSpan.FromSeconds(options.Seconds), figures.CpuUs);
}
