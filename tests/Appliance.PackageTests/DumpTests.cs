using System.Globalization;
using Appliance.PackageTests.Harness;
using Appliance.SystemTests.Harness;

namespace Appliance.PackageTests;

/// <summary>The files that the binary carries: each passes the checks of the program that it is for.</summary>
public sealed class DumpTests(DumpedFiles dumped) : IClassFixture<DumpedFiles>
{
    private const string InitScript = "etc/init.d/appliance";
    private const string Bash = "usr/share/bash-completion/completions/appliance";

    public static TheoryData<string> Pages =>
        ["usr/share/man/man8/appliance.8", "usr/share/man/man5/appliance.conf.5", "usr/share/man/man7/appliance-protocol.7"];

    /// <summary>What is typed (the last word is being completed), and what is offered.</summary>
    public static TheoryData<string, string[]> Completed => new()
    {
        { "appliance st", ["status", "stop"] },
        { "appliance --max-n", ["--max-name"] },
        { "appliance --announce ", ["ip", "count", "off"] },
        { "appliance --log-level = w", ["warning"] },
        { "appliance stop --p", ["--purge"] },
        { "appliance status --run", ["--run-dir"] },
        { "appliance --run-dir /usr/shar", ["/usr/share"] },
    };

    [Fact]
    public async Task Init_script_is_clean()
    {
        _ = await Artifacts.SucceedAsync("shellcheck", dumped[InitScript]);
        _ = await Artifacts.SucceedAsync("dash", "-n", dumped[InitScript]);
    }

    [Fact]
    public async Task Configuration_file_is_right() =>
        _ = await Artifacts.SucceedAsync(Artifacts.Find("appliance"), "--settings", "--config", dumped["etc/appliance/appliance.conf"]);

    [Fact]
    public async Task Unit_is_right_and_its_sandbox_tight()
    {
        var report = await Artifacts.SucceedAsync(
            "systemd-analyze", "security", "--offline=true", "--no-pager", "--threshold=11", dumped["usr/lib/systemd/system/appliance.service"]);
        Assert.Contains("Overall exposure level", report, StringComparison.Ordinal);
    }

    [Theory]
    [MemberData(nameof(Pages))]
    public async Task Manual_page_is_clean(string page)
    {
        Assert.Equal("", await Artifacts.SucceedAsync("mandoc", "-T", "lint", dumped[page]));
        var rendered = await CommandResult.RunAsync("groff", "-ww", "-man", "-rLL=78n", "-Tutf8", "-P-cbou", dumped[page]);
        Assert.Equal((0, ""), (rendered.ExitCode, rendered.Error));
        Assert.All(rendered.Output.Split('\n'), line => Assert.InRange(line.Length, 0, 80));
        Assert.DoesNotMatch("@[A-Z]+@", rendered.Output);
    }

    [Fact]
    public async Task Completions_are_clean()
    {
        _ = await Artifacts.SucceedAsync("shellcheck", "--shell=bash", dumped[Bash]);
        _ = await Artifacts.SucceedAsync("zsh", "-n", dumped["usr/share/zsh/vendor-completions/_appliance"]);
        _ = await Artifacts.SucceedAsync("fish", "--no-execute", dumped["usr/share/fish/vendor_completions.d/appliance.fish"]);
    }

    [Theory]
    [MemberData(nameof(Completed))]
    public async Task Bash_completes(string typed, string[] offered)
    {
        var words = typed.Split(' ');
        var script = string.Create(
            CultureInfo.InvariantCulture,
            $"source \"$0\"; COMP_WORDS=(\"$@\"); COMP_CWORD={words.Length - 1}; _appliance; printf '%s\\n' \"${{COMPREPLY[@]}}\"");
        var answer = await Artifacts.SucceedAsync("bash", ["-c", script, dumped[Bash], .. words]);
        Assert.Equal(offered, answer.Split('\n', StringSplitOptions.RemoveEmptyEntries));
    }

    [Theory]
    [InlineData("st", "status")]
    [InlineData("stop --pu", "--purge")]
    [InlineData("--announce c", "count")]
    public async Task Fish_completes(string typed, string offered)
    {
        var answer = await Artifacts.SucceedAsync(
            "fish", "--no-config", "-c", $"source '{dumped["usr/share/fish/vendor_completions.d/appliance.fish"]}'; complete -C 'appliance {typed}'");
        Assert.Contains(answer.Split('\n'), line => line.Split('\t')[0] == offered);
    }

    [Fact]
    public async Task Nothing_that_was_edited_is_overwritten_unasked()
    {
        var folder = Directory.CreateTempSubdirectory("appliance-dump-again-");
        try
        {
            _ = await Artifacts.SucceedAsync(Artifacts.Find("appliance"), "dump", folder.FullName);
            _ = await Artifacts.SucceedAsync(Artifacts.Find("appliance"), "dump", folder.FullName);
            var edited = Path.Combine(folder.FullName, "etc/appliance/appliance.conf");
            await File.WriteAllTextAsync(edited, "history = 77\n");
            var refused = await CommandResult.ApplianceAsync("dump", folder.FullName);
            Assert.Equal(1, refused.ExitCode);
            Assert.Contains(edited, refused.Error, StringComparison.Ordinal);
            Assert.Equal("history = 77\n", await File.ReadAllTextAsync(edited));
            _ = await Artifacts.SucceedAsync(Artifacts.Find("appliance"), "dump", "--force", folder.FullName);
            Assert.NotEqual("history = 77\n", await File.ReadAllTextAsync(edited));
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }

    [Fact]
    public async Task Everybody_may_read_it_whatever_the_umask()
    {
        var folder = Directory.CreateTempSubdirectory("appliance-dump-umask-");
        try
        {
            _ = await Artifacts.SucceedAsync("sh", "-c", $"umask 077 && '{Artifacts.Find("appliance")}' dump '{folder.FullName}/root'");
            Assert.Equal("", await Artifacts.SucceedAsync("find", $"{folder.FullName}/root", "-not", "-perm", "-a+r"));
            Assert.Equal("", await Artifacts.SucceedAsync("find", $"{folder.FullName}/root", "-perm", "/go+w"));
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }

    [Fact]
    public async Task Directory_is_asked_for()
    {
        var empty = await CommandResult.ApplianceAsync("dump", "");
        Assert.Equal((2, "appliance: dump: '' is no directory; the present one is '.'\n"), (empty.ExitCode, empty.Error));
        var bare = await CommandResult.ApplianceAsync("dump");
        Assert.Equal(2, bare.ExitCode);
        var impossible = await CommandResult.ApplianceAsync("dump", "/proc/no");
        Assert.Equal(1, impossible.ExitCode);
        Assert.Contains("/proc/no", impossible.Error, StringComparison.Ordinal);
    }
}
