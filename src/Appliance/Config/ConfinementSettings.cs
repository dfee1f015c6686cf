using static Appliance.Config.Setting;

namespace Appliance.Config;

/// <summary>The settings of what the processes of a server give up for good.</summary>
internal static class ConfinementSettings
{
    /// <summary>Their rows.</summary>
    public static IReadOnlyList<Setting> Rows { get; } =
    [
        Choice("seccomp", "MODE", "system calls that a process that serves may make: on (those that it needs) or off (all)", SettingGroup.Place,
            [("on", true), ("off", false)], (s, on) => s with { Seccomp = on }, s => s.Seccomp) with
        {
            Default = "on",
            Reason = "Whoever finds a fault in the server cannot start a program through it. off is for tools that are loaded into it and need more.",
        },
        Switch("core-dumps", "leave a core dump of a process that crashes, as the host's limit allows", SettingGroup.Place,
            (s, on) => s with { CoreDumps = on }, s => s.CoreDumps) with
        {
            Reason = "A core dump has messages, addresses and keys in it; the log has the stack of a crash without it.",
        },
    ];
}
