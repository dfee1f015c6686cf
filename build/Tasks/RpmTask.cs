using Build.Packaging;
using Cake.Common.Diagnostics;
using Cake.Core;
using Cake.Frosting;

namespace Build.Tasks;

/// <summary>Packs the published binary for Fedora, RHEL and SUSE.</summary>
[TaskName("rpm")]
[TaskDescription("builds and checks artifacts/appliance.rpm, and the same under its full name")]
[IsDependentOn(typeof(TarTask))]
public sealed class RpmTask : FrostingTask<BuildContext>
{
    /// <inheritdoc/>
    public override bool ShouldRun(BuildContext context) => !context.IsSelectiveTest;

    /// <inheritdoc/>
    public override void Run(BuildContext context)
    {
        Prerequisites.Install(context, Purpose.Package);
        var tree = new PackageTree($"{BuildContext.Artifacts}/obj/rpm/stage");
        tree.AddProduct(context);
        tree.Move("etc/default/appliance", "etc/sysconfig/appliance");
        tree.Move("usr/share/zsh/vendor-completions/_appliance", "usr/share/zsh/site-functions/_appliance");
        tree.AddFile("LICENSE", "usr/share/licenses/appliance/LICENSE");
        tree.AddFile("CHANGELOG.md", "usr/share/doc/appliance/CHANGELOG.md");

        var work = Path.GetFullPath($"{BuildContext.Artifacts}/obj/rpm");
        var specification = Path.Combine(work, "appliance.spec");
        File.WriteAllText(
            specification,
            File.ReadAllText("pkg/rpm/appliance.spec") + string.Join('\n', Release.ReadAll(context).Select(release => release.ToRpm(context.Maintainer))));

        Environment.SetEnvironmentVariable("SOURCE_DATE_EPOCH", context.SourceDateEpoch);
        context.Run("rpmbuild", ["-bb", "--quiet", .. Definitions(context, work, tree.Root), specification]);

        var package = Directory.EnumerateFiles(BuildContext.Artifacts, $"appliance-{context.Version}-*.rpm").Single();
        Check(context, package);
        Distribution.Add(context, package, "appliance.rpm");
        context.Information($"sudo dnf install ./{BuildContext.Artifacts}/appliance.rpm");
    }

    private static IEnumerable<string> Definitions(BuildContext context, string work, string stage)
    {
        (string Name, string Value)[] definitions =
        [
            ("_topdir", work),
            ("_rpmdir", Path.GetFullPath(BuildContext.Artifacts)),
            ("_rpmfilename", "%{NAME}-%{VERSION}-%{RELEASE}.%{ARCH}.rpm"),
            ("_buildhost", "reproducible"),
            ("use_source_date_epoch_as_buildtime", "1"),
            ("clamp_mtime_to_source_date_epoch", "1"),
            ("version", context.Version),
            ("maintainer", context.Maintainer),
            ("homepage", context.Homepage),
            ("stage", stage),
        ];
        return definitions.SelectMany(definition => new[] { "--define", $"{definition.Name} {definition.Value}" });
    }

    /// <summary>Everything that rpmlint finds, without any filter, is known with its reason; and nothing is known that it does not find.</summary>
    private static void Check(BuildContext context, string package)
    {
        var expected = File.ReadLines("pkg/rpm/rpmlint.expected").Where(line => line.Length > 0 && line[0] != '#').ToList();
        var found = context.Capture("sh", "-c", $"rpmlint --config /dev/null '{package}' || true")
            .Select(line => line.Split(": ", 2))
            .Where(parts => parts is [_, ['E' or 'W', ':', ..]])
            .Select(parts => parts[1])
            .ToList();
        if (found.Count == 0)
        {
            throw new CakeException("rpmlint has found nothing, not even what it always finds: has its report another form now?");
        }

        string[] faults =
        [
            .. found.Except(expected, StringComparer.Ordinal).Select(line => $"rpmlint: {line}"),
            .. expected.Except(found, StringComparer.Ordinal).Select(line => $"pkg/rpm/rpmlint.expected: rpmlint does not find this any more: {line}"),
        ];
        if (faults.Length > 0)
        {
            throw new CakeException(string.Join('\n', faults));
        }
    }
}
