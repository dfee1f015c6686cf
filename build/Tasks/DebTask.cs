using System.Globalization;
using Build.Packaging;
using Cake.Common.Diagnostics;
using Cake.Frosting;

namespace Build.Tasks;

/// <summary>Packs the published binary for Debian and Ubuntu.</summary>
[TaskName("deb")]
[TaskDescription("builds and checks artifacts/appliance.deb, and the same under its full name")]
[IsDependentOn(typeof(TarTask))]
public sealed class DebTask : FrostingTask<BuildContext>
{
    private const string Documents = "usr/share/doc/appliance";

    private static readonly string[] Scripts = ["preinst", "postinst", "prerm", "postrm"];

    /// <inheritdoc/>
    public override bool ShouldRun(BuildContext context) => !context.IsSelectiveTest;

    /// <inheritdoc/>
    public override void Run(BuildContext context)
    {
        Prerequisites.Install(context, Purpose.Package);
        var architecture = context.Capture("dpkg", "--print-architecture").Single();
        var package = Path.GetFullPath($"{BuildContext.Artifacts}/appliance_{context.Version}_{architecture}.deb");

        var tree = new PackageTree($"{BuildContext.Artifacts}/obj/deb");
        tree.AddProduct(context);
        AddDocuments(context, tree);
        AddControl(context, tree, architecture);

        Environment.SetEnvironmentVariable("SOURCE_DATE_EPOCH", context.SourceDateEpoch);
        context.Run("dpkg-deb", "--root-owner-group", "-Zxz", "--build", tree.Root, package);
        context.Run("lintian", "--fail-on", "error,warning", "--allow-root", package);
        Distribution.Add(context, package, "appliance.deb");
        context.Information($"sudo apt install ./{BuildContext.Artifacts}/appliance.deb");
    }

    private static void AddDocuments(BuildContext context, PackageTree tree)
    {
        var license = File.ReadLines("LICENSE").SkipWhile(line => !line.StartsWith("Permission", StringComparison.Ordinal))
            .Select(line => line.Length > 0 ? $" {line}" : " .");
        tree.AddText(
            File.ReadAllText("pkg/deb/copyright").Replace("@LICENSE@", string.Join('\n', license), StringComparison.Ordinal),
            $"{Documents}/copyright");
        tree.AddText(string.Join('\n', Release.ReadAll(context).Select(release => release.ToDebian(context.Maintainer))), $"{Documents}/changelog");
        tree.Compress(context, $"{Documents}/changelog");
    }

    private static void AddControl(BuildContext context, PackageTree tree, string architecture)
    {
        tree.AddText(
            File.ReadAllText("pkg/deb/control.in")
                .Replace("@VERSION@", context.Version, StringComparison.Ordinal)
                .Replace("@ARCHITECTURE@", architecture, StringComparison.Ordinal)
                .Replace("@MAINTAINER@", context.Maintainer, StringComparison.Ordinal)
                .Replace("@HOMEPAGE@", context.Homepage, StringComparison.Ordinal)
                .Replace("@GLIBC@", BinaryCheck.GlibcMax.ToString(), StringComparison.Ordinal)
                .Replace("@INSTALLED_SIZE@", tree.InstalledSize.ToString(CultureInfo.InvariantCulture), StringComparison.Ordinal),
            "DEBIAN/control");

        var files = Directory.EnumerateFiles(tree.Root, "*", SearchOption.AllDirectories)
            .Select(file => Path.GetRelativePath(tree.Root, file))
            .Order(StringComparer.Ordinal)
            .ToLookup(file => file.Split('/')[0], StringComparer.Ordinal);
        tree.AddText(string.Concat(files["etc"].Select(file => $"/{file}\n")), "DEBIAN/conffiles");
        tree.AddText(
            string.Concat(files["usr"].Select(file => string.Create(CultureInfo.InvariantCulture, $"{Md5(context, $"{tree.Root}/{file}")}  {file}\n"))),
            "DEBIAN/md5sums");
        foreach (var script in Scripts)
        {
            tree.AddFile($"pkg/deb/{script}", $"DEBIAN/{script}", executable: true);
        }
    }

    private static string Md5(BuildContext context, string file) => context.Capture("md5sum", file).Single().Split(' ')[0];
}
