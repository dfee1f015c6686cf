using System.Text.Json.Nodes;
using Appliance.PackageTests.Harness;

namespace Appliance.PackageTests;

/// <summary>The binary alone, where nothing of the package is: everything is inside.</summary>
public sealed class SingleFileTests
{
    [RootFact]
    public async Task Binary_alone_makes_a_service_of_itself()
    {
        await using var machine = await Machine.BootAsync(BaseSystem.Sysvinit);
        _ = machine.CopyIn(Artifacts.Find("appliance"));
        _ = await machine.SucceedAsync("""
            set -e
            install -m 755 /root/appliance /usr/bin/appliance
            appliance dump / >/dev/null
            useradd --system --user-group --no-create-home --home-dir /nonexistent appliance
            install -d -o appliance -g adm -m 2750 /var/log/appliance
            /etc/init.d/appliance start
            """);
        await using var ann = await machine.JoinAsync();
        _ = await ann.SayAndReadAsync("by hand");
        _ = await machine.SucceedAsync("/etc/init.d/appliance stop");
    }

    [RootFact]
    public async Task Archive_holds_what_one_needs_and_its_binary_runs()
    {
        await using var machine = await Machine.BootAsync(BaseSystem.Sysvinit);
        var archive = machine.CopyIn(Artifacts.Find("appliance.tar.gz"));
        var listed = await machine.SucceedAsync($"tar -xzf {archive} -C /opt && cd /opt/appliance-* && ls");
        Assert.Equal(
            ["CHANGELOG.md", "LICENSE", "README.md", "appliance", "appliance.spdx.json"],
            listed.Split('\n', StringSplitOptions.RemoveEmptyEntries).Order(StringComparer.Ordinal));
        _ = await machine.SucceedAsync("/opt/appliance-*/appliance --daemon --proc=2");
        await using (var ann = await machine.JoinAsync())
        {
            _ = await ann.SayAndReadAsync("from the archive");
        }

        _ = await machine.SucceedAsync("/opt/appliance-*/appliance stop --purge");
    }

    [Fact]
    public async Task Version_says_which_build_it_is()
    {
        var version = (await Artifacts.SucceedAsync(Artifacts.Find("appliance"), "--version")).Trim();
        Assert.Matches(@"^appliance \d+\.\d+\.\d+ Release linux-(x64|arm64) ([0-9a-f]{12}|unknown)$", version);
        Assert.Equal(version.Split(' ')[1], (await Artifacts.SucceedAsync("dpkg-deb", "--field", Artifacts.Find("appliance.deb"), "Version")).Trim());
        Assert.Equal(
            version.Split(' ')[1],
            (await Artifacts.SucceedAsync("rpm", "--query", "--package", "--queryformat", "%{VERSION}", Artifacts.Find("appliance.rpm"))).Trim());
    }

    [Fact]
    public async Task Checksums_are_right_and_complete()
    {
        var checkedFiles = await Artifacts.SucceedAsync("sh", "-c", $"cd '{Artifacts.Folder}' && sha256sum --check --strict SHA256SUMS");
        foreach (var kind in new[] { ".deb: OK", ".rpm: OK", ".tar.gz: OK", ".spdx.json: OK", "appliance: OK" })
        {
            Assert.Contains(kind, checkedFiles, StringComparison.Ordinal);
        }

        var patterns = new[]
        {
            ("appliance.deb", "appliance_*.deb"), ("appliance.rpm", "appliance-*.rpm"), ("appliance.tar.gz", "appliance-*.tar.gz"),
            ("appliance.spdx.json", "appliance-*.spdx.json"),
        };
        foreach (var (shortName, pattern) in patterns)
        {
            var full = Assert.Single(Directory.GetFiles(Artifacts.Folder, pattern));
            Assert.Equal(await File.ReadAllBytesAsync(full), await File.ReadAllBytesAsync(Artifacts.Find(shortName)));
        }
    }

    [Fact]
    public async Task Bill_of_materials_names_every_package_with_checksum_and_licence()
    {
        var bill = JsonNode.Parse(await File.ReadAllTextAsync(Artifacts.Find("appliance.spdx.json")))!;
        Assert.Equal("SPDX-2.3", bill["spdxVersion"]!.GetValue<string>());
        Assert.Equal("CC0-1.0", bill["dataLicense"]!.GetValue<string>());
        var packages = bill["packages"]!.AsArray();
        string[] names = [.. packages.Select(package => package!["name"]!.GetValue<string>())];
        Assert.Superset(new HashSet<string> { "appliance", "Serilog", "System.CommandLine" }, new HashSet<string>(names));
        Assert.Contains(
            names, name => name.EndsWith(".Microsoft.DotNet.ILCompiler", StringComparison.Ordinal) && name.StartsWith("runtime.", StringComparison.Ordinal));
        Assert.All(packages, package =>
        {
            Assert.Matches("^SPDXRef-[A-Za-z0-9.-]+$", package!["SPDXID"]!.GetValue<string>());
            Assert.NotEqual("NOASSERTION", package["licenseDeclared"]!.GetValue<string>());
            Assert.Matches("^[0-9a-f]{64,128}$", package["checksums"]![0]!["checksumValue"]!.GetValue<string>());
        });
        var sum = (await Artifacts.SucceedAsync("sha256sum", Artifacts.Find("appliance"))).Split(' ')[0];
        Assert.Equal(sum, packages[0]!["checksums"]![0]!["checksumValue"]!.GetValue<string>());

        string[] ids = [.. packages.Select(package => package!["SPDXID"]!.GetValue<string>()), "SPDXRef-DOCUMENT"];
        Assert.Equal(ids.Length, ids.Distinct().Count());
        var relations = bill["relationships"]!.AsArray();
        Assert.Equal(packages.Count, relations.Count);
        Assert.All(relations, relation =>
        {
            Assert.Contains(relation!["spdxElementId"]!.GetValue<string>(), ids);
            Assert.Contains(relation["relatedSpdxElement"]!.GetValue<string>(), ids);
            Assert.Matches("^(DESCRIBES|STATIC_LINK|BUILD_TOOL_OF)$", relation["relationshipType"]!.GetValue<string>());
        });
    }
}
