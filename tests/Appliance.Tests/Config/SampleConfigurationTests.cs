using Appliance.Config;

namespace Appliance.Tests.Config;

/// <summary>The configuration file as it is installed.</summary>
public sealed class SampleConfigurationTests
{
    private static readonly DefaultPaths Paths = new("/run/test", "/var/lib/test");

    private static readonly string[] Lines = SampleConfiguration.Write(Paths).Split('\n');

    public static TheoryData<string> Names => [.. SettingsTable.Rows.Select(row => row.Name)];

    [Theory]
    [MemberData(nameof(Names))]
    public void Setting_is_there_with_default_meaning_and_reason(string name)
    {
        var row = SettingsTable.Find(name)!;
        Assert.InRange(row.Reason.Length, 20, 220);
        Assert.EndsWith(".", row.Reason, StringComparison.Ordinal);
        int at = Array.IndexOf(Lines, $"#{name} = {SampleConfiguration.DefaultOf(row, Paths)}");
        Assert.True(at > 0, $"no line for {name}");
        int first = Array.FindLastIndex(Lines, at, line => line.Length == 0) + 1;
        string comment = string.Join(' ', Lines[first..at].Select(line => line[2..]));
        Assert.Equal($"{SampleConfiguration.MeaningOf(row)} {SampleConfiguration.RulesOf(row)}", comment);
        Assert.Contains(row.Reason, comment, StringComparison.Ordinal);
        Assert.Contains(row.Allowed, comment, StringComparison.Ordinal);
    }

    [Fact]
    public void As_it_is_it_changes_nothing() => Assert.Empty(SettingsBuilder.ReadFile("appliance.conf", Lines));

    [Fact]
    public void With_every_line_uncommented_it_gives_the_defaults()
    {
        var settings = SettingsTable.Rows.Select(row => $"{row.Name} = ").ToList();
        var given = SettingsBuilder.ReadFile(
            "appliance.conf", Lines.Where(line => settings.Exists(line.TrimStart('#').StartsWith)).Select(line => line.TrimStart('#')));
        Assert.Equal(SettingsTable.Rows.Select(row => row.Name), given.Select(value => value.Name), StringComparer.Ordinal);
        Assert.Equal(SettingsBuilder.Write(SettingsBuilder.Build(Paths, [])), SettingsBuilder.Write(SettingsBuilder.Build(Paths, given)));
    }

    [Fact]
    public void Fits_a_terminal_of_100_columns() => Assert.All(Lines, line => Assert.InRange(line.Length, 0, 100));
}
