using Cake.Frosting;

namespace Build.Tasks;

/// <summary>Measures the published binary beside its peers.</summary>
[TaskName("bench")]
[TaskDescription("publishes, then measures it beside its peers; arguments go to the benchmark")]
[IsDependentOn(typeof(PublishTask))]
public sealed class BenchTask : FrostingTask<BuildContext>
{
    /// <inheritdoc/>
    public override void Run(BuildContext context)
    {
        Prerequisites.Install(context, Purpose.Bench);
        context.Run("dotnet", "publish", BuildContext.BenchNative, "--runtime", $"linux-{BuildContext.Architecture}", "--configuration", "Release",
            "--output", $"{BuildContext.Artifacts}/bench-native", "--nologo");
        context.Run("dotnet", ["run", "--project", BuildContext.Bench, "--configuration", "Release", "--", .. context.Forwarded]);
    }
}
