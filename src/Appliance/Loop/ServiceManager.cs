using System.Globalization;
using System.Text;
using Appliance.Native;

namespace Appliance.Loop;

/// <summary>
/// What systemd asks of a service of <c>Type=notify</c> (sd_notify(3), sd_listen_fds(3), sd_watchdog_enabled(3)), without its
/// library: datagrams to <c>$NOTIFY_SOCKET</c>. Without one, nothing happens.
/// </summary>
public sealed class ServiceManager
{
    private const int FirstListenDescriptor = 3;
    private const int ListenDescriptorsMax = 64;

    /// <summary>How long a manager that does not read may hold up a process that hands over and ends; nobody else waits for it.</summary>
    private const int HandOverSecondsMax = 1;

    /// <summary>News that wait for a manager that does not read, and how long one try to tell them takes.</summary>
    private const int LateNewsMax = 16;
    private const int LateSecondsMax = 60;

    private readonly Queue<byte[]> _late = [];
    private readonly string? _socket = System.Environment.GetEnvironmentVariable("NOTIFY_SOCKET");

    /// <summary>Reads what the service manager has put into the environment, and takes it out again: it is not for children.</summary>
    public ServiceManager()
    {
        bool forUs = IsForUs("WATCHDOG_PID");
        KeepAliveMs = forUs && long.TryParse(System.Environment.GetEnvironmentVariable("WATCHDOG_USEC"), CultureInfo.InvariantCulture, out long us)
            ? (int)Math.Min(us / 2000, int.MaxValue)
            : 0;
        Environment = new Dictionary<string, string?>(StringComparer.Ordinal)
        {
            ["NOTIFY_SOCKET"] = _socket,
            ["WATCHDOG_USEC"] = forUs ? System.Environment.GetEnvironmentVariable("WATCHDOG_USEC") : null,
        };
        ListenSockets = InheritedSockets();
        foreach (string name in (string[])["NOTIFY_SOCKET", "WATCHDOG_PID", "WATCHDOG_USEC", "LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES"])
        {
            System.Environment.SetEnvironmentVariable(name, null);
        }
    }

    /// <summary>What another process needs in its environment to speak to the service manager in our place.</summary>
    public IReadOnlyDictionary<string, string?> Environment { get; }

    /// <summary>The listening sockets that the service manager has bound for us; the name of a descriptor says its kind.</summary>
    public IReadOnlyList<(int Descriptor, ListenKind Kind)> ListenSockets { get; }

    /// <summary>How often the watchdog wants to be told that the loop turns: twice in its time; 0 when there is none.</summary>
    public int KeepAliveMs { get; }

    /// <summary>
    /// Launcher only: forwards systemd's environment and sockets to the process that it starts. Returns the sockets that this process inherits.
    /// </summary>
    public static IReadOnlyList<int> PassOn()
    {
        int[] sockets = Array.FindAll(InheritedDescriptors(), Syscall.IsListening);
        foreach (string name in ((string[])["WATCHDOG_PID", "LISTEN_PID"]).Where(IsForUs))
        {
            System.Environment.SetEnvironmentVariable(name, null);
        }

        return sockets;
    }

    /// <summary>The service serves; also the end of a reload.</summary>
    public void Ready(int mainPid) => Notify(string.Create(CultureInfo.InvariantCulture, $"READY=1\nMAINPID={mainPid}\nSTATUS=serving"));

    /// <summary>Another process is the service from now on; it says itself when it serves.</summary>
    public void HandOver(int pid) => Notify(string.Create(CultureInfo.InvariantCulture, $"MAINPID={pid}"), HandOverSecondsMax);

    /// <summary>A reload begins.</summary>
    public void Reloading() => Notify(
        string.Create(CultureInfo.InvariantCulture, $"RELOADING=1\nMONOTONIC_USEC={MonotonicClock.ReadNs() / 1000}"));

    /// <summary>The service ends.</summary>
    public void Stopping() => Notify("STOPPING=1");

    /// <summary>Tells the watchdog that the loop turns.</summary>
    public void KeepAlive() => Notify("WATCHDOG=1", isNews: false);

    private static (int Descriptor, ListenKind Kind)[] InheritedSockets()
    {
        string[] names = (System.Environment.GetEnvironmentVariable("LISTEN_FDNAMES") ?? "").Split(':');
        int[] descriptors = InheritedDescriptors();
        return [.. descriptors.Zip(ListenKinds.OfNames(names, descriptors.Length))];
    }

    private static int[] InheritedDescriptors()
    {
        int count = IsForUs("LISTEN_PID") && int.TryParse(System.Environment.GetEnvironmentVariable("LISTEN_FDS"), CultureInfo.InvariantCulture, out int fds)
            ? fds
            : 0;
        int[] descriptors = new int[Math.Clamp(count, 0, ListenDescriptorsMax)];
        for (int i = 0; i < descriptors.Length; i++)
        {
            descriptors[i] = FirstListenDescriptor + i;
        }

        return descriptors;
    }

    /// <summary>A variable without a pid, or with ours, is for this process.</summary>
    private static bool IsForUs(string name) =>
        System.Environment.GetEnvironmentVariable(name) is not { Length: > 0 } pid
            || pid == System.Environment.ProcessId.ToString(CultureInfo.InvariantCulture);

    /// <summary>Tells the manager, behind whatever it has not taken yet; a sign of life that it does not take at once is dropped.</summary>
    private void Notify(string text, int secondsMax = 0, bool isNews = true)
    {
        if (_socket is not { Length: > 0 })
        {
            return;
        }

        byte[] bytes = Encoding.UTF8.GetBytes(text);
        lock (_late)
        {
            if ((_late.Count > 0 || Send(bytes, secondsMax).WouldBlock) && isNews && _late.Count < LateNewsMax)
            {
                _late.Enqueue(bytes);
                if (_late.Count == 1)
                {
                    TellLater();
                }
            }
        }
    }

    private void TellLater()
    {
        try
        {
            new Thread(TellLate) { IsBackground = true, Name = "service manager" }.Start();
        }
        catch (Exception refused) when (refused is OutOfMemoryException or ThreadStartException)
        {
            _late.Clear();
        }
    }

    /// <summary>On a thread of its own, which ends when everything is sent.</summary>
    private void TellLate()
    {
        while (true)
        {
            byte[] next;
            lock (_late)
            {
                if (!_late.TryPeek(out next!))
                {
                    return;
                }
            }

            if (!Send(next, LateSecondsMax).WouldBlock)
            {
                lock (_late)
                {
                    _ = _late.Dequeue();
                }
            }
        }
    }

    /// <summary>A leading @ stands for the NUL of an abstract address.</summary>
    private SysResult Send(byte[] bytes, int secondsMax) => Syscall.SendDatagram(SocketAddress.Unix(_socket!), bytes, secondsMax);
}
