using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using Appliance.SystemTests.Harness;

namespace Appliance.PackageTests.Harness;

/// <summary>
/// A booted system with processes, IPC objects and a network (loopback alone) of its own: systemd-nspawn starts its init. Nothing of it
/// is left when it ends.
/// </summary>
public sealed class Machine : IAsyncDisposable
{
    /// <summary>Where the chat serves inside.</summary>
    public static readonly IPEndPoint Chat = new(IPAddress.Loopback, 9000);

    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("appliance-machine-");
    private readonly ServerLog _console = new();
    private Process? _container;

    private Machine()
    {
    }

    /// <summary>The system's root, as this host sees it.</summary>
    public string Root => Path.Combine(_folder.FullName, "root");

    /// <summary>The system's init, as this host sees it.</summary>
    public int Init { get; private set; }

    /// <summary>Unpacks a system, boots it, and waits until it is up.</summary>
    public static async Task<Machine> BootAsync(BaseSystem system)
    {
        var machine = new Machine();
        try
        {
            await system.UnpackAsync(machine.Root);
            await machine.StartAsync();
            return machine;
        }
        catch
        {
            await machine.DisposeAsync();
            throw;
        }
    }

    /// <summary>Runs a shell script inside.</summary>
    public Task<CommandResult> RunAsync(string script) => CommandResult.RunAsync(
        Artifacts.InstallationLimit,
        "nsenter",
        "--target", Init.ToString(CultureInfo.InvariantCulture), "--mount", "--uts", "--ipc", "--net", "--pid", "--root", "--wd",
        "env", "-i", "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "DEBIAN_FRONTEND=noninteractive", "LC_ALL=C", "HOME=/root",
        "TERM=dumb",
        "sh", "-c", script);

    /// <summary>Runs a script that must succeed and returns what it printed.</summary>
    public async Task<string> SucceedAsync(string script)
    {
        var result = await RunAsync(script);
        Assert.True(result.ExitCode == 0, $"{script}: {result}\n{string.Join('\n', _console.Lines.TakeLast(10))}");
        return result.Output;
    }

    /// <summary>Copies a file in and returns its path inside.</summary>
    public string CopyIn(string file, string? name = null)
    {
        var inside = $"/root/{name ?? Path.GetFileName(file)}";
        File.Copy(file, Root + inside, overwrite: true);
        return inside;
    }

    /// <summary>Connects to the chat inside.</summary>
    public async Task<RawClient> ConnectAsync() => RawClient.Over(await NetworkNamespace.ConnectAsync(Init, Chat));

    /// <summary>Joins a room of the chat inside.</summary>
    public async Task<ChatClient> JoinAsync(string query = "")
    {
        var raw = await ConnectAsync();
        _ = await raw.UpgradeAsync("/?" + query);
        return ChatClient.Over(raw);
    }

    /// <summary>Whether something listens where the chat would.</summary>
    public async Task<bool> IsServedAsync()
    {
        try
        {
            (await NetworkNamespace.ConnectAsync(Init, Chat)).Dispose();
            return true;
        }
        catch (SocketException refused) when (refused.SocketErrorCode == SocketError.ConnectionRefused)
        {
            return false;
        }
    }

    /// <summary>Ends every process inside, and removes the system.</summary>
    public async ValueTask DisposeAsync()
    {
        if (Init > 0)
        {
            // The namespace's first process takes all others with it, and the IPC namespace goes with the last.
            _ = await CommandResult.RunAsync("sh", "-c", $"kill -KILL {Init}");
        }

        if (_container is not null)
        {
            _ = await TimeLimit.GuardAsync("end of the machine", async limit =>
            {
                await _container.WaitForExitAsync(limit);
                return true;
            });
            _container.Dispose();
        }

        RemoveTraces();
        _folder.Delete(recursive: true);
    }

    private async Task StartAsync()
    {
        var start = new ProcessStartInfo(
            "systemd-nspawn",
            ["--quiet", "--register=no", "--keep-unit", "--private-network", "--console=pipe", $"--machine={_folder.Name}", $"--directory={Root}", "--boot"])
        {
            UseShellExecute = false,
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        _container = Process.Start(start) ?? throw new InvalidOperationException("systemd-nspawn did not start.");
        _container.OutputDataReceived += (_, line) => _console.Add(line.Data);
        _container.ErrorDataReceived += (_, line) => _console.Add(line.Data);
        _container.BeginOutputReadLine();
        _container.BeginErrorReadLine();
        _ = await WaitUntilAsync("init", () => Task.FromResult(FindInit()));
        const string IsUp = "if [ -d /run/systemd/system ]; then systemctl is-system-running; else runlevel | grep -x 'N 2' && ! pgrep -x startpar; fi";
        _ = await WaitUntilAsync("boot", async () => (await RunAsync(IsUp)).ExitCode == 0);
    }

    private bool FindInit()
    {
        Assert.False(_container!.HasExited, $"systemd-nspawn ended: {string.Join('\n', _console.Lines)}");
        Init = new ProcessStatus(_container.Id).Children().Select(child => child.Pid).FirstOrDefault();
        return Init > 0 && File.Exists($"/proc/{Init}/ns/pid")
            && new FileInfo($"/proc/{Init}/ns/pid").LinkTarget != new FileInfo("/proc/self/ns/pid").LinkTarget;
    }

    private Task<bool> WaitUntilAsync(string awaited, Func<Task<bool>> happened) => TimeLimit.GuardAsync(awaited, async limit =>
    {
        while (!await happened())
        {
            await Task.Delay(50, limit);
        }

        return true;
    }, () => string.Join('\n', _console.Lines.TakeLast(20)));

    /// <summary>What systemd-nspawn leaves on a host without systemd: empty folders.</summary>
    private void RemoveTraces()
    {
        string[] folders = [$"/run/systemd/nspawn/propagate/{_folder.Name}", .. CgroupFolders()];
        foreach (var folder in folders.Where(Directory.Exists))
        {
            try
            {
                Directory.Delete(folder);
            }
            catch (IOException)
            {
                // In use, so not this machine's.
            }
        }
    }

    private static IEnumerable<string> CgroupFolders() =>
        from hierarchy in (string[])["/sys/fs/cgroup", "/sys/fs/cgroup/unified", "/sys/fs/cgroup/systemd"]
        from part in (string[])["payload", "supervisor"]
        let top = Path.Combine(hierarchy, part)
        where Directory.Exists(top)
        from folder in Directory.EnumerateDirectories(top, "*", SearchOption.AllDirectories).OrderByDescending(path => path.Length).Append(top)
        select folder;
}
