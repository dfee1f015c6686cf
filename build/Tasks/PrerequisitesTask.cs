using Cake.Frosting;

namespace Build.Tasks;

/// <summary>Everything that any task needs; each task also asks for its own.</summary>
[TaskName("prerequisites")]
[TaskDescription("installs what the build, the tests, the benchmark and the packages need (apt)")]
public sealed class PrerequisitesTask : FrostingTask<BuildContext>
{
    /// <inheritdoc/>
    public override void Run(BuildContext context) =>
        Prerequisites.Install(context, Purpose.Publish | Purpose.Test | Purpose.Bench | Purpose.Package | Purpose.PackageTest);
}
