using Appliance.PackageTests.Harness;

namespace Appliance.PackageTests;

/// <summary>The Debian package, as it lies there.</summary>
public sealed class DebTests
{
    public static TheoryData<string> Scripts => ["preinst", "postinst", "prerm", "postrm"];

    [Fact]
    public async Task Everything_in_etc_is_a_configuration_file_and_nothing_else()
    {
        var listed = await Artifacts.SucceedAsync("dpkg-deb", "--info", Deb, "conffiles");
        var held = (await Artifacts.SucceedAsync("sh", "-c", $"dpkg-deb --fsys-tarfile '{Deb}' | tar --list")).Split('\n')
            .Where(path => path.StartsWith("./etc/", StringComparison.Ordinal) && !path.EndsWith('/'))
            .Select(path => path[1..]);
        Assert.Equal(held.Order(StringComparer.Ordinal), listed.Split('\n', StringSplitOptions.RemoveEmptyEntries).Order(StringComparer.Ordinal));
    }

    [Fact]
    public async Task Every_file_is_root_s_and_nobody_else_writes_it()
    {
        var lines = (await Artifacts.SucceedAsync("dpkg-deb", "--contents", Deb)).Split('\n', StringSplitOptions.RemoveEmptyEntries);
        Assert.All(lines, line => Assert.Matches(@"^[d-](rwxr-xr-x|rw-r--r--) root/root ", line));
        Assert.Contains(
            lines, line => line.StartsWith("-rwxr-xr-x", StringComparison.Ordinal) && line.EndsWith(" ./usr/bin/appliance", StringComparison.Ordinal));
        Assert.Contains(
            lines, line => line.StartsWith("-rwxr-xr-x", StringComparison.Ordinal) && line.EndsWith(" ./etc/init.d/appliance", StringComparison.Ordinal));
    }

    /// <summary>What a folder takes depends on the file system that the package is made on, so it counts as 1 KiB, as Debian's tools count.</summary>
    [Fact]
    public async Task Size_is_the_same_wherever_it_is_built()
    {
        var counted = await Artifacts.SucceedAsync(
            "sh", "-c", $"dpkg-deb --contents '{Deb}' | awk '$6 != \"./\" {{ total += /^d/ ? 1 : int(($3 + 1023) / 1024) }} END {{ print total }}'");
        Assert.Equal(counted, await Artifacts.SucceedAsync("dpkg-deb", "--field", Deb, "Installed-Size"));
    }

    [Fact]
    public async Task Files_are_what_the_binary_says()
    {
        var work = Directory.CreateTempSubdirectory("appliance-unpack-");
        try
        {
            _ = await Artifacts.SucceedAsync("dpkg-deb", "--extract", Deb, $"{work.FullName}/deb");
            _ = await Artifacts.SucceedAsync("sh", "-c", $"gunzip '{work.FullName}'/deb/usr/share/man/man*/*.gz");
            foreach (var path in Lines(await Artifacts.SucceedAsync(Artifacts.Find("appliance"), "dump", $"{work.FullName}/dump")))
            {
                Assert.Equal(await File.ReadAllTextAsync(path), await File.ReadAllTextAsync(path.Replace("/dump/", "/deb/", StringComparison.Ordinal)));
            }
        }
        finally
        {
            work.Delete(recursive: true);
        }
    }

    [Theory]
    [MemberData(nameof(Scripts))]
    public async Task Script_is_clean(string script)
    {
        var file = Path.Combine(Artifacts.Repository, "pkg/deb", script);
        _ = await Artifacts.SucceedAsync("shellcheck", file);
        _ = await Artifacts.SucceedAsync("dash", "-n", file);
    }

    private static string Deb => Artifacts.Find("appliance.deb");

    private static string[] Lines(string text) => text.Split('\n', StringSplitOptions.RemoveEmptyEntries);
}
