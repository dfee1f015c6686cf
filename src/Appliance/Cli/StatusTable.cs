using System.Globalization;
using System.Text;
using Appliance.Metrics;

namespace Appliance.Cli;

/// <summary>The figures for people: a row a worker, what is wrong in red where that can be shown.</summary>
internal static class StatusTable
{
    private const long UptimeSecondsMax = 1_000_000_000;
    private const string Red = "\e[1;31m";
    private const string Plain = "\e[0m";
    private const string Clear = "\e[H\e[2J\e[3J";

    private static readonly (string Heading, int Width, string Metric)[] Columns =
    [
        ("connections", 11, "connections"),
        ("messages", 12, "requests"),
        ("a second", 9, "rps"),
        ("average", 9, "avg_request_ms"),
        ("idle", 7, "idle_percent"),
        ("deliveries", 13, "deliveries"),
        ("memory", 9, "memory_bytes"),
        ("restarts", 8, "restarts"),
    ];

    /// <summary>Colours are for terminals, and for those who have not asked for none (no-color.org).</summary>
    private static bool ShowsColors => StandardOutput.IsTerminal
        && string.IsNullOrEmpty(Environment.GetEnvironmentVariable("NO_COLOR")) && Environment.GetEnvironmentVariable("TERM") != "dumb";

    /// <summary>Begins at the top again, on a terminal.</summary>
    public static void ClearScreen()
    {
        if (StandardOutput.IsTerminal)
        {
            StandardOutput.Out.Write(Clear);
        }
    }

    /// <summary>Writes a sample of the server whose pid the pid file has.</summary>
    public static string Write(Sample sample, int pid)
    {
        bool colors = ShowsColors;
        List<string> troubles = [.. sample.Troubles];
        if (sample.Server.Stopping != 0)
        {
            troubles.Add("the server is stopping");
        }

        var up = TimeSpan.FromSeconds(Math.Min(sample.Total.UptimeSeconds, UptimeSecondsMax));
        var text = new StringBuilder(Text($"appliance is running, pid {pid}, version {sample.Build.Version}\n"));
        _ = text.Append(Text($"up {up:d\\d\\ hh\\:mm\\:ss}, workers: {sample.Total.Serving}{Range(sample)}, rooms: {sample.Server.Rooms}, "));
        _ = text.Append(Text($"command queue: {sample.Server.QueueMessages} messages\n"));
        foreach (string trouble in troubles)
        {
            _ = text.Append(Paint(trouble, colors)).Append('\n');
        }

        _ = text.Append("worker      pid  state   ").AppendJoin(' ', Array.ConvertAll(Columns, column => column.Heading.PadLeft(column.Width))).Append('\n');
        foreach (var worker in sample.Workers)
        {
            string row = Text($"{worker.Worker,6} {worker.Pid,8}  {Sample.Word(worker.State),-8}{Cells(worker.Figures)}");
            _ = text.Append(worker.State is WorkerState.Dead or WorkerState.Stuck ? Paint(row, colors) : row).Append('\n');
        }

        return text.Append(Text($"{"all",6} {"",8}  {"",-8}{Cells(sample.Total)}\n")).ToString();
    }

    private static string Range(Sample sample) =>
        sample.Server.WorkersMost > sample.Server.WorkersLeast ? Text($" of {sample.Server.WorkersLeast} to {sample.Server.WorkersMost}") : "";

    private static string Cells(Figures figures) =>
        string.Join(' ', Array.ConvertAll(Columns, column => Cell(MetricsTable.Find(column.Metric)!, figures).PadLeft(column.Width)));

    private static string Cell(Metric metric, Figures figures)
    {
        double value = metric.Value(figures);
        return metric.Unit switch
        {
            MetricUnit.Bytes => Text($"{value / 1e6:0.0} MB"),
            MetricUnit.Milliseconds => Text($"{value:0.###} ms"),
            MetricUnit.Percent => Text($"{value:0.0} %"),
            MetricUnit.None or MetricUnit.Seconds => Text($"{value:0.#}"),
            _ => throw new System.Diagnostics.UnreachableException(),
        };
    }

    private static string Paint(string text, bool colors) => colors ? $"{Red}{text}{Plain}" : text;

    private static string Text(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
