using System.Globalization;
using Build.Packaging;
using Cake.Common.Diagnostics;
using Cake.Frosting;

namespace Build.Tasks;

/// <summary>Packs the published binary for a host without packages, and says what it is made of.</summary>
[TaskName("tar")]
[TaskDescription("the binary alone as .tar.gz, its bill of materials (SPDX), and SHA256SUMS")]
[IsDependentOn(typeof(PublishTask))]
public sealed class TarTask : FrostingTask<BuildContext>
{
    private static readonly string[] Documents = ["README.md", "CHANGELOG.md", "LICENSE"];

    /// <inheritdoc/>
    public override bool ShouldRun(BuildContext context) => !context.IsSelectiveTest;

    /// <inheritdoc/>
    public override void Run(BuildContext context)
    {
        var name = $"appliance-{context.Version}-linux-{BuildContext.Architecture}";
        var bill = $"{BuildContext.Artifacts}/{name}.spdx.json";
        File.WriteAllText(bill, BillOfMaterials.Write(context, BuildContext.Binary));
        Distribution.Add(context, bill, "appliance.spdx.json");

        var tree = new PackageTree($"{BuildContext.Artifacts}/obj/tar/{name}");
        tree.AddFile(BuildContext.Binary, "appliance", executable: true);
        foreach (var document in Documents)
        {
            tree.AddFile(document, document);
        }

        tree.AddFile(bill, "appliance.spdx.json");
        var archive = $"{BuildContext.Artifacts}/{name}.tar.gz";
        Archive(context, tree.Root, archive);
        Distribution.Add(context, archive, "appliance.tar.gz");
        context.Information($"{archive}: {string.Create(CultureInfo.InvariantCulture, $"{new FileInfo(archive).Length}")} bytes");
    }

    /// <summary>Owner, order and times are the same whoever packs; gzip's header has no time.</summary>
    private static void Archive(BuildContext context, string folder, string archive)
    {
        var plain = Path.ChangeExtension(archive, null);
        context.Run(
            "tar", "--create", "--file", plain, "--format=gnu", "--sort=name", "--owner=root:0", "--group=root:0", "--numeric-owner",
            $"--mtime=@{context.SourceDateEpoch}", "--directory", Path.GetDirectoryName(folder)!, Path.GetFileName(folder));
        context.Run("gzip", "-9nf", plain);
    }
}
