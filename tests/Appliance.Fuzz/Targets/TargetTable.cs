using Appliance.Fuzz.Driver;

namespace Appliance.Fuzz.Targets;

/// <summary>Every parser that meets bytes from outside this process, a row each.</summary>
internal static class TargetTable
{
    public static IReadOnlyList<FuzzTarget> Rows { get; } =
    [
        HttpTarget.Row,
        ProxyTarget.Row,
        TlsTarget.Row,
        FramesTarget.Row,
        ClientTarget.Row,
        Utf8Target.Row,
        ChatTarget.Row,
        PhpTarget.Row,
        PhpCliTarget.Row,
        PhpJsonTarget.Row,
        VariablesTarget.Row,
        ControlTarget.Row,
        NoteTarget.Row,
        RoomLogTarget.Row,
        JournalTarget.Row,
        HandoverTarget.Row,
        UpgradeTarget.Row,
        SettingsTarget.Row,
        AddressTarget.Row,
        OriginTarget.Row,
        TokenTarget.Row,
        ModerationTarget.Row,
        ThresholdTarget.Row,
        ZabbixTarget.Row,
    ];

    /// <summary>The row of a name; those with planted faults have names, too.</summary>
    public static FuzzTarget Find(string name) => Rows.Concat(PlantedTargets.Rows).Single(row => row.Name == name);
}
