using Build.Packaging;
using Cake.Common.Diagnostics;
using Cake.Common.Tools.DotNet;
using Cake.Common.Tools.DotNet.MSBuild;
using Cake.Common.Tools.DotNet.Publish;
using Cake.Frosting;

namespace Build.Tasks;

/// <summary>Builds the native binary and its debug symbols.</summary>
[TaskName("publish")]
[TaskDescription("builds the native binary: artifacts/appliance, its symbols in appliance.dbg")]
public sealed class PublishTask : FrostingTask<BuildContext>
{
    /// <inheritdoc/>
    public override void Run(BuildContext context)
    {
        Prerequisites.Install(context, Purpose.Publish);
        var runtime = $"linux-{BuildContext.Architecture}";
        context.DotNetPublish(BuildContext.ApplianceProject, new DotNetPublishSettings
        {
            Configuration = "Release",
            Runtime = runtime,
            NoLogo = true,
            MSBuildSettings = new DotNetMSBuildSettings().WithProperty("ReleaseDate", Release.DateOfNewest(context)),
        });

        var output = Path.Combine(BuildContext.Artifacts, "publish", "Appliance", $"release_{runtime}");
        Update(Path.Combine(output, "appliance"), BuildContext.Binary);
        Update(Path.Combine(output, "appliance.dbg"), BuildContext.Symbols);
        BinaryCheck.Run(context, BuildContext.Binary);
        context.Information($"{BuildContext.Binary}: {new FileInfo(BuildContext.Binary).Length} bytes");
    }

    /// <summary>Copies by rename: a running server keeps the old file.</summary>
    private static void Update(string source, string target)
    {
        if (File.Exists(target) && File.GetLastWriteTimeUtc(target) == File.GetLastWriteTimeUtc(source))
        {
            return;
        }

        var temporary = target + ".new";
        File.Copy(source, temporary, overwrite: true);
        File.Move(temporary, target, overwrite: true);
    }
}
