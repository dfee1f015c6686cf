namespace Appliance.Config;

/// <summary>A value that was given for a setting, and where.</summary>
/// <param name="Name">Name of the setting as it was given.</param>
/// <param name="Value">The value.</param>
/// <param name="Source"><c>command line</c>, <c>environment</c> or <c>FILE:LINE</c>.</param>
/// <param name="Directory">Where a relative path in it begins, absolute: the configuration file's directory, or where the command was given.</param>
public sealed record GivenValue(string Name, string Value, string Source, string Directory = "/");

/// <summary>What is wrong with a given value: names the place, the setting, the value and the way out. Of a file, if it is not wrong usage.</summary>
public sealed class SettingException : Exception
{
    /// <inheritdoc/>
    public SettingException()
    {
    }

    /// <inheritdoc/>
    public SettingException(string message)
        : base(message)
    {
    }

    /// <inheritdoc/>
    public SettingException(string message, Exception innerException)
        : base(message, innerException)
    {
    }

    /// <summary>Whether the command line is wrong, and not a configuration file.</summary>
    public bool IsUsage { get; init; }
}

/// <summary>Makes settings from defaults, the environment, a configuration file and a command line, each winning over the one before.</summary>
public static class SettingsBuilder
{
    /// <summary>The source of what stands on the command line.</summary>
    public const string CommandLine = "command line";

    /// <summary>The source of what the environment gives: a service's own defaults, which everything else wins over.</summary>
    public const string Environment = "environment";

    /// <summary>More than any setting takes; a longer line is no configuration.</summary>
    private const int LineLettersMax = 8192;

    private const char ByteOrderMark = '\uFEFF';

    /// <summary>What a decoder leaves where bytes are not UTF-8.</summary>
    private const char NotUtf8 = '\uFFFD';

    /// <summary>Reads the <c>name = value</c> lines of a configuration file.</summary>
    /// <param name="path">The file, for errors.</param>
    /// <param name="lines">Its lines.</param>
    /// <param name="hasComments">Whether <c>#</c> at the beginning of a word begins a comment: people write them, <see cref="Write"/> does not.</param>
    /// <exception cref="SettingException">A line is neither.</exception>
    public static IReadOnlyList<GivenValue> ReadFile(string path, IEnumerable<string> lines, bool hasComments = true)
    {
        List<GivenValue> values = [];
        string directory = Path.GetDirectoryName(path) is { Length: > 0 } parent ? parent : "/";
        int number = 0;
        foreach (string line in lines)
        {
            number++;
            string source = $"{path}:{number}";
            string text = SettingOf(line, isFirst: number == 1, hasComments);
            if (text.Length == 0)
            {
                continue;
            }

            if (WhyNoText(text) is { } why)
            {
                throw new SettingException($"{source}: {Excerpt.Of(text)} {why}; write the line anew");
            }

            int equals = text.IndexOf('=', StringComparison.Ordinal);
            if (equals <= 0)
            {
                throw new SettingException($"{source}: {Excerpt.Of(text)} is not of the form: name = value");
            }

            var given = new GivenValue(text[..equals].TrimEnd(), text[(equals + 1)..].TrimStart(), source, directory);
            var earlier = values.Find(value => value.Name == given.Name);
            if (earlier is not null && SettingsTable.Find(given.Name) is { IsRepeatable: false })
            {
                throw new SettingException($"{source}: {given.Name} is set already in {earlier.Source}; one of them must go");
            }

            values.Add(given);
        }

        return values;
    }

    /// <summary>What a line sets: without a comment, the mark that editors put before the first line, and the end that some put to each.</summary>
    private static string SettingOf(string line, bool isFirst, bool hasComments)
    {
        string text = isFirst ? line.TrimStart(ByteOrderMark) : line;
        return (hasComments ? WithoutComment(text) : text).Trim();
    }

    /// <summary>Why something is no line of text; null when it is one.</summary>
    private static string? WhyNoText(string text) => text.Length > LineLettersMax ? $"is longer than {LineLettersMax} characters"
        : text.Contains(NotUtf8, StringComparison.Ordinal) ? "is not in UTF-8"
        : HasControls(text, exceptTabs: true) ? "has a control character in it"
        : null;

    /// <summary>Whether there is a control character in a text.</summary>
    internal static bool HasControls(string text, bool exceptTabs = false)
    {
        foreach (char letter in text)
        {
            if (char.IsControl(letter) && !(exceptTabs && letter == '\t'))
            {
                return true;
            }
        }

        return false;
    }

    /// <summary>Of a file that may be wrong, the first good line for each directory.</summary>
    public static IEnumerable<GivenValue> ReadPlaces(string path, IEnumerable<string> lines) => lines
        .Select((line, index) => SettingOf(line, isFirst: index == 0, hasComments: true).Split('=', 2, StringSplitOptions.TrimEntries))
        .Where(parts => parts is ["run-dir" or "state-dir", [_, ..] value] && !HasControls(value))
        .Select(parts => new GivenValue(parts[0], parts[1], path, Path.GetDirectoryName(path)!))
        .DistinctBy(value => value.Name, StringComparer.Ordinal);

    /// <summary>Writes all settings as lines that <see cref="ReadFile"/> reads, without comments.</summary>
    public static string Write(Settings settings) => string.Join('\n', SettingsTable.Rows.SelectMany(
        row => row.ValuesIn(settings), (row, value) => $"{row.Name} = {value}"));

    /// <summary>Reads settings again; null when something is wrong with them.</summary>
    /// <param name="current">The settings in force.</param>
    /// <param name="readAgain">Reads them as at the start.</param>
    /// <param name="note">What was wrong, or what has changed but needs a restart; empty otherwise.</param>
    /// <param name="isSuccessor">Whether the process, and the workers that it will start, have no filter of system calls yet.</param>
    /// <returns>The settings to put in force.</returns>
    public static Settings? Reload(Settings current, Func<Settings> readAgain, out string note, bool isSuccessor = false)
    {
        try
        {
            var fresh = readAgain();
            bool mayAsk = fresh.Auth != AuthMode.Ask || isSuccessor || MayAsk(current);
            var merged = CheckTogether(Merge(current, mayAsk ? fresh : fresh with { Auth = current.Auth }));
            string needRestart = string.Join(", ", SettingsTable.Rows.Where(row => row.Show(merged) != row.Show(fresh)).Select(row => row.Name));
            note = needRestart.Length == 0 ? "" : $"; changed, but in force only after a restart: {needRestart}";
            return merged;
        }
        catch (SettingException wrong)
        {
            note = wrong.Message;
            return null;
        }
    }

    /// <summary>Whether processes that began with these settings may connect to a back end: a filter of system calls is for good.</summary>
    private static bool MayAsk(Settings current) => current.Auth == AuthMode.Ask || current.NoFork || !current.Seccomp;

    /// <summary>What a running server makes of new settings: what it can take over is new, all else as it was.</summary>
    public static Settings Merge(Settings current, Settings fresh) =>
        SettingsTable.Rows.Where(row => row.IsReloadable).Aggregate(current, (merged, row) => row.Copy(fresh, merged)).WithFilesOf(fresh);

    /// <summary>Applies defaults, then the given values in their order.</summary>
    /// <exception cref="SettingException">A name is unknown, a value is not allowed, or two values do not go together.</exception>
    public static Settings Build(DefaultPaths paths, IEnumerable<GivenValue> given)
    {
        var settings = new Settings { RunDirectory = paths.RunDirectory, StateDirectory = paths.StateDirectory };
        foreach (var row in SettingsTable.Rows.Where(row => row.Default.Length > 0))
        {
            _ = row.Apply(ref settings, row.Default);
        }

        // What a name is given at one place counts together, and in the place of what former places have given.
        Dictionary<string, string> placesOfNames = new(StringComparer.Ordinal);
        foreach (var value in given)
        {
            string place = value.Source is CommandLine or Environment ? value.Source : "";
            if (placesOfNames.GetValueOrDefault(value.Name) != place)
            {
                placesOfNames[value.Name] = place;
                settings = SettingsTable.Find(value.Name)?.Empty?.Invoke(settings) ?? settings;
            }

            Apply(ref settings, value);
        }

        return CheckTogether(settings);
    }

    private static void Apply(ref Settings settings, GivenValue given)
    {
        string name = NameOf(given.Name, given.Source);
        var row = SettingsTable.Find(given.Name)
            ?? throw Wrong(given.Source, $"{Excerpt.Bare(name)}: there is no such setting; 'appliance --settings' prints all");
        if (WhyNoText(given.Value) is { } why)
        {
            throw Wrong(given.Source, $"{name}: {Excerpt.Of(given.Value)} {why}");
        }

        if (row.Apply(ref settings, row.WithWholePath(given.Value, given.Directory)) is { } wrong)
        {
            throw Wrong(given.Source, $"{name}: {Excerpt.Of(given.Value)} {wrong}");
        }

        settings = settings.WithSource(row.Name, given.Source);
    }

    /// <summary>How an error names a setting: as the option, as the variable, or as the line of the file that sets it.</summary>
    private static string NameOf(string name, string source) => source switch
    {
        Environment => SettingsTable.Find(name)?.Variable ?? name,
        _ when source.Contains(':', StringComparison.Ordinal) => $"{source}: {name}",
        _ => $"--{name}",
    };

    private static bool IsDefault(Settings settings, string name) => settings.SourceOf(name) == Settings.DefaultSource;

    /// <summary>What is wrong with a setting beside another one: of the two, one that was given, so that it can be found.</summary>
    private static SettingException Wrong(Settings settings, string name, string message) =>
        Wrong(settings.SourceOf(name), $"{NameOf(name, settings.SourceOf(name))}: {message}");

    private static SettingException Wrong(string source, string message) => new(message) { IsUsage = source == CommandLine };

    /// <summary>Refuses values that do not go together; what nobody gave follows from what was given.</summary>
    private static Settings CheckTogether(Settings settings)
    {
        if (settings.TimeoutSeconds <= settings.PingSeconds && IsDefault(settings, "ping"))
        {
            // Whoever shortens only the time limit wants pings that fit into it.
            settings = settings with { PingSeconds = Math.Max(1, settings.TimeoutSeconds / 3) };
        }
        else if (settings.TimeoutSeconds < settings.PingSeconds)
        {
            throw IsDefault(settings, "timeout")
                ? Wrong(settings, "ping", $"'{settings.PingSeconds}' is longer than timeout ({settings.TimeoutSeconds}): no client could answer in time")
                : Wrong(settings, "timeout", $"'{settings.TimeoutSeconds}' is shorter than ping ({settings.PingSeconds}): no client could answer in time");
        }

        if (settings is { Auth: AuthMode.Jwt, AuthKeyFiles: [] })
        {
            throw Wrong(settings, "auth", "'jwt' needs a key to check tokens with: --auth-key FILE");
        }

        if (settings is { Auth: AuthMode.Ask, AuthUrl: null })
        {
            throw Wrong(settings, "auth", "'ask' needs to know whom to ask: --auth-url URL");
        }

        CheckTls(settings);
        CheckAddresses(settings);
        if (settings.Daemon && settings.LogFile.Length == 0)
        {
            // A daemon has no stderr that anybody reads.
            settings = settings with { LogFile = $"{settings.StateDirectory}/appliance.log" };
        }

        long largest = 6L * (settings.MaxName + settings.MaxMessage);
        if (settings.RoomSize / 16 < largest)
        {
            throw IsDefault(settings, "room-size")
                ? Wrong(
                    settings,
                    IsDefault(settings, "max-message") ? "max-name" : "max-message",
                    $"is too much for room-size ({settings.RoomSize}): at least {16 * largest} is needed")
                : Wrong(
                    settings,
                    "room-size",
                    $"'{settings.RoomSize}' is too small for max-name and max-message: at least {16 * largest} is needed");
        }

        return settings;
    }

    private static void CheckTls(Settings settings)
    {
        if (settings.TlsCertificates.Count != settings.TlsKeys.Count)
        {
            throw Wrong(
                settings, settings.TlsKeys.Count == 0 ? "tls-cert" : "tls-key",
                $"there are {settings.TlsCertificates.Count} of --tls-cert and {settings.TlsKeys.Count} of --tls-key: each certificate needs its key");
        }

        if (settings.ListenTls.Count > 0 && settings.TlsCertificates.Count == 0)
        {
            throw Wrong(settings, "listen-tls", "needs a certificate and its key: --tls-cert FILE --tls-key FILE");
        }
    }

    /// <summary>The kernel would call this program's own first listener another program.</summary>
    private static void CheckAddresses(Settings settings)
    {
        var addresses = settings.Addresses;
        for (int i = 0; i < addresses.Count; i++)
        {
            string option = i < settings.Listen.Count ? "listen" : "listen-tls";
            var (address, name) = (addresses[i], NameOf(option, settings.SourceOf(option)));
            if (addresses.Take(i).FirstOrDefault(address.Overlaps) is { } earlier)
            {
                throw Wrong(settings.SourceOf(option), address.Text == earlier.Text
                    ? $"{name}: '{address.Text}' is given twice; once is enough"
                    : $"{name}: '{address.Text}' and '{earlier.Text}' are given, and one contains the other; the wider one is enough");
            }

            if (settings.Metrics is { } metrics && address.Overlaps(metrics))
            {
                const string WayOut = "listens as well; give one of them another port, or --metrics off";
                throw IsDefault(settings, option)
                    ? Wrong(settings, "metrics", $"'{metrics.Text}' is where --{option} {address.Text} {WayOut}")
                    : Wrong(settings, option, $"'{address.Text}' is where --metrics {metrics.Text} {WayOut}");
            }
        }
    }

    private static string WithoutComment(string line)
    {
        for (int i = 0; i < line.Length; i++)
        {
            if (line[i] == '#' && (i == 0 || char.IsWhiteSpace(line[i - 1])))
            {
                return line[..i];
            }
        }

        return line;
    }
}
