using Cake.Common;
using Cake.Common.Xml;
using Cake.Core;
using Cake.Core.IO;
using Cake.Frosting;
using Path = System.IO.Path;

namespace Build;

/// <summary>Paths and facts that the tasks share. The working directory is the root of the repository.</summary>
public sealed class BuildContext(ICakeContext context) : FrostingContext(context)
{
    /// <summary>Name of the argument that carries, once each, what follows the task on the command line.</summary>
    public const string ForwardArgument = "forward";

    /// <summary>Project of the product.</summary>
    public const string ApplianceProject = "src/Appliance/Appliance.csproj";

    /// <summary>Project of the unit tests.</summary>
    public const string UnitTests = "tests/Appliance.Tests/Appliance.Tests.csproj";

    /// <summary>Project of the tests against the published binary.</summary>
    public const string SystemTests = "tests/Appliance.SystemTests/Appliance.SystemTests.csproj";

    /// <summary>Project of the tests against the packages.</summary>
    public const string PackageTests = "tests/Appliance.PackageTests/Appliance.PackageTests.csproj";

    /// <summary>Project of the fuzzing targets, which are tests as well.</summary>
    public const string FuzzTests = "tests/Appliance.Fuzz/Appliance.Fuzz.csproj";

    /// <summary>Project of the benchmark.</summary>
    public const string Bench = "tests/Appliance.Bench/Appliance.Bench.csproj";

    /// <summary>Project of the part of the benchmark that is native code.</summary>
    public const string BenchNative = "tests/Appliance.Bench.Native/Appliance.Bench.Native.csproj";

    /// <summary>Everything that a build makes lies here.</summary>
    public const string Artifacts = "artifacts";

    /// <summary>The published binary.</summary>
    public const string Binary = $"{Artifacts}/appliance";

    /// <summary>Debug symbols of the published binary.</summary>
    public const string Symbols = $"{Artifacts}/appliance.dbg";

    /// <summary>The task that the command line names.</summary>
    public string Target => Arguments.GetArguments("target").Single();

    /// <summary>What follows the task on the command line.</summary>
    public IReadOnlyList<string> Forwarded => [.. Arguments.GetArguments(ForwardArgument)];

    /// <summary>Whether some tests alone are to run, quickly: those of the packages are not among them, and nothing is packed.</summary>
    public bool IsSelectiveTest => Arguments.GetArguments("target").Contains("test") && Forwarded.Count > 0;

    /// <summary>Version of the product, from the one place where it stands.</summary>
    public string Version => this.XmlPeek("Directory.Build.props", "/Project/PropertyGroup/Version");

    /// <summary>Who answers for the packages.</summary>
    public string Maintainer => this.XmlPeek("Directory.Build.props", "/Project/PropertyGroup/PackageMaintainer");

    /// <summary>Where the product is at home: whoever distributes it fills it in.</summary>
    public string Homepage => this.XmlPeek("Directory.Build.props", "/Project/PropertyGroup/PackageHomepage");

    /// <summary>Processor in the SDK's terms: x64 or arm64.</summary>
    public static string Architecture { get; } =
        System.Runtime.InteropServices.RuntimeInformation.OSArchitecture.ToString().ToLowerInvariant();

    /// <summary>Seconds since 1970 of the commit (now, outside a git checkout): packages of one commit are the same to the byte.</summary>
    public string SourceDateEpoch => System.Environment.GetEnvironmentVariable("SOURCE_DATE_EPOCH")
        ?? (Path.Exists(".git")
            ? Capture("git", "log", "-1", "--format=%ct").Single()
            : DateTimeOffset.UtcNow.ToUnixTimeSeconds().ToString(System.Globalization.CultureInfo.InvariantCulture));

    /// <summary>Runs a program on this terminal.</summary>
    /// <exception cref="CakeException">It ended with another status than 0.</exception>
    public void Run(string program, params IEnumerable<string> arguments) =>
        Require(program, this.StartProcess(program, new ProcessSettings { Arguments = Quote(arguments) }));

    /// <summary>Runs a program and returns the lines of its output.</summary>
    /// <exception cref="CakeException">It ended with another status than 0.</exception>
    public IReadOnlyList<string> Capture(string program, params IEnumerable<string> arguments)
    {
        var settings = new ProcessSettings { Arguments = Quote(arguments), RedirectStandardOutput = true };
        Require(program, this.StartProcess(program, settings, out var lines));
        return [.. lines];
    }

    private static ProcessArgumentBuilder Quote(IEnumerable<string> arguments)
    {
        var builder = new ProcessArgumentBuilder();
        foreach (var argument in arguments)
        {
            _ = builder.AppendQuoted(argument.Replace("\"", "\\\"", StringComparison.Ordinal));
        }

        return builder;
    }

    private static void Require(string program, int status)
    {
        if (status != 0)
        {
            throw new CakeException($"{program} ended with status {status}.");
        }
    }
}
