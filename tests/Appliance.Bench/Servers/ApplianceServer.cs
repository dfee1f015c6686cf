using System.Diagnostics;
using Appliance.Bench.Load;

namespace Appliance.Bench.Servers;

/// <summary>The published binary on one of its engines.</summary>
/// <param name="Name">Its column.</param>
/// <param name="Binary">Where it lies.</param>
/// <param name="Engine">The value of <c>--io</c>.</param>
public sealed record ApplianceServer(string Name, string Binary, string Engine) : ServerUnderTest(Name, ServerKind.Ours)
{
    /// <summary>Its column on the engine that it takes by itself where the kernel allows it.</summary>
    public const string Standard = "appliance";

    /// <inheritdoc/>
    public override bool HasWorkers => true;

    /// <inheritdoc/>
    public override void Prepare()
    {
        if (!File.Exists(Binary))
        {
            throw new LoadException($"{Binary} is not there: run './build.sh publish' first, or name another with --binary.");
        }
    }

    /// <inheritdoc/>
    public override ProcessStartInfo Start(ServerPlace place, ServerSetup setup) => new(Binary,
    [
        setup.Workers == 1 ? "--nofork" : $"--proc={Text(setup.Workers)}", "--io", Engine,
        "--listen", $"127.0.0.1:{Text(place.Port)}", "--metrics", setup.IsMonitored ? $"127.0.0.1:{Text(place.MonitorPort)}" : "off",
        "--state-dir", place.Folder, "--run-dir", place.Folder, "--max-rate", "0", "--announce", "off", "--history", "0", .. setup.Options,
    ]);

    /// <inheritdoc/>
    public override void CleanUp(string folder) => Run(Binary, folder, "stop", "--purge", "--state-dir", folder, "--run-dir", folder);
}
