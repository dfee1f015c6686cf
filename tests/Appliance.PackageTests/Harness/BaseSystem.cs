using Appliance.SystemTests.Harness;

namespace Appliance.PackageTests.Harness;

/// <summary>
/// A minimal Debian 12 with an init, as debootstrap makes it. That takes a minute, so it is kept as an archive outside of the
/// repository and made anew if that is missing.
/// </summary>
/// <param name="Name">Name of the archive.</param>
/// <param name="Packages">What it has beside Debian's minimum.</param>
public sealed record BaseSystem(string Name, string Packages)
{
    private const string Suite = "bookworm";
    private const string Cache = "/var/cache/appliance-tests";

    /// <summary>With systemd, and with rpm for the other kind of package.</summary>
    public static BaseSystem Systemd { get; } = new("systemd", "systemd,systemd-sysv,dbus,logrotate,procps,rpm");

    /// <summary>With sysvinit, and with rpm for the other kind of package.</summary>
    public static BaseSystem Sysvinit { get; } = new("sysvinit", "sysvinit-core,logrotate,procps,rpm");

    private string Archive => $"{Cache}/{Suite}-{Name}-{Packages.Replace(',', '-')}.tar";

    /// <summary>Unpacks a copy into a new folder.</summary>
    public async Task UnpackAsync(string folder)
    {
        if (!File.Exists(Archive))
        {
            await MakeAsync();
        }

        _ = Directory.CreateDirectory(folder);
        _ = await Artifacts.SucceedAsync("tar", "--extract", "--file", Archive, "--directory", folder, "--numeric-owner", "--same-permissions");
    }

    private async Task MakeAsync()
    {
        _ = Directory.CreateDirectory(Cache);
        var work = Directory.CreateTempSubdirectory("appliance-debootstrap-");
        try
        {
            var root = Path.Combine(work.FullName, "root");
            string[] mirror = [.. await MirrorAsync()];
            var made = await CommandResult.RunAsync(
                Artifacts.InstallationLimit, "debootstrap", ["--variant=minbase", $"--include={Packages}", Suite, root, .. mirror]);
            Assert.True(made.ExitCode == 0, $"debootstrap: {made.Error} {string.Join('\n', made.Output.Split('\n').TakeLast(20))}");

            // Nobody logs in, and nothing is downloaded.
            var inittab = Path.Combine(root, "etc/inittab");
            if (File.Exists(inittab))
            {
                await File.WriteAllLinesAsync(inittab, File.ReadLines(inittab).Where(line => !line.Contains("getty", StringComparison.Ordinal)).ToArray());
            }

            _ = await Artifacts.SucceedAsync(
                "sh", "-c", $"rm -rf '{root}'/var/cache/apt/archives/*.deb '{root}'/var/lib/apt/lists/* '{root}'/usr/share/locale '{root}'/usr/share/doc/*");
            var temporary = $"{Archive}.{Environment.ProcessId}";
            _ = await Artifacts.SucceedAsync("tar", "--create", "--file", temporary, "--directory", root, "--numeric-owner", "--one-file-system", ".");
            File.Move(temporary, Archive, overwrite: true);
        }
        finally
        {
            work.Delete(recursive: true);
        }
    }

    /// <summary>Where this host gets the same release from, if it is such a host; otherwise debootstrap knows.</summary>
    private static async Task<IEnumerable<string>> MirrorAsync()
    {
        var targets = await CommandResult.RunAsync("apt-get", "indextargets", "--format", "$(CODENAME) $(COMPONENT) $(REPO_URI)", "Created-By: Packages");
        return targets.Output.Split('\n')
            .Where(line => line.StartsWith($"{Suite} main ", StringComparison.Ordinal))
            .Select(line => line.Split(' ')[2])
            .Take(1);
    }
}
