using System.Globalization;
using System.Text;
using Appliance.PackageTests.Harness;
using Appliance.SystemTests.Harness;

namespace Appliance.PackageTests;

/// <summary>The installed service, whatever the init: it serves, as its own user, and does what <c>service</c> asks.</summary>
public abstract class InstalledServiceTests(InstalledMachine fixture)
{
    protected Machine Machine => fixture.Machine;

    [RootFact]
    public async Task Page_is_served()
    {
        await using var client = await Machine.ConnectAsync();
        await client.SendAsync(RawClient.Request("GET / HTTP/1.1", "Host: 127.0.0.1"));
        var page = await client.ReadResponseAsync();
        Assert.Equal(200, page.Status);
        Assert.Contains("<html", page.Text, StringComparison.Ordinal);
    }

    [RootFact]
    public async Task Message_is_heard_and_outlives_a_restart()
    {
        await using (var ann = await Machine.JoinAsync("room=restart"))
        {
            _ = await ann.SayAndReadAsync("still here?");
        }

        _ = await Machine.SucceedAsync("service appliance restart");
        await using var bob = await Machine.JoinAsync("room=restart");
        Assert.Equal("ann", (await bob.ReadMessageAsync("still here?")).Name);
    }

    [RootFact]
    public async Task Upgrade_takes_another_process_and_drops_nobody()
    {
        await using var ann = await Machine.JoinAsync("room=upgrade");
        var before = await MasterAsync();
        _ = await Machine.SucceedAsync("service appliance upgrade");
        Assert.NotEqual(before, await MasterAsync());
        _ = await ann.SayAndReadAsync("still connected");
        _ = await Machine.SucceedAsync("service appliance status");
    }

    [RootFact]
    public async Task Program_of_the_machine_pushes_to_every_browser()
    {
        await using var ann = await Machine.JoinAsync();
        _ = await Machine.SucceedAsync("appliance say 'back in five'");
        _ = await ann.ReadMessageAsync("back in five");
    }

    [RootFact]
    public async Task Every_process_is_the_service_s_own_user()
    {
        var owners = await Machine.SucceedAsync("ps -e -o user=,args= | grep 'appliance: ' | grep -v grep");
        var lines = owners.Split('\n', StringSplitOptions.RemoveEmptyEntries);
        Assert.Equal(9, lines.Length);
        Assert.All(lines, line => Assert.StartsWith("applian", line, StringComparison.Ordinal));
        Assert.Equal("appliance adm 2750", (await Machine.SucceedAsync("stat -c '%U %G %a' /var/log/appliance")).Trim());
        Assert.Equal("appliance appliance 750", (await Machine.SucceedAsync("stat -c '%U %G %a' /var/lib/appliance")).Trim());
        Assert.Equal("appliance adm 640", (await Machine.SucceedAsync("stat -c '%U %G %a' /var/log/appliance/appliance.log")).Trim());
        Assert.DoesNotContain("/bin/bash", await Machine.SucceedAsync("getent passwd appliance"), StringComparison.Ordinal);
    }

    [RootFact]
    public async Task Installed_files_are_as_the_package_has_them() => Assert.Equal("", await Machine.SucceedAsync("dpkg --verify appliance"));

    [RootFact]
    public async Task Mode_that_the_administrator_gave_the_logs_stays()
    {
        _ = await Machine.SucceedAsync("dpkg-statoverride --update --add appliance adm 2770 /var/log/appliance");
        try
        {
            _ = await Machine.SucceedAsync("dpkg --install /root/appliance.deb && if [ -d /run/systemd/system ]; then systemd-tmpfiles --create; fi");
            Assert.Equal("appliance adm 2770", (await Machine.SucceedAsync("stat -c '%U %G %a' /var/log/appliance")).Trim());
        }
        finally
        {
            _ = await Machine.SucceedAsync("dpkg-statoverride --remove /var/log/appliance && chmod 2750 /var/log/appliance");
        }
    }

    [RootFact]
    public async Task Commands_of_an_administrator_find_the_server()
    {
        Assert.Contains("running, pid", await Machine.SucceedAsync("appliance status"), StringComparison.Ordinal);
        _ = await Machine.SucceedAsync("appliance reload");
        Assert.Equal("", (await Machine.SucceedAsync("appliance --check | grep FAIL || true")).Trim());
        Assert.DoesNotContain("environment", await Machine.SucceedAsync("appliance --settings"), StringComparison.Ordinal);
    }

    [RootFact]
    public async Task Configuration_of_the_administrator_wins_over_the_service_s_own()
    {
        _ = await Machine.SucceedAsync("echo 'log = /var/lib/appliance/here.log' >>/etc/appliance/appliance.conf && service appliance restart");
        try
        {
            Assert.Contains("ready on", await Machine.SucceedAsync("cat /var/lib/appliance/here.log"), StringComparison.Ordinal);
        }
        finally
        {
            _ = await Machine.SucceedAsync("sed -i '$d' /etc/appliance/appliance.conf && rm /var/lib/appliance/here.log && service appliance restart");
        }
    }

    [RootFact]
    public async Task Broken_configuration_is_refused_by_reload_and_the_server_goes_on()
    {
        _ = await Machine.SucceedAsync("echo 'histroy = 5' >>/etc/appliance/appliance.conf");
        try
        {
            var before = await MasterAsync();
            var reload = await Machine.RunAsync("service appliance reload");
            Assert.NotEqual(0, reload.ExitCode);
            var configtest = await Machine.RunAsync("service appliance configtest");
            Assert.NotEqual(0, configtest.ExitCode);
            Assert.Contains("histroy", configtest.Error, StringComparison.Ordinal);
            Assert.Equal(before, await MasterAsync());
            Assert.True(await Machine.IsServedAsync());
        }
        finally
        {
            _ = await Machine.SucceedAsync("sed -i '$d' /etc/appliance/appliance.conf && service appliance reload");
        }
    }

    [RootFact]
    public async Task Log_is_rotated_and_every_process_writes_to_the_new_one()
    {
        _ = await Machine.SucceedAsync("rm -f /var/log/appliance/*.log.* && logrotate --force /etc/logrotate.d/appliance");
        var files = (await Machine.SucceedAsync("ls /var/log/appliance")).Split('\n', StringSplitOptions.RemoveEmptyEntries);
        Assert.Equal(["appliance.log", "appliance.log.1"], files);

        // One line a process and file: the renamed one is open nowhere, once all have taken the signal.
        const string Open = "for p in $(pgrep -x appliance); do readlink /proc/$p/fd/* | grep /var/log/ | sort -u; done | sort | uniq -c | tr -s ' '";
        _ = await Machine.SucceedAsync(
            $"for i in $(seq 100); do [ \"$({Open})\" = ' 9 /var/log/appliance/appliance.log' ] && exit 0; sleep 0.1; done; {Open}; exit 1");
        _ = await Machine.SucceedAsync("appliance reload && grep -q reloaded /var/log/appliance/appliance.log");
    }

    [RootFact]
    public async Task Descriptors_are_as_many_as_the_machine_allows_and_the_service_wants()
    {
        var limit = (await Machine.SucceedAsync("awk '/open files/ { print $4 }' /proc/$(cat /run/appliance/appliance.pid)/limits")).Trim();
        var most = (await Machine.SucceedAsync("cat /proc/sys/fs/nr_open")).Trim();
        var wanted = Math.Min(262_144, int.Parse(most, CultureInfo.InvariantCulture));
        Assert.InRange(int.Parse(limit, CultureInfo.InvariantCulture), Math.Min(wanted, 20_000), wanted);
    }

    /// <summary>Runs the verbs one after another and compares the exit status of each; then the service runs again.</summary>
    protected async Task AssertVerbsAsync(params (string Verb, int Status)[] verbs)
    {
        var wrong = new StringBuilder();
        foreach (var (verb, status) in verbs)
        {
            var result = await Machine.RunAsync($"service appliance {verb}");
            if (result.ExitCode != status)
            {
                _ = wrong.Append(CultureInfo.InvariantCulture, $"{verb}: {result.ExitCode} instead of {status}: {result.Output} {result.Error}\n");
            }
        }

        Assert.Equal("", wrong.ToString());
        Assert.True(await Machine.IsServedAsync());
    }

    /// <summary>The master's process.</summary>
    protected async Task<string> MasterAsync() => (await Machine.SucceedAsync("cat /run/appliance/appliance.pid")).Trim();
}
