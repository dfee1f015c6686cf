namespace Appliance.Bench.Reports;

/// <summary>Something that the server promises.</summary>
/// <param name="Text">The promise.</param>
/// <param name="Measured">What was measured; empty when nothing was.</param>
/// <param name="IsMet">Whether that keeps it; null when nothing was measured.</param>
public sealed record Bar(string Text, string Measured, bool? IsMet);
