using Appliance.PackageTests.Harness;
using Appliance.SystemTests.Harness;

namespace Appliance.PackageTests;

/// <summary>The installed service where systemd is the init.</summary>
public sealed class SystemdServiceTests(SystemdMachine fixture) : InstalledServiceTests(fixture), IClassFixture<SystemdMachine>
{
    /// <summary>The first worker may serve before the last one does, and then the service is not active yet.</summary>
    private const string UntilActive =
        "for i in $(seq 100); do systemctl is-active --quiet appliance && exit 0; sleep 0.1; done; systemctl status appliance; exit 1";

    [RootFact]
    public Task Every_verb_ends_as_it_should() => AssertVerbsAsync(
        ("start", 0), ("status", 0), ("reload", 0), ("force-reload", 0), ("upgrade", 0), ("status", 0), ("restart", 0), ("try-restart", 0), ("configtest", 0),
        ("stop", 0), ("status", 3), ("stop", 0), ("reload", 1), ("upgrade", 7), ("try-restart", 0), ("status", 3),
        ("nothing", 2), ("start", 0), ("status", 0));

    [RootFact]
    public async Task Init_script_hands_over_to_systemd()
    {
        _ = await Machine.SucceedAsync("/etc/init.d/appliance restart");
        Assert.Equal("active", (await Machine.SucceedAsync("systemctl is-active appliance")).Trim());
        Assert.Equal(await MasterAsync(), (await Machine.SucceedAsync("systemctl show --property=MainPID --value appliance")).Trim());
    }

    [RootFact]
    public async Task Service_is_enabled_and_the_socket_is_not()
    {
        Assert.Equal("enabled", (await Machine.SucceedAsync("systemctl is-enabled appliance.service")).Trim());
        Assert.Equal("disabled", (await Machine.RunAsync("systemctl is-enabled appliance.socket")).Output.Trim());
        Assert.Equal("", (await Machine.SucceedAsync("systemctl list-units --failed --no-legend")).Trim());
    }

    [RootFact]
    public async Task Watchdog_and_main_process_are_told()
    {
        var properties = await Machine.SucceedAsync("systemctl show --property=Type,NotifyAccess,StatusText,RemoveIPC,PrivateIPC,LimitNOFILE appliance");
        Assert.Contains("Type=notify\n", properties, StringComparison.Ordinal);
        Assert.Contains("StatusText=serving\n", properties, StringComparison.Ordinal);
        Assert.Contains("RemoveIPC=no\n", properties, StringComparison.Ordinal);
        Assert.Contains("PrivateIPC=no\n", properties, StringComparison.Ordinal);
        Assert.Contains("LimitNOFILE=262144\n", properties, StringComparison.Ordinal);
    }

    [RootFact]
    public async Task Killed_master_is_replaced()
    {
        var before = await MasterAsync();
        _ = await Machine.SucceedAsync("kill -9 $(cat /run/appliance/appliance.pid)");
        _ = await Machine.SucceedAsync(
            $"for i in $(seq 200); do [ \"$(cat /run/appliance/appliance.pid 2>/dev/null || echo {before})\" != {before} ] && exit 0; sleep 0.1; done; exit 1");
        _ = await Machine.SucceedAsync(UntilActive);
        Assert.True(await Machine.IsServedAsync());
    }

    [RootFact]
    public async Task Socket_starts_the_service_with_the_first_client()
    {
        _ = await Machine.SucceedAsync("systemctl stop appliance.service && systemctl start appliance.socket");
        try
        {
            Assert.Equal("inactive", (await Machine.RunAsync("systemctl is-active appliance.service")).Output.Trim());
            await using var ann = await Machine.JoinAsync();
            _ = await ann.SayAndReadAsync("first");
            _ = await Machine.SucceedAsync(UntilActive);
        }
        finally
        {
            _ = await Machine.SucceedAsync("systemctl stop appliance.socket appliance.service && systemctl start appliance.service");
        }
    }

    /// <summary>Its settings are not left aside in silence.</summary>
    [RootFact]
    public async Task Configuration_that_the_service_may_not_read_prevents_a_start()
    {
        _ = await Machine.SucceedAsync("chmod 700 /etc/appliance");
        try
        {
            Assert.NotEqual(0, (await Machine.RunAsync("systemctl restart appliance")).ExitCode);
            Assert.Contains(
                "'/etc/appliance/appliance.conf' cannot be read", await Machine.SucceedAsync("journalctl --no-pager --unit appliance"),
                StringComparison.Ordinal);
        }
        finally
        {
            _ = await Machine.SucceedAsync("chmod 755 /etc/appliance && systemctl restart appliance");
        }
    }

    [RootFact]
    public async Task Socket_listens_again_after_a_removal_and_an_installation()
    {
        _ = await Machine.SucceedAsync("systemctl disable --now appliance.service && systemctl enable --now appliance.socket");
        try
        {
            _ = await Machine.SucceedAsync("apt-get remove --yes appliance && dpkg --install /root/appliance.deb");
            Assert.Equal("active", (await Machine.RunAsync("systemctl is-active appliance.socket")).Output.Trim());
            Assert.Equal("inactive", (await Machine.RunAsync("systemctl is-active appliance.service")).Output.Trim());
        }
        finally
        {
            _ = await Machine.SucceedAsync("systemctl disable --now appliance.socket && systemctl enable --now appliance.service");
        }
    }

    [RootFact]
    public async Task Sandbox_is_tight()
    {
        var report = await Machine.SucceedAsync("systemd-analyze security --no-pager --threshold=11 appliance.service");
        Assert.Contains("Overall exposure level", report, StringComparison.Ordinal);
    }

    [RootFact]
    public async Task Examples_of_drop_ins_work()
    {
        _ = await Machine.SucceedAsync("""
            set -e
            mkdir -p /etc/systemd/system/appliance.service.d
            cp /usr/share/doc/appliance/examples/systemd/*.conf /etc/systemd/system/appliance.service.d/
            echo 'listen = 127.0.0.1:9000' >>/etc/appliance/appliance.conf
            echo 'listen = 127.0.0.1:80' >>/etc/appliance/appliance.conf
            install -d -o appliance /srv/appliance
            echo 'journal = /srv/appliance/rooms.journal' >>/etc/appliance/appliance.conf
            systemctl daemon-reload
            systemctl restart appliance
            """);
        try
        {
            using var socket = await NetworkNamespace.ConnectAsync(Machine.Init, new System.Net.IPEndPoint(System.Net.IPAddress.Loopback, 80));
            var ann = RawClient.Over(socket);
            _ = await ann.UpgradeAsync("/");
            _ = await Machine.SucceedAsync("test -s /srv/appliance/rooms.journal");
            Assert.Contains("\"io_uring\": 0,", await Machine.SucceedAsync("appliance status --json"), StringComparison.Ordinal);
        }
        finally
        {
            _ = await Machine.SucceedAsync("""
                cd /etc/systemd/system/appliance.service.d && rm no-io-uring.conf other-directory.conf privileged-port.conf
                sed -i '/^listen/d; /^journal/d' /etc/appliance/appliance.conf
                systemctl daemon-reload && systemctl restart appliance
                """);
        }
    }
}
