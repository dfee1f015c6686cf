namespace Appliance.Bench.Reports;

/// <summary>One row of the table.</summary>
/// <param name="Text">What is measured, with its unit.</param>
/// <param name="Format">How its numbers are written.</param>
public sealed record Measure(string Text, string Format);
