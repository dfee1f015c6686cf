using Cake.Common.Tools.DotNet;
using Cake.Common.Tools.DotNet.Build;
using Cake.Frosting;

namespace Build.Tasks;

/// <summary>All tests; the last line of the output counts them.</summary>
[TaskName("test")]
[TaskDescription("publishes, then runs all tests against the binary; arguments go to dotnet test")]
[IsDependentOn(typeof(PublishTask))]
public sealed class TestTask : FrostingTask<BuildContext>
{
    /// <inheritdoc/>
    public override void Run(BuildContext context)
    {
        Prerequisites.Install(context, Purpose.Test);

        // Nothing tests the benchmark, but it uses what tests guard.
        context.DotNetBuild(BuildContext.Bench, new DotNetBuildSettings { Configuration = "Release", NoLogo = true });
        TestRun.Run(context, BuildContext.UnitTests, BuildContext.SystemTests);
    }
}
