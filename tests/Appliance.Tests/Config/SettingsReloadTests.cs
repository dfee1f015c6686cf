using Appliance.Config;

namespace Appliance.Tests.Config;

/// <summary>Settings that are read again while the server runs, and those that are handed to another process.</summary>
public sealed class SettingsReloadTests
{
    private static readonly DefaultPaths Paths = new("/run/test", "/var/lib/test");

    /// <summary>The file at the start, the file at the reload, and what is said; null when it is refused.</summary>
    public static TheoryData<string[], string[], string> Reloads => new()
    {
        { [], [], "" },
        { [], ["history = 7"], "" },
        { ["history = 7"], [], "" },
        { [], ["allow-origin = https://a.example", "allow-origin = *.b.example", "metrics-host = a", "metrics-host = b"], "" },
        { ["allow-origin = https://a.example", "allow-origin = any", "metrics-host = any"], ["allow-origin = null"], "" },
        { [], ["listen = *:1"], "; changed, but in force only after a restart: listen" },
        { [], ["room-size = 8M", "max-rooms = 7", "ping = 5"], "; changed, but in force only after a restart: room-size, max-rooms" },
        { ["room-size = 64K"], ["room-size = 4M", "max-message = 600"], "; changed, but in force only after a restart: room-size" },
    };

    /// <summary>A filter of system calls is for good: processes that have one cannot begin to connect to a back end.</summary>
    [Theory]
    [InlineData("seccomp = on", false, AuthMode.Open)]
    [InlineData("seccomp = on", true, AuthMode.Ask)]
    [InlineData("seccomp = off", false, AuthMode.Ask)]
    [InlineData("nofork = on", false, AuthMode.Ask)]
    public void Asking_begins_where_no_filter_is_in_the_way(string line, bool isSuccessor, AuthMode expected)
    {
        var fresh = Build([line, "auth = ask", "auth-url = http://127.0.0.1/"]);
        var changed = SettingsBuilder.Reload(Build([line]), () => fresh, out string note, isSuccessor);
        Assert.Equal(expected, changed!.Auth);
        Assert.Equal(expected == AuthMode.Ask ? "" : "; changed, but in force only after a restart: auth", note);
        Assert.Equal(AuthMode.Ask, SettingsBuilder.Reload(fresh, () => fresh, out _)!.Auth);
    }

    public static TheoryData<string[], string[], string> Refused => new()
    {
        { [], ["history = x"], "a.conf:1: history: 'x' must be a number from 0 to 10000" },
        { [], ["history = 7", "nonsense"], "a.conf:2: 'nonsense' is not of the form: name = value" },
        { [], ["history = 7", "ping = 60", "timeout = 30"], "a.conf:3: timeout: '30' is shorter than ping (60): no client could answer in time" },
    };

    public static TheoryData<string> Files =>
    [
        "",
        "listen = *:1\nlisten = unix:/run/a\nmetrics = off\nproc = auto",
        "daemon = on\nlog-level = debug\nannounce = count\necho = on\nuser = nobody\nrun-dir = /tmp/with blanks/x",
        "allow-origin = https://a.example\nallow-origin = *.b.example:8443\nallow-origin = null\nmetrics-host = a\nmetrics-host = *.b",
        "ping = 1\ntimeout = 2\nroom-size = 1G\nmax-rate = 0\nlog = /var/log/a#1.log",
    ];

    [Theory]
    [MemberData(nameof(Reloads))]
    public void Reloadable_settings_are_taken_over_and_the_others_named(string[] before, string[] after, string expected)
    {
        var (current, fresh) = (Build(before), Build(after));
        var changed = SettingsBuilder.Reload(current, () => fresh, out string note);
        Assert.NotNull(changed);
        Assert.Equal(expected, note);
        Assert.All(SettingsTable.Rows, row => Assert.Equal(row.Show(row.IsReloadable ? fresh : current), row.Show(changed)));
        Assert.All(SettingsTable.Rows, row => Assert.Equal((row.IsReloadable ? fresh : current).SourceOf(row.Name), changed.SourceOf(row.Name)));
        AssertSame(Build(before), current);
        AssertSame(Build(after), fresh);
    }

    [Theory]
    [MemberData(nameof(Refused))]
    public void Wrong_file_changes_nothing(string[] before, string[] after, string expected)
    {
        var current = Build(before);
        Assert.Null(SettingsBuilder.Reload(current, () => Build(after), out string note));
        Assert.Equal(expected, note);
        AssertSame(Build(before), current);
    }

    [Fact]
    public void Messages_never_outgrow_the_rooms_that_there_are()
    {
        string[] before = ["room-size = 64K"];
        var current = Build(before);
        Assert.Null(SettingsBuilder.Reload(current, () => Build(["room-size = 4M", "max-message = 10000"]), out string note));
        Assert.Contains("too small for max-name and max-message", note, StringComparison.Ordinal);
        AssertSame(Build(before), current);
    }

    [Theory]
    [MemberData(nameof(Files))]
    public void Settings_that_are_written_are_read_as_they_were(string file)
    {
        var settings = Build(file.Split('\n'));
        AssertSame(settings, ReadWritten(settings));
    }

    [Fact]
    public void Path_with_a_number_sign_is_written_and_read_as_it_was()
    {
        GivenValue[] given = [new("state-dir", "/tmp/a #1", SettingsBuilder.CommandLine)];
        var settings = SettingsBuilder.Build(Paths, given);
        AssertSame(settings, ReadWritten(settings));
    }

    private static void AssertSame(Settings expected, Settings actual) =>
        Assert.All(SettingsTable.Rows, row => Assert.Equal(row.Show(expected), row.Show(actual)));

    private static Settings ReadWritten(Settings settings) =>
        SettingsBuilder.Build(Paths, SettingsBuilder.ReadFile("written", SettingsBuilder.Write(settings).Split('\n'), hasComments: false));

    private static Settings Build(string[] lines) => SettingsBuilder.Build(Paths, SettingsBuilder.ReadFile("a.conf", lines));
}
