using Cake.Common.Tools.DotNet;
using Cake.Common.Tools.DotNet.Build;
using Cake.Frosting;

namespace Build.Tasks;

/// <summary>All tests; the last line of the output counts them.</summary>
[TaskName("test")]
[TaskDescription("publishes, packs, and runs all tests; with arguments, which go to dotnet test, those of the binary alone")]
[IsDependentOn(typeof(PublishTask))]
[IsDependentOn(typeof(DebTask))]
[IsDependentOn(typeof(RpmTask))]
public sealed class TestTask : FrostingTask<BuildContext>
{
    /// <inheritdoc/>
    public override void Run(BuildContext context)
    {
        Prerequisites.Install(context, context.IsSelectiveTest ? Purpose.Test : Purpose.Test | Purpose.PackageTest);

        // Nothing tests the benchmark, but it uses what tests guard.
        context.DotNetBuild(BuildContext.Bench, new DotNetBuildSettings { Configuration = "Release", NoLogo = true });
        TestSuite[] others = context.IsSelectiveTest ? [] : [WithoutUring, InContainer, new(BuildContext.FuzzTests), new(BuildContext.PackageTests)];
        TestRun.Run(context, [new(BuildContext.UnitTests), new(BuildContext.SystemTests), .. others]);
    }

    /// <summary>
    /// A second time for those to whom it matters how messages reach the kernel, in a language whose letters change case in their own way and
    /// a zone that is no whole number of hours: neither is to matter.
    /// </summary>
    private static TestSuite WithoutUring { get; } = new(BuildContext.SystemTests)
    {
        Name = "Appliance.SystemTests.epoll",
        Filter = "Engine!=any",
        Environment = new Dictionary<string, string>(StringComparer.Ordinal)
        {
            ["APPLIANCE_IO"] = "epoll",
            ["LC_ALL"] = "tr_TR.UTF-8",
            ["TZ"] = "Asia/Kathmandu",
            ["DOTNET_CLI_UI_LANGUAGE"] = "en",
        },
    };

    /// <summary>A second time for the life of processes, with each server as the first process of a PID namespace.</summary>
    private static TestSuite InContainer { get; } = new(BuildContext.SystemTests)
    {
        Name = "Appliance.SystemTests.container",
        Filter = "Place=container",
        Environment = new Dictionary<string, string>(StringComparer.Ordinal) { ["APPLIANCE_TEST_PID1"] = "1" },
    };
}
