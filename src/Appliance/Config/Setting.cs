using System.Globalization;

namespace Appliance.Config;

/// <summary>Under which heading the usage shows a setting.</summary>
public enum SettingGroup
{
    /// <summary>How the program runs.</summary>
    Mode,

    /// <summary>Where things are.</summary>
    Place,

    /// <summary>What the chat allows.</summary>
    Chat,

    /// <summary>Time limits.</summary>
    Time,
}

/// <summary>Takes a value of a setting over.</summary>
/// <param name="settings">The settings; exchanged for some that have the value, unless that is wrong.</param>
/// <param name="text">The value.</param>
/// <returns>What is wrong with the value, or null.</returns>
public delegate string? ApplySetting(ref Settings settings, string text);

/// <summary>One setting: a row of the table that usage, configuration file, <c>--settings</c> and manual come from.</summary>
/// <param name="Name">Long option without the dashes, and name in the configuration file.</param>
/// <param name="Value">What stands for its value in the usage; empty for a switch.</param>
/// <param name="Help">What it means, in one line.</param>
/// <param name="Group">Heading in the usage.</param>
/// <param name="Apply">Takes a value over.</param>
/// <param name="Show">The value in force, as it would be written.</param>
public sealed record Setting(
    string Name,
    string Value,
    string Help,
    SettingGroup Group,
    ApplySetting Apply,
    Func<Settings, string> Show)
{
    private const string MustBe = "must be ";

    /// <summary>The default, as it would be written; paths that depend on the user are filled in by <see cref="DefaultPaths"/>.</summary>
    public string Default { get; init; } = "";

    /// <summary>Why the default is what it is, and what another value brings: a sentence or two for the sample configuration and the manual.</summary>
    public string Reason { get; init; } = "";

    /// <summary>All values there are; empty where there are too many to tell.</summary>
    public IReadOnlyList<string> Words { get; init; } = [];

    /// <summary>The environment variable that gives a value which configuration file and command line win over.</summary>
    public string Variable => $"APPLIANCE_{Name.ToUpperInvariant().Replace('-', '_')}";

    /// <summary>What values are allowed, in the words of the error that any other value meets.</summary>
    public string Allowed
    {
        get
        {
            var any = new Settings();
            return Apply(ref any, "") is { } wrong ? wrong[MustBe.Length..] : "any text";
        }
    }

    /// <summary>For a setting that may be given more than once: makes it empty, so that what is given takes the place of the default.</summary>
    public Func<Settings, Settings>? Empty { get; init; }

    /// <summary>May be given more than once.</summary>
    public bool IsRepeatable => Empty is not null;

    /// <summary>The values in force, each as it would be written: one, or as many as a setting has that may be given more than once.</summary>
    public string[] ValuesIn(Settings settings) => IsRepeatable ? Show(settings).Split(' ') : [Show(settings)];

    /// <summary>Where in a value of this setting a path begins; -1 when the value has none, and null for a setting that names no file.</summary>
    public Func<string, int>? PathStart { get; init; }

    /// <summary>Whether a running server takes a new value over; otherwise it needs a restart.</summary>
    public bool IsReloadable { get; init; }

    /// <summary>May stand without a value.</summary>
    public bool IsSwitch => Value.Length == 0;

    /// <summary>Some settings with the value, and its source, that others have.</summary>
    public Settings Copy(Settings from, Settings to)
    {
        var settings = Empty?.Invoke(to) ?? to;
        foreach (string value in ValuesIn(from))
        {
            _ = Apply(ref settings, value);
        }

        return settings.WithSource(Name, from.SourceOf(Name));
    }

    /// <summary>
    /// A value in which a relative path has become a whole one: a daemon leaves the directory that it was started in, and a
    /// configuration file is read again and again.
    /// </summary>
    /// <param name="text">The value as it was given.</param>
    /// <param name="directory">Where a relative path begins.</param>
    public string WithWholePath(string text, string directory) =>
        PathStart?.Invoke(text) is >= 0 and var start && start < text.Length && text[start] != '/'
            ? string.Concat(text.AsSpan(0, start), Path.GetFullPath(text[start..], directory))
            : text;

    internal static Setting Switch(string name, string help, SettingGroup group, Func<Settings, bool, Settings> with, Func<Settings, bool> get) =>
        OneOf(["on", "off"], name, "", help, group, (settings, index) => with(settings, index == 0), settings => get(settings) ? 0 : 1) with
        {
            Default = "off",
        };

    internal static Setting Number(
        string name, string value, int byDefault, string help, SettingGroup group, Range range,
        Func<Settings, int, Settings> with, Func<Settings, int> get)
    {
        return new Setting(name, value, help, group, Apply, settings => get(settings).ToString(CultureInfo.InvariantCulture))
        {
            Default = byDefault.ToString(CultureInfo.InvariantCulture),
        };

        string? Apply(ref Settings settings, string text)
        {
            string? wrong = ParseNumber(text, range.Start.Value, range.End.Value, out int number);
            settings = wrong is null ? with(settings, number) : settings;
            return wrong;
        }
    }

    /// <summary>Networks, and a word for what has no network; or none at all.</summary>
    /// <param name="name">Its name.</param>
    /// <param name="help">What it does.</param>
    /// <param name="group">Where the usage has it.</param>
    /// <param name="word">The word.</param>
    /// <param name="get">The networks, and whether the word was given.</param>
    /// <param name="with">Settings with others.</param>
    internal static Setting Networks(
        string name, string help, SettingGroup group, string word,
        Func<Settings, (NetworkList Networks, bool HasWord)> get, Func<Settings, NetworkList, bool, Settings> with)
    {
        const string None = "none";
        return new Setting(name, "NET", help, group, Apply, Show)
        {
            Empty = settings => with(settings, NetworkList.None, false),
            IsReloadable = true,
        };

        string? Apply(ref Settings settings, string text)
        {
            var (networks, hasWord) = get(settings);
            if (text is None || text == word)
            {
                settings = text == word ? with(settings, networks, true) : with(settings, NetworkList.None, false);
                return null;
            }

            string? wrong = networks.TryAdd(text, out networks);
            settings = wrong is null ? with(settings, networks, hasWord) : settings;
            return wrong is null ? null : $"{wrong}, or {word}, or none";
        }

        string Show(Settings settings)
        {
            var (networks, hasWord) = get(settings);
            return networks.IsEmpty && !hasWord ? None : string.Join(' ', hasWord ? [.. networks.Networks, word] : networks.Networks);
        }
    }

    internal static Setting Choice<T>(
        string name, string value, string help, SettingGroup group, (string Word, T Value)[] choices,
        Func<Settings, T, Settings> with, Func<Settings, T> get) =>
        OneOf(
            Array.ConvertAll(choices, choice => choice.Word), name, value, help, group,
            (settings, index) => with(settings, choices[index].Value),
            settings => Array.FindIndex(choices, choice => EqualityComparer<T>.Default.Equals(choice.Value, get(settings))));

    private static Setting OneOf(
        string[] words, string name, string value, string help, SettingGroup group, Func<Settings, int, Settings> with, Func<Settings, int> get)
    {
        return new Setting(name, value, help, group, Apply, settings => words[get(settings)])
        {
            Default = words[0],
            Words = words,
        };

        string? Apply(ref Settings settings, string text)
        {
            int index = Array.IndexOf(words, text);
            settings = index < 0 ? settings : with(settings, index);
            return index < 0 ? $"{MustBe}{string.Join(", ", words[..^1])} or {words[^1]}" : null;
        }
    }

    /// <summary>Reads a number with or without a unit; returns what is wrong with it, or null.</summary>
    internal static string? ParseNumber(string text, int least, int most, out int number)
    {
        bool parsed = TryParse(text, least, most, out long parsedNumber);
        number = (int)parsedNumber;
        return parsed ? null : string.Create(CultureInfo.InvariantCulture, $"{MustBe}a number from {least} to {most}");
    }

    /// <summary>Reads a number with or without a unit; false when it is none, or out of range, and the number is 0 then.</summary>
    internal static bool TryParse(string text, long least, long most, out long number)
    {
        var (digits, unit) = text.Length == 0 ? (text, 1) : text[^1] switch
        {
            'k' or 'K' => (text[..^1], 1 << 10),
            'm' or 'M' => (text[..^1], 1 << 20),
            'g' or 'G' => (text[..^1], 1 << 30),
            _ => (text, 1),
        };
        bool parsed = long.TryParse(digits, NumberStyles.None, CultureInfo.InvariantCulture, out number)
            && number <= most / unit && number * unit >= least;
        number = parsed ? number * unit : 0;
        return parsed;
    }
}
