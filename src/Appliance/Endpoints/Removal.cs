using Appliance.Moderation;

namespace Appliance.Endpoints;

/// <summary>What a client is told that operators keep out, close or mute. As the reason of a close frame it fits into 123 bytes.</summary>
internal static class Removal
{
    /// <summary>To whom is kicked.</summary>
    public const string Kicked = "removed by an operator";

    /// <summary>To those who are in a room that is closed.</summary>
    public const string RoomClosed = "an operator has closed this room";

    /// <summary>To whom is banned.</summary>
    public static string Banned(ModerationRule rule) => WithReason("banned by an operator", rule);

    /// <summary>To whom is muted.</summary>
    public static string Muted(ModerationRule rule) => WithReason("muted by an operator", rule);

    /// <summary>What was done, and why if the rule says so.</summary>
    public static string WithReason(string what, ModerationRule rule) => rule.Reason.Length > 0 ? $"{what}: {rule.Reason}" : what;
}
