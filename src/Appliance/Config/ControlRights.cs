namespace Appliance.Config;

/// <summary>What others than the server's own user and root may do through the control queue.</summary>
[Flags]
public enum ControlRights
{
    /// <summary>Nothing.</summary>
    None = 0,

    /// <summary>Send chat messages.</summary>
    Say = 1,

    /// <summary>Ask for rooms, clients, history, figures and bans.</summary>
    Ask = 2,

    /// <summary>Disconnect clients, and all of moderation.</summary>
    Kick = 4,

    /// <summary>Stop the server, have it read its configuration again and reopen its log.</summary>
    Stop = 8,
}

/// <summary>The setting <c>--control LIST</c>.</summary>
public static class ControlSetting
{
    /// <summary>For no right at all.</summary>
    private const string NoneWord = "none";

    private static readonly (string Word, ControlRights Right)[] Words =
        [("say", ControlRights.Say), ("ask", ControlRights.Ask), ("kick", ControlRights.Kick), ("stop", ControlRights.Stop)];

    /// <summary>Its row.</summary>
    public static Setting Row { get; } = new(
        "control", "LIST", "what other users may do through the control queue: say,ask,kick,stop or none", SettingGroup.Place, Apply, s => Show(s.Control))
    {
        Default = "say,ask",
        IsReloadable = true,
        Reason = "Whoever may write to the queue, the group of the server: a web server's PHP. kick includes bans and all moderation, stop also reload "
            + "and reopen. The server's user and root may do all.",
    };

    /// <summary>A right as the option has it.</summary>
    public static string WordOf(ControlRights right) => Array.Find(Words, row => row.Right == right).Word;

    private static string Show(ControlRights rights) => rights == ControlRights.None
        ? NoneWord
        : string.Join(',', Words.Where(row => (rights & row.Right) != 0).Select(row => row.Word));

    private static string? Apply(ref Settings settings, string text)
    {
        var rights = ControlRights.None;
        bool isValid = true;
        foreach (string word in text == NoneWord ? [] : text.Split(','))
        {
            var right = Array.Find(Words, row => row.Word == word).Right;
            isValid &= right != ControlRights.None;
            rights |= right;
        }

        settings = isValid ? settings with { Control = rights } : settings;
        return isValid ? null : "must be words of say, ask, kick and stop, separated by commas, or none";
    }
}
