using System.Text;
using System.Text.RegularExpressions;
using Appliance.Cli;
using Appliance.Config;
using Appliance.Loop;
using Appliance.Metrics;
using Appliance.Operators;
using Appliance.Protocols.WebSocket;

namespace Appliance.Tests.Cli;

/// <summary>What an installed system has: complete, and as the tables say.</summary>
public sealed class PackageFilesTests
{
    private static readonly TimeSpan RegexLimit = TimeSpan.FromSeconds(1);

    private static readonly Dictionary<string, string> Texts =
        PackageFiles.All().ToDictionary(file => file.Path, file => Encoding.UTF8.GetString(file.Content), StringComparer.Ordinal);

    public static TheoryData<string> Paths => [.. Texts.Keys];

    public static TheoryData<string> Pages => ["usr/share/man/man8/appliance.8", "usr/share/man/man5/appliance.conf.5"];

    public static TheoryData<string> Completions =>
    [
        "usr/share/bash-completion/completions/appliance", "usr/share/fish/vendor_completions.d/appliance.fish", "usr/share/zsh/vendor-completions/_appliance",
    ];

    [Theory]
    [InlineData("etc/appliance/appliance.conf")]
    [InlineData("etc/default/appliance")]
    [InlineData("etc/init.d/appliance")]
    [InlineData("etc/logrotate.d/appliance")]
    [InlineData("usr/lib/systemd/system/appliance.service")]
    [InlineData("usr/lib/systemd/system/appliance.socket")]
    [InlineData("usr/lib/sysusers.d/appliance.conf")]
    [InlineData("usr/lib/tmpfiles.d/appliance.conf")]
    [InlineData("usr/share/doc/appliance/examples/apache/appliance.conf")]
    [InlineData("usr/share/doc/appliance/examples/caddy/Caddyfile")]
    [InlineData("usr/share/doc/appliance/examples/haproxy/appliance.cfg")]
    [InlineData("usr/share/doc/appliance/examples/nginx/appliance.conf")]
    public void File_is_there(string path) => Assert.NotEmpty(Texts[path]);

    [Theory]
    [MemberData(nameof(Paths))]
    public void File_ends_its_last_line_and_has_no_place_left_to_fill(string path)
    {
        Assert.EndsWith("\n", Texts[path], StringComparison.Ordinal);
        Assert.DoesNotMatch(new Regex("@[A-Z]+@", RegexOptions.None, RegexLimit), Texts[path]);
    }

    [Fact]
    public void Init_script_alone_of_the_system_s_own_files_is_a_program() => Assert.Equal(
        ["etc/init.d/appliance"],
        PackageFiles.All().Where(file => file.IsExecutable && !file.Path.Contains("/examples/", StringComparison.Ordinal)).Select(file => file.Path),
        StringComparer.Ordinal);

    [Fact]
    public void Page_has_every_figure()
    {
        string page = Plain(Texts["usr/share/man/man8/appliance.8"]);
        Assert.All(MetricsTable.Rows, row => Assert.Contains($".TP\n{row.Name}, appliance_{row.Prometheus}\n", page, StringComparison.Ordinal));
    }

    [Theory]
    [MemberData(nameof(Pages))]
    public void Page_has_every_setting_and_its_default(string path)
    {
        string page = Plain(Texts[path]).Split(".SH COMMANDS\n")[0];
        Assert.All(SettingsTable.Rows, row =>
        {
            string tag = path.EndsWith('8') ? $"--{row.Name}" : $"{row.Name} = ";
            string entry = Assert.Single(
                page.Split(".TP\n"), entry => entry.StartsWith(tag, StringComparison.Ordinal) && (tag[^1] == ' ' || entry[tag.Length] is ' ' or '=' or '\n'));
            Assert.Contains(path.EndsWith('8') ? row.Help[1..] : row.Reason, Joined(entry), StringComparison.Ordinal);
            if (row.Group != SettingGroup.Mode && !row.IsSwitch)
            {
                Assert.Contains(SampleConfiguration.DefaultOf(row, Appliance.Cli.Paths.OfSystem), entry, StringComparison.Ordinal);
            }
        });
    }

    [Fact]
    public void Protocol_page_has_every_word_and_code()
    {
        string page = Plain(Texts["usr/share/man/man7/appliance-protocol.7"]);
        Assert.All(ControlWords.Rows, row => Assert.Contains($".TP\n{row.Synopsis}\n", page, StringComparison.Ordinal));
        Assert.All(CloseCodes.Sent, row => Assert.Contains($".TP\n{(int)row.Code}\n", page, StringComparison.Ordinal));
        Assert.All(RefusedMessages.All, code => Assert.Contains($".TP\n.B {code}\n", page, StringComparison.Ordinal));
    }

    [Fact]
    public void Manual_has_every_signal()
    {
        string signals = Plain(Texts["usr/share/man/man8/appliance.8"]).Split(".SH SIGNALS\n")[1].Split(".SH ")[0];
        Assert.All(SignalTable.Rows.Where(row => row.Help.Length > 0), row =>
        {
            Assert.Matches(new Regex($@"\.TP\n(\w+, )*{row.Name}(, \w+)*\n", RegexOptions.None, RegexLimit), signals);
            Assert.Contains(row.Help, Joined(signals), StringComparison.Ordinal);
        });
        Assert.All(
            SignalTable.Rows.Where(row => row.Command.Length > 0),
            row => Assert.Contains(CommandTable.Server, command => command.Synopsis.Split(' ')[0] == row.Command));
    }

    [Fact]
    public void Manual_has_every_command_and_every_other_option()
    {
        string page = Plain(Texts["usr/share/man/man8/appliance.8"]);
        Assert.All(CommandTable.Rows, row => Assert.Contains($".TP\n{row.Synopsis}\n", page, StringComparison.Ordinal));
        Assert.All(
            Usage.OptionGroups(Appliance.Cli.Paths.OfSystem).SelectMany(group => group.Rows),
            row => Assert.Contains($".TP\n{row.Left}\n", page, StringComparison.Ordinal));
    }

    [Theory]
    [MemberData(nameof(Completions))]
    public void Completion_has_every_command_option_and_word(string path)
    {
        string text = Texts[path];
        var tree = new CompletionTree();
        Assert.Equal(
            CommandTable.Rows.Select(row => row.Synopsis.Split(' ')[0]).Distinct(StringComparer.Ordinal), tree.Nodes[0].Commands.Select(word => word.Word),
            StringComparer.Ordinal);
        var words = tree.Nodes.SelectMany(node => node.Commands.Concat(node.Options)).Select(word => word.Word);
        foreach (string word in words.Concat(tree.Values.SelectMany(value => value.Words)))
        {
            string typed = !path.EndsWith(".fish", StringComparison.Ordinal) || word[0] != '-' ? word : word[1] == '-' ? $"-l {word[2..]}" : $"-s {word[1..]}";
            Assert.Matches(new Regex($"(?<![a-z-]){Regex.Escape(typed)}(?![a-z-])", RegexOptions.None, RegexLimit), text);
        }
    }

    [Fact]
    public void Unit_and_init_script_give_the_directories_of_the_tables()
    {
        string[] variables = ["APPLIANCE_RUN_DIR", "APPLIANCE_STATE_DIR", "APPLIANCE_LOG"];
        Assert.All(variables, variable => Assert.Contains(variable, SettingsTable.Rows.Select(row => row.Variable), StringComparer.Ordinal));
        string[] values = [Appliance.Cli.Paths.OfSystem.RunDirectory, Appliance.Cli.Paths.OfSystem.StateDirectory, "/var/log/appliance/appliance.log"];
        foreach (var (variable, value) in variables.Zip(values))
        {
            Assert.Contains($"\nEnvironment={variable}={value}\n", Texts["usr/lib/systemd/system/appliance.service"], StringComparison.Ordinal);
            Assert.Contains($"\n{variable}={value}\n", Texts["etc/init.d/appliance"], StringComparison.Ordinal);
        }
    }

    /// <summary>A page without fonts and escapes.</summary>
    private static string Plain(string page) =>
        Regex.Replace(page, @"\\f[BIR]|\\&", "", RegexOptions.None, RegexLimit)
            .Replace(@".\|.\|.", "…", StringComparison.Ordinal)
            .Replace(@"\-", "-", StringComparison.Ordinal)
            .Replace(@"\e", @"\", StringComparison.Ordinal);

    private static string Joined(string entry) => entry.Replace('\n', ' ');
}
