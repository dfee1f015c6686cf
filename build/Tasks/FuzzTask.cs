using Cake.Frosting;

namespace Build.Tasks;

/// <summary>Looks for inputs that break a parser, for as long as one likes; <c>test</c> does it for some seconds each.</summary>
[TaskName("fuzz")]
[TaskDescription("looks for inputs that break a parser: [TARGET|all] [SECONDS] [--seed N] [--keep] [FILE...]")]
public sealed class FuzzTask : FrostingTask<BuildContext>
{
    /// <inheritdoc/>
    public override void Run(BuildContext context)
    {
        Prerequisites.Install(context, Purpose.Fuzz);
        context.Run("dotnet", ["run", "--project", BuildContext.FuzzTests, "--configuration", "Release", "--", .. context.Forwarded]);
    }
}
