namespace Appliance.Bench.Plots;

/// <summary>A finished plot.</summary>
/// <param name="Name">Its file.</param>
/// <param name="Title">What it shows.</param>
/// <param name="Svg">The file's content.</param>
public sealed record Plot(string Name, string Title, string Svg);
