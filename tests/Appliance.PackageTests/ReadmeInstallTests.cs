using Appliance.PackageTests.Harness;
using Appliance.SystemTests.Harness;

namespace Appliance.PackageTests;

/// <summary>
/// The lines of README.md that install, as they stand, in systems of their own. What such a system lacks is stood in for: its packages
/// are built already, root needs no sudo, and Debian has rpm instead of dnf.
/// </summary>
public sealed class ReadmeInstallTests
{
    private const string Heading = "Install it";

    private static IReadOnlyList<string> Lines => [.. Readme.Below(Heading).SelectMany(block => block.Lines).Select(line => ReadmeLine.Of(line).Command)];

    [RootFact]
    public async Task Debian_package_serves_when_it_is_installed()
    {
        await using var machine = await BootAsync("appliance.deb");
        await TypeAsync(machine, line => line.Contains("./build.sh deb", StringComparison.Ordinal), 1);
        await using var ann = await machine.JoinAsync();
        _ = await ann.SayAndReadAsync("installed");
    }

    [RootFact]
    public async Task Rpm_package_serves_when_it_is_enabled()
    {
        await using var machine = await BootAsync("appliance.rpm");
        await TypeAsync(machine, line => !line.Contains("./build.sh deb", StringComparison.Ordinal), 2);
        await using var ann = await machine.JoinAsync();
        _ = await ann.SayAndReadAsync("installed");
    }

    private static async Task<Machine> BootAsync(string package)
    {
        var machine = await Machine.BootAsync(BaseSystem.Systemd);
        var copied = machine.CopyIn(Artifacts.Find(package));
        _ = await machine.SucceedAsync($$"""
            set -e
            mkdir -p /root/artifacts && mv {{copied}} /root/artifacts
            printf '#!/bin/sh\n' >/root/build.sh
            printf '#!/bin/sh\nexec "$@"\n' >/usr/local/bin/sudo
            printf '#!/bin/sh\nshift\nexec rpm --nodeps --dbpath /var/lib/rpm --install "$@"\n' >/usr/local/bin/dnf
            chmod +x /root/build.sh /usr/local/bin/sudo /usr/local/bin/dnf
            """);
        return machine;
    }

    private static async Task TypeAsync(Machine machine, Func<string, bool> wanted, int count)
    {
        var lines = Lines.Where(wanted).ToList();
        Assert.Equal(count, lines.Count);
        foreach (var line in lines)
        {
            _ = await machine.SucceedAsync($"cd /root && {line}");
        }
    }
}
