namespace Appliance.Loop;

/// <summary>
/// A worker of one master, as users see it. Its <see cref="WorkerSlot"/> is the same number in the first master of a segment, and 64 more in every
/// second one after upgrades.
/// </summary>
/// <param name="Value">0 to 63.</param>
public readonly record struct WorkerNumber(int Value)
{
    /// <inheritdoc/>
    public override string ToString() => Value.ToString(System.Globalization.CultureInfo.InvariantCulture);
}
