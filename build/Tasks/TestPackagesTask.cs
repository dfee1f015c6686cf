using Cake.Frosting;

namespace Build.Tasks;

/// <summary>The tests of the packages, in systems of their own.</summary>
[TaskName("test-packages")]
[TaskDescription("packs, then runs the tests of the packages; arguments go to dotnet test")]
[IsDependentOn(typeof(DebTask))]
[IsDependentOn(typeof(RpmTask))]
public sealed class TestPackagesTask : FrostingTask<BuildContext>
{
    /// <inheritdoc/>
    public override void Run(BuildContext context)
    {
        Prerequisites.Install(context, Purpose.PackageTest);
        TestRun.Run(context, new TestSuite(BuildContext.PackageTests));
    }
}
