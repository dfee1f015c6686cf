namespace Appliance.PackageTests.Harness;

/// <summary>The package, and others like it.</summary>
public static class DebPackage
{
    /// <summary>Installs a package with apt, as an administrator does, and returns what that printed.</summary>
    public static Task<string> InstallAsync(this Machine machine, string package) =>
        machine.SucceedAsync($"apt-get install --yes --option Dpkg::Options::=--force-confold {machine.CopyIn(package)}");

    /// <summary>The package once more as a later version, with another default configuration.</summary>
    /// <returns>Its path inside the machine.</returns>
    public static async Task<string> MakeNextVersionAsync(Machine machine)
    {
        var package = machine.CopyIn(Artifacts.Find("appliance.deb"));
        _ = await machine.SucceedAsync($"""
            set -e
            rm -rf /root/next && dpkg-deb --raw-extract {package} /root/next
            sed -i 's/^Version: .*/Version: 99.0.0/' /root/next/DEBIAN/control
            echo '# Said by the next version.' >>/root/next/etc/appliance/appliance.conf
            dpkg-deb --root-owner-group -Zgzip -z1 --build /root/next /root/next.deb
            """);
        return "/root/next.deb";
    }
}
