using Appliance.Chat;
using Appliance.Config;
using Appliance.Rooms;

namespace Appliance.Tests.Config;

/// <summary>Defaults, file and command line become settings; errors name the place, the value and the way out.</summary>
public sealed class SettingsBuilderTests
{
    private static readonly DefaultPaths Paths = new("/run/test", "/var/lib/test");

    /// <summary>A line of the file, and the name and value in it; null when there is none.</summary>
    public static TheoryData<string, string?, string?> Lines => new()
    {
        { "", null, null },
        { "  \t ", null, null },
        { "# ping = 1", null, null },
        { "  # ping = 1", null, null },
        { "ping = 10", "ping", "10" },
        { "ping=10", "ping", "10" },
        { " \tping \t=  10  ", "ping", "10" },
        { "ping = 10 # seconds", "ping", "10" },
        { "ping = 10\t# seconds", "ping", "10" },
        { "log = /var/log/a#1.log", "log", "/var/log/a#1.log" },
        { "log = a = b", "log", "a = b" },
        { "log =", "log", "" },
        { "no-such = 1", "no-such", "1" },
    };

    /// <summary>Lines of a file, and the error they make.</summary>
    public static TheoryData<string[], string> WrongFiles => new()
    {
        { ["ping"], "a.conf:1: 'ping' is not of the form: name = value" },
        { ["", "= 5"], "a.conf:2: '= 5' is not of the form: name = value" },
        { ["ping = 5", "# comment", "ping = 6"], "a.conf:3: ping is set already in a.conf:1; one of them must go" },
        { ["pong = 5"], "a.conf:1: pong: there is no such setting; 'appliance --settings' prints all" },
        { ["Ping = 5"], "a.conf:1: Ping: there is no such setting; 'appliance --settings' prints all" },
        { ["", "ping = 0"], "a.conf:2: ping: '0' must be a number from 1 to 86400" },
        { ["daemon = yes"], "a.conf:1: daemon: 'yes' must be on or off" },
        { ["log-level = loud"], "a.conf:1: log-level: 'loud' must be debug, info, warning or error" },
        {
            ["listen = *:1", "listen = nowhere"],
            "a.conf:2: listen: 'nowhere' must be IP:PORT, [IPv6]:PORT, *:PORT or unix:/PATH (of at most 107 bytes, without blanks), "
                + "with or without ,proxy behind it"
        },
        { ["listen = *:1", "listen = *:1"], "a.conf:2: listen: '*:1' is given twice; once is enough" },
        { ["pi\0ng = 5"], "a.conf:1: 'pi\\x00ng = 5' has a control character in it; write the line anew" },
        { ["ping = 5\u001b[31m"], "a.conf:1: 'ping = 5\\x1B[31m' has a control character in it; write the line anew" },
        { ["", "log = /\uFFFD"], "a.conf:2: 'log = /\uFFFD' is not in UTF-8; write the line anew" },
        { ["", "\uFEFFping = 5"], "a.conf:2: \uFEFFping: there is no such setting; 'appliance --settings' prints all" },
        { ["ping = 60", "timeout = 30"], "a.conf:2: timeout: '30' is shorter than ping (60): no client could answer in time" },
        { ["room-size = 64K", "max-message = 700"], "a.conf:1: room-size: '65536' is too small for max-name and max-message: at least 68640 is needed" },
    };

    /// <summary>Files that say <c>ping = 7</c>, or nothing, however an editor has left them.</summary>
    public static TheoryData<string, int> Files => new()
    {
        { "ping = 7", 7 },
        { "ping = 7\n", 7 },
        { "ping = 7\r\n", 7 },
        { "\uFEFFping = 7\n", 7 },
        { "\uFEFF# a comment\r\nping = 7\r\n", 7 },
        { "\uFEFF", 30 },
        { "\uFEFF\n\nping = 7", 7 },
        { "\r\n\r\n ping\t= 7 \r\n\r\n", 7 },
        { "# gr\uFFFDn\nping = 7", 7 },
        { $"#{new string('x', 10_000)}\nping = 7", 7 },
        { $"ping = 7 #{new string('x', 10_000)}", 7 },
        { "", 30 },
    };

    /// <summary>A setting, what was given for it, where it was given, and what it is then.</summary>
    public static TheoryData<string, string, string, string> Paths_in_settings => new()
    {
        { "run-dir", "run", "/home/ann", "/home/ann/run" },
        { "run-dir", "./run/", "/home/ann", "/home/ann/run" },
        { "run-dir", "../bob/run", "/home/ann", "/home/bob/run" },
        { "run-dir", "/run/x", "/home/ann", "/run/x" },
        { "state-dir", ".", "/home/ann", "/home/ann" },
        { "log", "a.log", "/home/ann", "/home/ann/a.log" },
        { "log", "stderr", "/home/ann", "stderr" },
        { "log", "./stderr", "/home/ann", "/home/ann/stderr" },
        { "journal", "rooms", "/srv", "/srv/rooms" },
        { "journal", "off", "/srv", "off" },
        { "metrics", "off", "/srv", "off" },
        { "metrics", "unix:m.sock", "/srv", "unix:/srv/m.sock" },
        { "listen", "unix:chat.sock", "/", "unix:/chat.sock" },
        { "listen", "127.0.0.1:1", "/srv", "127.0.0.1:1" },
    };

    /// <summary>Given ping and time limit (0: not given), and the ping in force.</summary>
    public static TheoryData<int, int, int> PingsAndTimeouts => new()
    {
        { 0, 0, 30 },
        { 10, 0, 10 },
        { 0, 91, 30 },
        { 0, 31, 30 },
        { 0, 30, 10 },
        { 0, 2, 1 },
        { 0, 1, 1 },
        { 60, 60, 60 },
        { 20, 90, 20 },
    };

    [Theory]
    [MemberData(nameof(Lines))]
    public void Line_of_a_file_is_read(string line, string? name, string? value)
    {
        var values = SettingsBuilder.ReadFile("a.conf", ["", line]);
        Assert.Equal(name is null ? [] : [new GivenValue(name, value!, "a.conf:2")], values);
    }

    [Theory]
    [MemberData(nameof(Files))]
    public void File_is_read_however_an_editor_has_left_it(string content, int expected) =>
        Assert.Equal(expected, Build(content.Split('\n')).PingSeconds);

    [Theory]
    [InlineData(8193)]
    [InlineData(1_000_000)]
    public void Line_that_is_too_long_is_refused_in_few_words(int length)
    {
        string wrong = Assert.Throws<SettingException>(() => Build([$"log = /{new string('x', length)}"])).Message;
        Assert.StartsWith("a.conf:1: 'log = /xxx", wrong, StringComparison.Ordinal);
        Assert.EndsWith("…' is longer than 8192 characters; write the line anew", wrong, StringComparison.Ordinal);
        Assert.InRange(wrong.Length, 1, 200);
    }

    [Theory]
    [MemberData(nameof(Paths_in_settings))]
    public void Relative_path_begins_where_it_was_given(string name, string value, string directory, string expected)
    {
        var row = SettingsTable.Find(name)!;
        var onCommandLine = SettingsBuilder.Build(Paths, [new GivenValue(name, value, SettingsBuilder.CommandLine, directory)]);
        Assert.Equal(expected, row.Show(onCommandLine));
        Assert.Equal(expected, row.Show(SettingsBuilder.Build(Paths, SettingsBuilder.ReadFile($"{directory.TrimEnd('/')}/a.conf", [$"{name} = {value}"]))));
    }

    [Theory]
    [InlineData("run-dir", "")]
    [InlineData("log", "")]
    [InlineData("log", "a\nuser = root")]
    [InlineData("state-dir", "/a\u0001b")]
    [InlineData("state-dir", "/a\uFFFDb")]
    public void Path_that_is_none_is_refused(string name, string value)
    {
        var wrong = Assert.Throws<SettingException>(() => SettingsBuilder.Build(Paths, [new GivenValue(name, value, SettingsBuilder.CommandLine, "/srv")]));
        Assert.StartsWith($"--{name}: ", wrong.Message, StringComparison.Ordinal);
        Assert.DoesNotContain(wrong.Message, char.IsControl);
    }

    [Fact]
    public void Environment_wins_over_defaults_alone()
    {
        GivenValue[] given =
        [
            new("listen", "*:1", SettingsBuilder.Environment),
            new("listen", "*:2", SettingsBuilder.Environment),
            new("ping", "1", SettingsBuilder.Environment),
            new("drain", "1", SettingsBuilder.Environment),
            new("ping", "2", "a.conf:1"),
            new("drain", "2", "a.conf:2"),
            new("drain", "3", SettingsBuilder.CommandLine),
        ];
        var settings = SettingsBuilder.Build(Paths, given);
        Assert.Equal(["*:1", "*:2"], settings.Listen.Select(address => address.Text), StringComparer.Ordinal);
        Assert.Equal((2, 3), (settings.PingSeconds, settings.DrainSeconds));
        Assert.Equal("environment", settings.SourceOf("listen"));
        Assert.Equal(
            ["*:3"], SettingsBuilder.Build(Paths, [.. given, new("listen", "*:3", "a.conf:3")]).Listen.Select(address => address.Text), StringComparer.Ordinal);
    }

    [Fact]
    public void Wrong_variable_is_refused_by_name_and_is_no_wrong_usage()
    {
        var wrong = Assert.Throws<SettingException>(() => SettingsBuilder.Build(Paths, [new GivenValue("max-name", "0", SettingsBuilder.Environment)]));
        Assert.Equal("APPLIANCE_MAX_NAME: '0' must be a number from 1 to 1000", wrong.Message);
        Assert.False(wrong.IsUsage);
    }

    [Theory]
    [MemberData(nameof(WrongFiles))]
    public void Wrong_file_is_refused_by_line(string[] lines, string expected) => Assert.Equal(
        expected, Assert.Throws<SettingException>(() => SettingsBuilder.Build(Paths, SettingsBuilder.ReadFile("a.conf", lines))).Message);

    [Theory]
    [InlineData("ping", "0", "--ping: '0' must be a number from 1 to 86400")]
    [InlineData("pong", "1", "--pong: there is no such setting; 'appliance --settings' prints all")]
    [InlineData("state-dir", "/srv/a\0b", "--state-dir: '/srv/a\\x00b' has a control character in it")]
    [InlineData("user", "ann\u001b[2J", "--user: 'ann\\x1B[2J' has a control character in it")]
    [InlineData("ping", "500", "--ping: '500' is longer than timeout (90): no client could answer in time")]
    [InlineData("timeout", "29", null)]
    public void Wrong_option_is_refused_by_name(string name, string value, string? expected)
    {
        GivenValue[] given = [new("ping", "29", SettingsBuilder.CommandLine), new(name, value, SettingsBuilder.CommandLine)];
        Assert.Equal(expected, Record.Exception(() => SettingsBuilder.Build(Paths, given))?.Message);
    }

    [Fact]
    public void Command_line_wins_over_file_and_file_over_default()
    {
        var settings = Build(["ping = 11", "drain = 12"], ("drain", "13"));
        Assert.Equal((11, "a.conf:1"), (settings.PingSeconds, settings.SourceOf("ping")));
        Assert.Equal((13, SettingsBuilder.CommandLine), (settings.DrainSeconds, settings.SourceOf("drain")));
        Assert.Equal((50, Settings.DefaultSource), (settings.History, settings.SourceOf("history")));
    }

    [Fact]
    public void Repeated_values_take_the_place_of_those_before()
    {
        string[] file = ["listen = *:1", "listen = *:2"];
        Assert.Equal("127.0.0.1:9000", Listen(Build([])));
        Assert.Equal("*:1 *:2", Listen(Build(file)));
        Assert.Equal("*:3 *:4", Listen(Build(file, ("listen", "*:3"), ("listen", "*:4"))));
    }

    [Theory]
    [MemberData(nameof(PingsAndTimeouts))]
    public void Ping_fits_into_the_time_limit(int ping, int timeout, int expected)
    {
        List<string> lines = [];
        lines.AddRange(ping > 0 ? [$"ping = {ping}"] : []);
        lines.AddRange(timeout > 0 ? [$"timeout = {timeout}"] : []);
        Assert.Equal(expected, Build([.. lines]).PingSeconds);
    }

    /// <summary>Whatever is allowed together: the largest message fits into one append.</summary>
    [Theory]
    [InlineData("64K", 1, 681)]
    [InlineData("64K", 681, 1)]
    [InlineData("4M", 1000, 10_000)]
    [InlineData("1056000", 1000, 10_000)]
    public void Largest_message_fits_into_the_guard(string roomSize, int maxName, int maxMessage)
    {
        var settings = Build([$"room-size = {roomSize}", $"max-name = {maxName}", $"max-message = {maxMessage}"]);
        Assert.True(new ChatLimits(settings.MaxName, settings.MaxMessage).EncodedBytesMax <= new RoomLogLayout(1, settings.RoomSize).GuardBytes);
    }

    private static string Listen(Settings settings) => string.Join(' ', settings.Listen.Select(address => address.Text));

    private static Settings Build(string[] lines, params (string Name, string Value)[] options) => SettingsBuilder.Build(
        Paths,
        [.. SettingsBuilder.ReadFile("a.conf", lines), .. options.Select(option => new GivenValue(option.Name, option.Value, SettingsBuilder.CommandLine))]);
}
