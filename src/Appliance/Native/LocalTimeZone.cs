namespace Appliance.Native;

/// <summary>The time zone that a user may choose with <c>TZ</c> (tzset(3)), for times that people read.</summary>
public static class LocalTimeZone
{
    private const string Variable = "TZ";

    /// <summary>
    /// The runtime reads whatever the variable names to its end. What is no file that has one, a device, a pipe, a directory, counts as a zone that
    /// is not there: UTC. Called before any time is read.
    /// </summary>
    public static void Check()
    {
        string name = (Environment.GetEnvironmentVariable(Variable) ?? "").TrimStart(':');
        string path = Path.Combine(Environment.GetEnvironmentVariable("TZDIR") is { Length: > 0 } folder ? folder : "/usr/share/zoneinfo", name);
        if (name.Length > 0 && Syscall.Open(path, Syscall.O_PATH, 0) is { Ok: true } opened)
        {
            bool isFile = Syscall.StatusOf(opened.Value, out var status).Ok && status.IsRegular;
            _ = Syscall.Close(opened.Value);
            if (!isFile)
            {
                Environment.SetEnvironmentVariable(Variable, "UTC");
            }
        }
    }
}
