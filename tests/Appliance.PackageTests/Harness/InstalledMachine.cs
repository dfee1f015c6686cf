namespace Appliance.PackageTests.Harness;

/// <summary>One machine with the package installed, for all tests of a class; each leaves the service running.</summary>
public abstract class InstalledMachine(BaseSystem system) : IAsyncLifetime
{
    private Machine? _machine;

    public Machine Machine => _machine ?? throw new InvalidOperationException("The fixture is not initialized.");

    public async Task InitializeAsync()
    {
        if (Environment.IsPrivilegedProcess)
        {
            _machine = await Machine.BootAsync(system);
            _ = await _machine.InstallAsync(Artifacts.Find("appliance.deb"));

            // Tests restart it more often than systemd lets a service that keeps failing.
            const string DropIn = "/etc/systemd/system/appliance.service.d/often.conf";
            _ = await _machine.SucceedAsync(
                $"if [ -d /run/systemd/system ]; then mkdir -p {Path.GetDirectoryName(DropIn)} "
                + $"&& printf '[Unit]\nStartLimitIntervalSec=0\n' >{DropIn} && systemctl daemon-reload; fi");
        }
    }

    public async Task DisposeAsync()
    {
        if (_machine is not null)
        {
            await _machine.DisposeAsync();
        }
    }
}

/// <summary>Installed where sysvinit is the init.</summary>
public sealed class SysvinitMachine() : InstalledMachine(BaseSystem.Sysvinit);

/// <summary>Installed where systemd is the init.</summary>
public sealed class SystemdMachine() : InstalledMachine(BaseSystem.Systemd);
