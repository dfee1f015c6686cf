using System.Diagnostics;
using Appliance.Bench.Peers;

namespace Appliance.Bench.Servers;

/// <summary>This program again, as the bare loop of one way to send.</summary>
/// <param name="Name">Its column.</param>
/// <param name="Way">How it sends.</param>
public sealed record BareServerUnderTest(string Name, BareWay Way) : ServerUnderTest(Name, ServerKind.Limit)
{
    /// <summary>The argument that makes this program that server; the way and the port follow.</summary>
    public const string Argument = "--bare-server";

    /// <inheritdoc/>
    public override ProcessStartInfo Start(ServerPlace place, ServerSetup setup) =>
        new(Environment.ProcessPath!, [Argument, Way.ToString(), Text(place.Port)]);
}
