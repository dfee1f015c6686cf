using Appliance.PackageTests.Harness;

namespace Appliance.PackageTests;

/// <summary>The way of the package through a machine: upgrade, removal, purge, and a start that fails.</summary>
public sealed class LifecycleTests
{
    private const string Traces = """
        find / -xdev -name '*appliance*' -not -path '/root/*' -not -path '/proc/*' -not -path '/var/log/journal/*'
        ipcs -m -q -s | grep appliance || true
        getent passwd appliance || true
        getent group appliance || true
        """;

    [RootFact]
    public Task Sysvinit() => GoAsync(BaseSystem.Sysvinit);

    [RootFact]
    public Task Systemd() => GoAsync(BaseSystem.Systemd);

    [RootFact]
    public async Task Taken_port_fails_visibly_with_sysvinit()
    {
        await using var machine = await Machine.BootAsync(BaseSystem.Sysvinit);
        await TakePortAsync(machine);
        var result = await machine.RunAsync($"apt-get install --yes {machine.CopyIn(Artifacts.Find("appliance.deb"))}");
        Assert.NotEqual(0, result.ExitCode);
        Assert.Contains("127.0.0.1:9000: Address already in use", result.Output + result.Error, StringComparison.Ordinal);
        Assert.Equal(3, (await machine.RunAsync("service appliance status")).ExitCode);
        _ = await machine.SucceedAsync("pkill -x perl; apt-get install --yes --fix-broken && service appliance status");
    }

    [RootFact]
    public async Task Taken_port_fails_visibly_with_systemd()
    {
        await using var machine = await Machine.BootAsync(BaseSystem.Systemd);
        await TakePortAsync(machine);
        var result = await machine.RunAsync($"apt-get install --yes {machine.CopyIn(Artifacts.Find("appliance.deb"))}");
        Assert.Contains("127.0.0.1:9000: Address already in use", result.Output + result.Error, StringComparison.Ordinal);
        Assert.NotEqual(0, (await machine.RunAsync("systemctl start appliance")).ExitCode);
        Assert.Contains("Address already in use", await machine.SucceedAsync("journalctl --no-pager --unit appliance"), StringComparison.Ordinal);
        _ = await machine.SucceedAsync("pkill -x perl; systemctl reset-failed appliance; systemctl start appliance");
    }

    [RootFact]
    public async Task Policy_of_the_machine_is_asked_before_anything_starts()
    {
        await using var machine = await Machine.BootAsync(BaseSystem.Sysvinit);
        _ = await machine.SucceedAsync("printf '#!/bin/sh\\nexit 101\\n' >/usr/sbin/policy-rc.d && chmod +x /usr/sbin/policy-rc.d");
        _ = await machine.InstallAsync(Artifacts.Find("appliance.deb"));
        Assert.Equal(3, (await machine.RunAsync("service appliance status")).ExitCode);
        Assert.False(await machine.IsServedAsync());
    }

    private static async Task GoAsync(BaseSystem system)
    {
        await using var machine = await Machine.BootAsync(system);
        var before = await machine.SucceedAsync(Traces);
        Assert.Equal("", before.Trim());
        _ = await machine.InstallAsync(Artifacts.Find("appliance.deb"));
        await using (var ann = await machine.JoinAsync())
        {
            _ = await ann.SayAndReadAsync("before the upgrade");
            await UpgradeAsync(machine);
            _ = await ann.SayAndReadAsync("connected all the time");
        }

        await FallBackAsync(machine);
        await GoOnAsync(machine);
        await RemoveAsync(machine);

        _ = await machine.SucceedAsync("apt-get purge --yes appliance");
        Assert.Equal("", (await machine.SucceedAsync(Traces)).Trim());
    }

    /// <summary>A server that cannot hand over is restarted, one that stands still is started; whoever forbids a restart forbids both.</summary>
    private static async Task FallBackAsync(Machine machine)
    {
        const string Again = "dpkg --force-confold --install /root/next.deb";
        _ = await machine.SucceedAsync("echo 'nofork = on' >>/etc/appliance/appliance.conf && service appliance restart");
        var first = await machine.SucceedAsync("cat /run/appliance/appliance.pid");
        Assert.Contains("a single process (--nofork) cannot hand its connections over", (await machine.RunAsync(Again)).Error, StringComparison.Ordinal);
        Assert.NotEqual(first, await machine.SucceedAsync("service appliance status >/dev/null && cat /run/appliance/appliance.pid"));
        _ = await machine.SucceedAsync("sed -i '$d' /etc/appliance/appliance.conf && service appliance restart");

        var second = await machine.SucceedAsync("cat /run/appliance/appliance.pid");
        _ = await machine.SucceedAsync("printf '#!/bin/sh\nexit 101\n' >/usr/sbin/policy-rc.d && chmod +x /usr/sbin/policy-rc.d");
        _ = await machine.SucceedAsync(Again);
        Assert.Equal(second, await machine.SucceedAsync("cat /run/appliance/appliance.pid"));
        _ = await machine.SucceedAsync($"rm /usr/sbin/policy-rc.d && service appliance stop && {Again} && service appliance status");
    }

    /// <summary>A configuration with which no server would start ends none that runs, and whoever upgrades hears of it.</summary>
    private static async Task GoOnAsync(Machine machine)
    {
        _ = await machine.SucceedAsync("echo 'histroy = 5' >>/etc/appliance/appliance.conf");
        var first = await machine.SucceedAsync("cat /run/appliance/appliance.pid");
        Assert.Contains("histroy", (await machine.RunAsync("dpkg --force-confold --install /root/next.deb")).Error, StringComparison.Ordinal);
        Assert.Equal(first, await machine.SucceedAsync("service appliance status >/dev/null && cat /run/appliance/appliance.pid"));
        _ = await machine.SucceedAsync("sed -i '$d' /etc/appliance/appliance.conf && dpkg --configure --pending && service appliance status");
    }

    /// <summary>The edited configuration stays, the new one lies beside it, the history is there, and what was disabled stays so.</summary>
    private static async Task UpgradeAsync(Machine machine)
    {
        _ = await machine.SucceedAsync("echo 'history = 77' >>/etc/appliance/appliance.conf");
        var next = await DebPackage.MakeNextVersionAsync(machine);
        var first = await machine.SucceedAsync("cat /run/appliance/appliance.pid");
        _ = await machine.SucceedAsync($"apt-get install --yes --option Dpkg::Options::=--force-confold {next}");
        Assert.NotEqual(first, await machine.SucceedAsync("cat /run/appliance/appliance.pid"));
        _ = await machine.SucceedAsync(
            "[ ! -d /run/systemd/system ] || [ \"$(systemctl show --property=MainPID --value appliance)\" = \"$(cat /run/appliance/appliance.pid)\" ]");
        Assert.Contains("\nhistory = 77\n", await machine.SucceedAsync("cat /etc/appliance/appliance.conf"), StringComparison.Ordinal);
        Assert.Contains("Said by the next version", await machine.SucceedAsync("cat /etc/appliance/appliance.conf.dpkg-dist"), StringComparison.Ordinal);
        await using var bob = await machine.JoinAsync();
        _ = await bob.ReadMessageAsync("before the upgrade");
    }

    /// <summary>What runs is stopped; configuration, state and history stay for the next installation.</summary>
    private static async Task RemoveAsync(Machine machine)
    {
        _ = await machine.SucceedAsync("apt-get remove --yes appliance");
        Assert.False(await machine.IsServedAsync());
        Assert.Equal(1, (await machine.RunAsync("pgrep -x appliance")).ExitCode);
        _ = await machine.SucceedAsync("test -e /etc/appliance/appliance.conf && test -d /var/lib/appliance && test ! -x /etc/init.d/appliance");

        _ = await machine.InstallAsync(Artifacts.Find("appliance.deb"));
        await using (var bob = await machine.JoinAsync())
        {
            _ = await bob.ReadMessageAsync("before the upgrade");
        }

        _ = await machine.SucceedAsync("apt-get remove --yes appliance");
    }

    private static async Task TakePortAsync(Machine machine)
    {
        _ = await machine.SucceedAsync(
            "setsid perl -MIO::Socket::INET -e '$s = IO::Socket::INET->new(LocalAddr => \"127.0.0.1:9000\", Listen => 1) or die; sleep 600' "
            + "</dev/null >/dev/null 2>&1 &");
        _ = await machine.SucceedAsync("for i in $(seq 100); do grep -q '0100007F:2328 .* 0A' /proc/net/tcp && exit 0; sleep 0.1; done; exit 1");
    }
}
