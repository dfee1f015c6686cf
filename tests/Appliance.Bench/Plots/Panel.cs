using Appliance.Bench.Servers;

namespace Appliance.Bench.Plots;

/// <summary>One field of a plot, with a row for each server.</summary>
/// <param name="Title">What is shown.</param>
/// <param name="Hint">Unit, and what is good.</param>
public abstract record Panel(string Title, string Hint)
{
    /// <summary>Height of a row.</summary>
    public const int RowHeight = 24;

    /// <summary>Room for a number beside the longest row.</summary>
    protected const int NumberWidth = 76;

    /// <summary>Names of the servers it has figures of.</summary>
    public abstract IReadOnlyCollection<string> Servers { get; }

    /// <summary>Whether there is anything to show.</summary>
    public bool HasFigures => Servers.Count > 0;

    /// <summary>Draws the rows.</summary>
    /// <param name="svg">Into what.</param>
    /// <param name="x">Left end.</param>
    /// <param name="y">Top of the first row.</param>
    /// <param name="width">Width, numbers included.</param>
    /// <param name="servers">The rows.</param>
    public abstract void Draw(Svg svg, double x, double y, double width, IReadOnlyList<ServerUnderTest> servers);

    /// <summary>The class of a server's marks.</summary>
    protected static string StyleOf(ServerUnderTest server) => server.Kind switch
    {
        ServerKind.Ours => "ours",
        ServerKind.Peer => "peer",
        ServerKind.Limit => "limit",
        _ => throw new System.Diagnostics.UnreachableException(),
    };

    /// <summary>The class of a server's words.</summary>
    protected static string WordsOf(ServerUnderTest server) => server.Kind == ServerKind.Ours ? "own" : "";
}
