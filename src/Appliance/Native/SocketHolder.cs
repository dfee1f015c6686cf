using System.Globalization;

namespace Appliance.Native;

/// <summary>Which process listens at an address that is taken, as far as the kernel and /proc tell this user. For errors only: it looks long.</summary>
public static class SocketHolder
{
    private const string Own = "appliance";
    private const string Listening = "0A"; // TCP_LISTEN as /proc/net/tcp writes it, proc_net_tcp(5)
    private const int AddressField = 1;
    private const int StateField = 3;
    private const int InodeField = 9;

    private static readonly string[] Tables = ["/proc/net/tcp", "/proc/net/tcp6"];

    /// <summary>The process that listens at a unix socket; null when there is none, or the kernel does not say.</summary>
    public static string? OfPath(string path)
    {
        var opened = Syscall.Socket(Syscall.AF_UNIX);
        if (!opened.Ok)
        {
            return null;
        }

        int pid = Syscall.Connect(opened.Value, SocketAddress.Unix(path)).Ok ? Syscall.PeerProcess(opened.Value) : 0;
        _ = Syscall.Close(opened.Value);
        return pid > 0 ? Describe(pid) : null;
    }

    /// <summary>The oldest process that listens at a TCP port, at whatever address; null when /proc does not tell.</summary>
    public static string? OfPort(int port)
    {
        HashSet<string> sockets = [.. Tables.SelectMany(table => SocketsOf(table, port))];
        return sockets.Count == 0 ? null : Processes().Where(pid => Holds(pid, sockets)).Select(Describe).FirstOrDefault();
    }

    private static string Describe(int pid)
    {
        string name = string.Concat(Lines($"/proc/{pid}/comm"));
        return name == Own ? Text($"another appliance (pid {pid})")
            : name.Length > 0 ? Text($"{name} (pid {pid})") : Text($"process {pid}");
    }

    /// <summary>The sockets that listen at a port, as links of descriptors name them.</summary>
    private static IEnumerable<string> SocketsOf(string table, int port)
    {
        string suffix = Text($":{port:X4}");
        return Lines(table).Select(line => line.Split(' ', StringSplitOptions.RemoveEmptyEntries))
            .Where(row => row.Length > InodeField && row[StateField] == Listening && row[AddressField].EndsWith(suffix, StringComparison.Ordinal))
            .Select(row => $"socket:[{row[InodeField]}]");
    }

    private static IEnumerable<int> Processes() => Names("/proc")
        .Select(path => int.TryParse(Path.GetFileName(path), NumberStyles.None, CultureInfo.InvariantCulture, out int pid) ? pid : 0)
        .Where(pid => pid > 0 && pid != Environment.ProcessId)
        .Order();

    private static bool Holds(int pid, HashSet<string> sockets) =>
        Names(Text($"/proc/{pid}/fd")).Any(path => LinkOf(path) is { } link && sockets.Contains(link));

    private static string? LinkOf(string path) => Read(() => new FileInfo(path).LinkTarget, null);

    private static string[] Names(string directory) => Read(() => Directory.GetFileSystemEntries(directory), []);

    private static string[] Lines(string file) => Read(() => File.ReadAllLines(file), []);

    /// <summary>Processes end while they are looked at, and some are nobody else's to look at.</summary>
    private static T Read<T>(Func<T> read, T otherwise)
    {
        try
        {
            return read();
        }
        catch (Exception refused) when (refused is IOException or UnauthorizedAccessException)
        {
            return otherwise;
        }
    }

    private static string Text(FormattableString text) => FormattableString.Invariant(text);
}
