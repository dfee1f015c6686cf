using Appliance.SystemTests.Harness;

namespace Appliance.SystemTests;

/// <summary>Keys and lists of System V objects, beside those of PHP.</summary>
public sealed class IpcCommandTests
{
    [Theory]
    [InlineData("A")]
    [InlineData("z")]
    [InlineData("~")]
    public async Task Key_is_that_of_ftok(string project)
    {
        await using var folder = new IpcFolder();
        var expected = await folder.PhpAsync($"printf('0x%08x', ftok($path, '{project}'));");
        var printed = await CommandResult.ApplianceAsync("ipc", "key", folder.FullName, project);
        Assert.Equal((0, $"{expected}\n", ""), (printed.ExitCode, printed.Output, printed.Error));
    }

    [Fact]
    public async Task Key_without_a_letter_is_that_of_A()
    {
        await using var folder = new IpcFolder();
        var printed = await CommandResult.ApplianceAsync("ipc", "key", folder.FullName);
        Assert.Equal(await folder.PhpAsync("printf(\"0x%08x\\n\", $key);"), printed.Output);
    }

    [Theory]
    [InlineData(2, "ipc")]
    [InlineData(2, "ipc", "key")]
    [InlineData(2, "ipc", "key", "/", "AB")]
    [InlineData(2, "ipc", "key", "/", "\u00E9")]
    [InlineData(1, "ipc", "key", "/no/such/file", "A")]
    public async Task Wrong_use_is_told(int exitCode, params string[] arguments)
    {
        var result = await CommandResult.ApplianceAsync(arguments);
        Assert.Equal((exitCode, ""), (result.ExitCode, result.Output));
        Assert.StartsWith("appliance: ", result.Error, StringComparison.Ordinal);
        Assert.Single(result.Error.Split('\n', StringSplitOptions.RemoveEmptyEntries));
    }

    [Fact]
    public async Task Help_of_a_command_is_about_it_alone()
    {
        var family = await CommandResult.ApplianceAsync("ipc", "--help");
        Assert.Equal((0, ""), (family.ExitCode, family.Error));
        Assert.Contains("ipc key PATH", family.Output, StringComparison.Ordinal);
        Assert.DoesNotContain("--daemon", family.Output, StringComparison.Ordinal);
    }
}
