using Cake.Common.Diagnostics;
using Cake.Core;

namespace Build;

/// <summary>What needs a program or a file of the system.</summary>
[Flags]
public enum Purpose
{
    /// <summary>Linking the native binary, and looking at it afterwards.</summary>
    Publish = 1,

    /// <summary>The system tests.</summary>
    Test = 2,

    /// <summary>The peers that the benchmark compares with.</summary>
    Bench = 4,

    /// <summary>Building and checking packages.</summary>
    Package = 8,

    /// <summary>The tests of the packages.</summary>
    PackageTest = 16,

    /// <summary>Fuzzing: PHP reads the same bytes.</summary>
    Fuzz = 32,
}

/// <summary>The programs that the build takes from the system, and the Debian packages that have them.</summary>
public static class Prerequisites
{
    // A probe is a program on the PATH, or the absolute path of a file.
    private static readonly (Purpose Purpose, string Probe, string Package)[] Table =
    [
        (Purpose.Publish, "clang", "clang"),
        (Purpose.Publish, "readelf", "binutils"),
        (Purpose.Publish, "/usr/include/zlib.h", "zlib1g-dev"),
        (Purpose.Test, "chromium", "chromium"),
        (Purpose.Test, "/usr/share/fonts/truetype/noto/NotoColorEmoji.ttf", "fonts-noto-color-emoji"),
        (Purpose.Test, "php", "php-cli"),
        (Purpose.Test, "ipcs", "util-linux"),
        (Purpose.Test, "setpriv", "util-linux"),
        (Purpose.Test, "unshare", "util-linux"),
        (Purpose.Test, "ip", "iproute2"),
        (Purpose.Test, "nsenter", "util-linux"),
        (Purpose.Test, "script", "bsdutils"),
        (Purpose.Test, "perl", "perl"),
        (Purpose.Test, "strace", "strace"),
        (Purpose.Test, "faketime", "faketime"),
        (Purpose.Test, "promtool", "prometheus"),
        (Purpose.Test, "zabbix_get", "zabbix-proxy-sqlite3"),
        (Purpose.Fuzz, "php", "php-cli"),
        (Purpose.Bench, "nginx", "nginx"),
        (Purpose.Bench, "/usr/lib/nginx/modules/ngx_nchan_module.so", "libnginx-mod-nchan"),
        (Purpose.Bench, "node", "nodejs"),
        (Purpose.Bench, "npm", "npm"),
        (Purpose.Bench, "php", "php-cli"),
        (Purpose.Package, "dpkg-deb", "dpkg"),
        (Purpose.Package, "lintian", "lintian"),
        (Purpose.Package, "rpmbuild", "rpm"),
        (Purpose.Package, "rpmlint", "rpmlint"),
        (Purpose.PackageTest, "debootstrap", "debootstrap"),
        (Purpose.PackageTest, "systemd-nspawn", "systemd-container"),
        (Purpose.PackageTest, "systemd-analyze", "systemd"),
        (Purpose.PackageTest, "nsenter", "util-linux"),
        (Purpose.PackageTest, "rpm2cpio", "rpm2cpio"),
        (Purpose.PackageTest, "cpio", "cpio"),
        (Purpose.PackageTest, "shellcheck", "shellcheck"),
        (Purpose.PackageTest, "dash", "dash"),
        (Purpose.PackageTest, "mandoc", "mandoc"),
        (Purpose.PackageTest, "groff", "groff"),
        (Purpose.PackageTest, "zsh", "zsh"),
        (Purpose.PackageTest, "fish", "fish"),
        (Purpose.PackageTest, "nginx", "nginx"),
        (Purpose.PackageTest, "apache2", "apache2-bin"),
        (Purpose.PackageTest, "haproxy", "haproxy"),
        (Purpose.PackageTest, "caddy", "caddy"),
    ];

    /// <summary>Installs with apt what is missing for a purpose, and for what the target comes to later: one message names it all.</summary>
    /// <exception cref="CakeException">Something is missing and cannot be installed from here; the message holds the command.</exception>
    public static void Install(BuildContext context, Purpose purpose)
    {
        purpose |= PurposeOf(context.Target);
        var missing = Missing(purpose);
        if (missing.Count == 0)
        {
            return;
        }

        var packages = string.Join(' ', missing);
        if (!File.Exists("/usr/bin/apt-get"))
        {
            throw new CakeException($"Missing: {packages} (Debian's names). Install them with this system's package manager.");
        }

        if (!Environment.IsPrivilegedProcess)
        {
            throw new CakeException($"Missing: {packages}. Run: sudo apt-get update && sudo apt-get install -y --no-install-recommends {packages}");
        }

        context.Information($"Installing {packages}");
        context.Run("apt-get", "update", "-q");
        using var calm = new ServicesStayOff();
        context.Run("env", ["DEBIAN_FRONTEND=noninteractive", "apt-get", "install", "-q", "-y", "--no-install-recommends", .. missing]);
        if (Missing(purpose) is { Count: > 0 } still)
        {
            throw new CakeException($"Still missing after the installation: {string.Join(' ', still)}.");
        }
    }

    private static Purpose PurposeOf(string target) => target switch
    {
        "test" => Purpose.Test,
        "bench" => Purpose.Bench,
        "deb" or "rpm" => Purpose.Package,
        _ => default,
    };

    private static List<string> Missing(Purpose purpose) =>
        [.. Table.Where(row => purpose.HasFlag(row.Purpose) && !IsThere(row.Probe)).Select(row => row.Package).Distinct(StringComparer.Ordinal)];

    private static bool IsThere(string probe) =>
        Path.IsPathRooted(probe)
            ? File.Exists(probe)
            : $"{Environment.GetEnvironmentVariable("PATH")}:/usr/sbin:/sbin".Split(':').Any(folder => File.Exists(Path.Combine(folder, probe)));
}

/// <summary>
/// Some packages hold a service besides the program that is needed: none is started while this exists. Debian asks the file before it
/// starts one (invoke-rc.d(8)); an administrator's own is left alone.
/// </summary>
internal sealed class ServicesStayOff : IDisposable
{
    private const string Policy = "/usr/sbin/policy-rc.d";

    private readonly bool _isOurs = !File.Exists(Policy);

    public ServicesStayOff()
    {
        if (_isOurs)
        {
            File.WriteAllText(Policy, "#!/bin/sh\nexit 101\n");
            File.SetUnixFileMode(Policy, (UnixFileMode)0b111_101_101);
        }
    }

    public void Dispose()
    {
        if (_isOurs)
        {
            File.Delete(Policy);
        }
    }
}
