using Appliance.Config;
using Appliance.Native;

namespace Appliance.Cli;

/// <summary>Where things are unless told otherwise: the system's directories for root, the user's own for everybody else.</summary>
internal static class Paths
{
    /// <summary>Those of a server that is installed.</summary>
    public static DefaultPaths OfSystem { get; } = new("/run/appliance", "/var/lib/appliance");

    private static DefaultPaths? _ofStart;

    /// <summary>The defaults of the user who started this: a server that gives root's rights up stays where it is.</summary>
    public static DefaultPaths ForThisUser() => _ofStart ??= Find();

    private static DefaultPaths Find()
    {
        uint user = Syscall.EffectiveUserId();
        if (user == 0)
        {
            return OfSystem;
        }

        string home = Environment.GetEnvironmentVariable("HOME") is { Length: > 0 } directory ? directory : $"/tmp/appliance-{user}";
        return new DefaultPaths(
            Environment.GetEnvironmentVariable("XDG_RUNTIME_DIR") is { Length: > 0 } run ? $"{run}/appliance" : $"/tmp/appliance-{user}/run",
            Environment.GetEnvironmentVariable("XDG_STATE_HOME") is { Length: > 0 } state ? $"{state}/appliance" : $"{home}/.local/state/appliance");
    }
}
