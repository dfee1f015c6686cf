using Cake.Frosting;

namespace Build.Tasks;

/// <summary>What to run before a commit: seconds, not minutes.</summary>
[TaskName("default")]
[TaskDescription("publishes and runs the unit tests")]
[IsDependentOn(typeof(PublishTask))]
public sealed class DefaultTask : FrostingTask<BuildContext>
{
    /// <inheritdoc/>
    public override void Run(BuildContext context) => TestRun.Run(context, new TestSuite(BuildContext.UnitTests));
}
