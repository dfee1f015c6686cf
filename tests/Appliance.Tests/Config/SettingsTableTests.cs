using Appliance.Config;

namespace Appliance.Tests.Config;

/// <summary>Every row of the table of settings: its default, its range, its words.</summary>
public sealed class SettingsTableTests
{
    private const int Day = 86_400;

    private static readonly DefaultPaths Paths = new("/run/test", "/var/lib/test");

    /// <summary>Least and most of every number, as documented.</summary>
    private static readonly Dictionary<string, (int Least, int Most)> Numbers = new(StringComparer.Ordinal)
    {
        ["proc"] = (1, 64),
        ["history"] = (0, 10_000),
        ["room-size"] = (64 << 10, 1 << 30),
        ["max-rooms"] = (1, 100_000),
        ["max-connections"] = (1, 1_000_000),
        ["max-name"] = (1, 1000),
        ["max-message"] = (1, 10_000),
        ["max-frame"] = (128, 16 << 20),
        ["max-rate"] = (0, 100_000),
        ["max-connections-per-address"] = (0, 1_000_000),
        ["max-handshakes-per-address"] = (0, 1_000_000),
        ["max-rooms-per-address"] = (0, 1_000_000),
        ["max-rate-per-address"] = (0, 1_000_000),
        ["max-bytes-per-address"] = (0, 1 << 30),
        ["max-unread-per-address"] = (0, 1_000_000),
        ["auth-timeout"] = (1, 60),
        ["auth-leeway"] = (0, 3600),
        ["ping"] = (1, Day),
        ["timeout"] = (1, Day),
        ["handshake-timeout"] = (1, 3600),
        ["drain"] = (0, 3600),
        ["upgrade-timeout"] = (1, 90),
        ["worker-timeout"] = (0, 3600),
    };

    public static TheoryData<string> Names => [.. SettingsTable.Rows.Select(row => row.Name)];

    public static TheoryData<string> NumberNames => [.. Numbers.Keys];

    public static TheoryData<string, string, int> Suffixes => new()
    {
        { "room-size", "64K", 65_536 },
        { "room-size", "64k", 65_536 },
        { "room-size", "8M", 8 << 20 },
        { "room-size", "8m", 8 << 20 },
        { "room-size", "1G", 1 << 30 },
        { "room-size", "1g", 1 << 30 },
        { "room-size", "1048576", 1 << 20 },
        { "history", "1K", 1024 },
        { "history", "007", 7 },
        { "history", "0", 0 },
    };

    public static TheoryData<string, string> Invalid => new()
    {
        { "history", "" },
        { "history", "-1" },
        { "history", "+1" },
        { "history", " 1" },
        { "history", "1 " },
        { "history", "1.5" },
        { "history", "1e3" },
        { "history", "0x10" },
        { "history", "1,000" },
        { "history", "K" },
        { "history", "1KB" },
        { "history", "1 K" },
        { "history", "99999999999999999999" },
        { "room-size", "9223372036854775807G" },
        { "room-size", "2G" },
        { "room-size", "4294967296" },
        { "proc", "AUTO" },
        { "proc", "0" },
        { "daemon", "yes" },
        { "daemon", "" },
        { "daemon", "ON" },
        { "log-level", "verbose" },
        { "log-level", "Info" },
        { "log-level", "" },
        { "announce", "names" },
        { "listen", "9000" },
        { "listen", "" },
        { "metrics", "on" },
        { "run-dir", "relative" },
        { "run-dir", "" },
        { "state-dir", "./here" },
        { "log", "appliance.log" },
        { "log", "" },
        { "user", "" },
        { "allow-origin", "" },
        { "allow-origin", "*" },
        { "allow-origin", "https://a.example/" },
        { "metrics-host", "" },
        { "metrics-host", "a.example:9001" },
        { "control", "" },
        { "control", "say,all" },
        { "control", "none,say" },
        { "control", "say, ask" },
    };

    [Theory]
    [MemberData(nameof(Names))]
    public void Default_applies_and_shows_itself(string name)
    {
        var row = SettingsTable.Find(name)!;
        var settings = SettingsBuilder.Build(Paths, []);
        string shown = row.Show(settings);
        string expected = name switch { "run-dir" => Paths.RunDirectory, "state-dir" => Paths.StateDirectory, _ => row.Default };
        Assert.Equal(expected, shown);
        Assert.Equal(Settings.DefaultSource, settings.SourceOf(name));
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void What_is_shown_can_be_given(string name)
    {
        var row = SettingsTable.Find(name)!;
        string shown = row.Show(SettingsBuilder.Build(Paths, []));
        var settings = SettingsBuilder.Build(Paths, [new GivenValue(name, shown, SettingsBuilder.CommandLine)]);
        Assert.Equal(shown, row.Show(settings));
        Assert.Equal(SettingsBuilder.CommandLine, settings.SourceOf(name));
    }

    [Fact]
    public void Every_row_has_a_name_of_its_own_and_a_help_line()
    {
        Assert.Equal(SettingsTable.Rows.Count, SettingsTable.Rows.Select(row => row.Name).Distinct(StringComparer.Ordinal).Count());
        Assert.All(SettingsTable.Rows, row => Assert.InRange(row.Help.Length, 5, 100));
        Assert.Null(SettingsTable.Find("no-such-setting"));
    }

    [Fact]
    public void Every_number_is_in_the_table_of_ranges() => Assert.All(
        SettingsTable.Rows.Where(row => row.Default.Length > 0 && row.Default.All(char.IsAsciiDigit) && row.Name != "socket-mode"),
        row => Assert.Contains(row.Name, Numbers.Keys, StringComparer.Ordinal));

    [Theory]
    [InlineData("0660", "0660")]
    [InlineData("600", "0600")]
    [InlineData("0", "0000")]
    [InlineData("777", "0777")]
    [InlineData("1777", null)]
    [InlineData("668", null)]
    [InlineData("-1", null)]
    [InlineData("00666", null)]
    [InlineData("u=rw", null)]
    [InlineData("", null)]
    public void Socket_mode_is_octal(string given, string? shown)
    {
        var row = SettingsTable.Find("socket-mode")!;
        var settings = new Settings();
        Assert.Equal(shown is null, row.Apply(ref settings, given) is { Length: > 0 });
        Assert.Equal(shown ?? "0666", row.Show(settings));
    }

    [Theory]
    [MemberData(nameof(NumberNames))]
    public void Number_is_taken_within_its_range_alone(string name)
    {
        var (least, most) = Numbers[name];
        Assert.Equal($"{least}", Applied(name, $"{least}"));
        Assert.Equal($"{most}", Applied(name, $"{most}"));
        foreach (long wrong in (long[])[least - 1, most + 1L])
        {
            string error = Refused(name, $"{wrong}");
            Assert.Contains($"{least} to {most}", error, StringComparison.Ordinal);
        }
    }

    [Theory]
    [MemberData(nameof(Suffixes))]
    public void Suffix_multiplies(string name, string value, int expected) => Assert.Equal($"{expected}", Applied(name, value));

    [Theory]
    [MemberData(nameof(Invalid))]
    public void Wrong_value_is_refused(string name, string value) => Assert.StartsWith("must be ", Refused(name, value), StringComparison.Ordinal);

    [Theory]
    [InlineData("proc", "auto", "auto")]
    [InlineData("daemon", "on", "on")]
    [InlineData("log-level", "warning", "warning")]
    [InlineData("announce", "count", "count")]
    [InlineData("metrics", "off", "off")]
    [InlineData("metrics", "*:9001", "*:9001")]
    [InlineData("run-dir", "/tmp/a/", "/tmp/a")]
    [InlineData("run-dir", "/", "/")]
    [InlineData("log", "/var/log/a.log", "/var/log/a.log")]
    [InlineData("log", "stderr", "stderr")]
    [InlineData("user", "nobody", "nobody")]
    [InlineData("user", "none", "none")]
    [InlineData("allow-origin", "https://a.example", "https://a.example")]
    [InlineData("allow-origin", "same-host", "same-host")]
    [InlineData("metrics-host", "*.a.example", "*.a.example")]
    [InlineData("metrics-host", "none", "none")]
    [InlineData("control", "none", "none")]
    [InlineData("control", "stop,say", "say,stop")]
    [InlineData("control", "kick,kick", "kick")]
    public void Word_is_taken(string name, string value, string shown) => Assert.Equal(shown, Applied(name, value));

    /// <summary>Applies a value that must be right and returns what is shown then.</summary>
    private static string Applied(string name, string value)
    {
        var before = new Settings();
        var settings = before;
        var row = SettingsTable.Find(name)!;
        string shown = row.Show(before);
        Assert.Null(row.Apply(ref settings, value));
        Assert.Equal(shown, row.Show(before));
        return row.Show(settings);
    }

    private static string Refused(string name, string value)
    {
        var before = new Settings();
        var after = before;
        string? error = SettingsTable.Find(name)!.Apply(ref after, value);
        Assert.NotNull(error);
        Assert.Same(before, after);
        return error;
    }
}
