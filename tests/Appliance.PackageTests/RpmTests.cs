using Appliance.PackageTests.Harness;

namespace Appliance.PackageTests;

/// <summary>The RPM package: its files, and its scriptlets in a system of their own, which lacks what only Debian has.</summary>
public sealed class RpmTests
{
    // The system's packages are Debian's, so what rpm requires is there without rpm's knowledge.
    private const string Rpm = "rpm --nodeps --dbpath /var/lib/rpm";

    private const string Traces = "ipcs -m -q -s | grep appliance || true; find / -xdev -name '*appliance*' "
        + "-not -path '/root/*' -not -path '/proc/*' -not -path '/var/lib/appliance*' -not -path '/var/log/*'";

    [Fact]
    public async Task Configuration_files_are_marked_as_such()
    {
        var files = await Artifacts.SucceedAsync("rpm", "--query", "--package", "--configfiles", Artifacts.Find("appliance.rpm"));
        Assert.Equal(["/etc/appliance/appliance.conf", "/etc/logrotate.d/appliance", "/etc/sysconfig/appliance"], Lines(files));
    }

    [Fact]
    public async Task Needs_the_libc_that_was_promised_and_no_other_library()
    {
        var needs = Lines(await Artifacts.SucceedAsync("rpm", "--query", "--package", "--requires", Artifacts.Find("appliance.rpm")));
        Assert.Contains(needs, need => need.StartsWith("libc.so.6(GLIBC_2.34)", StringComparison.Ordinal));
        Assert.All(
            needs,
            need => Assert.Matches(@"^(libc\.so\.6|libm\.so\.6|ld-linux|rtld|rpmlib|/bin/sh|/usr/bin/sh|shadow-utils|util-linux|config\(appliance\))", need));
    }

    [Fact]
    public async Task Both_packages_hold_the_same_program()
    {
        var work = Directory.CreateTempSubdirectory("appliance-unpack-");
        try
        {
            _ = await Artifacts.SucceedAsync("dpkg-deb", "--extract", Artifacts.Find("appliance.deb"), $"{work.FullName}/deb");
            _ = await Artifacts.SucceedAsync(
                "sh", "-c",
                $"mkdir '{work.FullName}/rpm' && cd '{work.FullName}/rpm' && rpm2cpio '{Artifacts.Find("appliance.rpm")}' "
                + "| cpio --extract --make-directories --quiet");
            foreach (var kind in new[] { "deb", "rpm" })
            {
                Assert.Equal(
                    await File.ReadAllBytesAsync(Artifacts.Find("appliance")), await File.ReadAllBytesAsync($"{work.FullName}/{kind}/usr/bin/appliance"));
            }
        }
        finally
        {
            work.Delete(recursive: true);
        }
    }

    [RootFact]
    public async Task Without_systemd_the_init_script_serves()
    {
        await using var machine = await Machine.BootAsync(BaseSystem.Sysvinit);
        _ = await machine.SucceedAsync("mkdir -p /var/lock/subsys && mv /lib/lsb /lib/lsb.away");
        var package = machine.CopyIn(Artifacts.Find("appliance.rpm"));
        _ = await machine.SucceedAsync($"{Rpm} --install {package}");
        Assert.False(await machine.IsServedAsync());
        Assert.Equal("", await machine.SucceedAsync($"{Rpm} --verify appliance"));

        _ = await machine.SucceedAsync("/etc/init.d/appliance start && test -e /var/lock/subsys/appliance && /etc/init.d/appliance status");
        await using (var ann = await machine.JoinAsync())
        {
            _ = await ann.SayAndReadAsync("before the upgrade");
        }

        _ = await machine.SucceedAsync("/etc/init.d/appliance reload && /etc/init.d/appliance restart && logrotate --force /etc/logrotate.d/appliance");
        await UpgradeAsync(machine, package);

        _ = await machine.SucceedAsync($"{Rpm} --erase appliance");
        Assert.False(await machine.IsServedAsync());
        Assert.Equal("/etc/appliance /etc/appliance/appliance.conf.rpmsave", string.Join(' ', Lines(await machine.SucceedAsync(Traces))));
        _ = await machine.SucceedAsync("test ! -e /var/lock/subsys/appliance");
    }

    [RootFact]
    public async Task With_systemd_the_unit_serves()
    {
        await using var machine = await Machine.BootAsync(BaseSystem.Systemd);
        var package = machine.CopyIn(Artifacts.Find("appliance.rpm"));

        // As RPM distributions have it: nothing is enabled unless somebody says so.
        _ = await machine.SucceedAsync(
            $"mkdir -p /etc/systemd/system-preset && echo 'disable *' >/etc/systemd/system-preset/99-all.preset && {Rpm} --install {package}");
        Assert.Equal("disabled", (await machine.RunAsync("systemctl is-enabled appliance.service")).Output.Trim());
        _ = await machine.SucceedAsync("systemctl enable --now appliance");
        await using (var ann = await machine.JoinAsync())
        {
            _ = await ann.SayAndReadAsync("before the upgrade");
        }

        Assert.Equal("", await machine.SucceedAsync($"{Rpm} --verify appliance"));
        await UpgradeAsync(machine, package);
        Assert.Equal("active", (await machine.SucceedAsync("systemctl is-active appliance")).Trim());

        _ = await machine.SucceedAsync($"{Rpm} --erase appliance");
        Assert.False(await machine.IsServedAsync());
        Assert.Equal("/etc/appliance /etc/appliance/appliance.conf.rpmsave", string.Join(' ', Lines(await machine.SucceedAsync(Traces))));
    }

    /// <summary>An upgrade to the same version: the edited configuration, the history and who is there stay, the process is another one.</summary>
    private static async Task UpgradeAsync(Machine machine, string package)
    {
        _ = await machine.SucceedAsync("echo 'history = 77' >>/etc/appliance/appliance.conf");
        var first = await machine.SucceedAsync("cat /run/appliance/appliance.pid");
        await using var ann = await machine.JoinAsync();
        _ = await machine.SucceedAsync($"{Rpm} --upgrade --force {package}");
        Assert.NotEqual(first, await machine.SucceedAsync("cat /run/appliance/appliance.pid"));
        _ = await ann.SayAndReadAsync("connected all the time");
        Assert.Contains("\nhistory = 77\n", await machine.SucceedAsync("cat /etc/appliance/appliance.conf"), StringComparison.Ordinal);
        await using var bob = await machine.JoinAsync();
        _ = await bob.ReadMessageAsync("before the upgrade");
    }

    private static string[] Lines(string text) => text.Split('\n', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);
}
