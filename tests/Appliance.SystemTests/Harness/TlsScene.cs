using System.Net;

namespace Appliance.SystemTests.Harness;

/// <summary>A server that listens with TLS, with certificates for two names.</summary>
public sealed class TlsScene : IAsyncDisposable
{
    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("appliance-test-");

    private TlsScene()
    {
        Files = TlsFiles.Make(_folder.FullName);
        Other = TlsFiles.Make(_folder.FullName, "other.example");
    }

    /// <summary>The server.</summary>
    public ApplianceDaemon Daemon { get; } = new();

    /// <summary>Where it listens with TLS.</summary>
    public IPEndPoint Address => TlsClient.AddressOf(Daemon.Log);

    /// <summary>Its first certificate, for localhost.</summary>
    public TlsFiles Files { get; }

    /// <summary>Its second one, for other.example.</summary>
    public TlsFiles Other { get; }

    /// <summary>Starts a daemon with so many workers, or with 0 a single process.</summary>
    public static Task<TlsScene> StartAsync(int workers = 0, params string[] options) => StartAsync(new TlsScene(), workers, options);

    /// <summary>The same with a copy of the binary, which a test may replace.</summary>
    public static Task<TlsScene> StartCopyAsync(int workers, params string[] options)
    {
        var scene = new TlsScene();
        scene.Daemon.CopyBinary();
        return StartAsync(scene, workers, options);
    }

    private static async Task<TlsScene> StartAsync(TlsScene scene, int workers, string[] options)
    {
        try
        {
            await scene.StartDaemonAsync(workers, options);
            _ = await scene.Daemon.WaitForLogAsync("ready on https://");
            return scene;
        }
        catch
        {
            await scene.DisposeAsync();
            throw;
        }
    }

    /// <summary>Has the running server have another number of workers.</summary>
    public async Task ChangeWorkersAsync(int workers)
    {
        await File.WriteAllTextAsync(Configuration, $"proc = {workers}\n");
        _ = await Daemon.SucceedAsync("reload");
        await Daemon.WaitUntilAsync($"{workers} workers", () => Daemon.Workers().Count == workers);
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        await Daemon.DisposeAsync();
        _folder.Delete(recursive: true);
    }

    private string Configuration => Path.Combine(_folder.FullName, "appliance.conf");

    private async Task LaunchAsync(string[] options)
    {
        var started = await Daemon.LaunchAsync(options);
        Assert.True(started.ExitCode == 0, $"{started} {string.Join('\n', Daemon.Log)}");
    }

    private Task StartDaemonAsync(int workers, string[] options)
    {
        string[] all = ["--announce", "off", "--max-rate", "0", .. Files.Options, .. Other.Pair, .. options];
        File.WriteAllText(Configuration, $"proc = {Math.Max(1, workers)}\n");
        return workers > 0 ? LaunchAsync([.. all, "--config", Configuration])
            : Daemon.StartForegroundAsync([], new Dictionary<string, string>(StringComparer.Ordinal), ["--nofork", .. all]);
    }
}
