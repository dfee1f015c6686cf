using Appliance.Config;
using Appliance.Native;

namespace Appliance.Cli;

/// <summary>Where things are unless told otherwise: the system's directories for root, the user's own for everybody else.</summary>
internal static class Paths
{
    /// <summary>The state directory of a server that is installed.</summary>
    public const string SystemStateDirectory = "/var/lib/appliance";

    /// <summary>The defaults of the user who runs this.</summary>
    public static DefaultPaths ForThisUser()
    {
        uint user = Syscall.EffectiveUserId();
        if (user == 0)
        {
            return new DefaultPaths("/run/appliance", SystemStateDirectory);
        }

        string home = Environment.GetEnvironmentVariable("HOME") is { Length: > 0 } directory ? directory : $"/tmp/appliance-{user}";
        return new DefaultPaths(
            Environment.GetEnvironmentVariable("XDG_RUNTIME_DIR") is { Length: > 0 } run ? $"{run}/appliance" : $"/tmp/appliance-{user}/run",
            Environment.GetEnvironmentVariable("XDG_STATE_HOME") is { Length: > 0 } state ? $"{state}/appliance" : $"{home}/.local/state/appliance");
    }
}
