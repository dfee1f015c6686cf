namespace Appliance.Loop;

/// <summary>
/// A place in the segment's table of workers and followers, and of its wake-up: 0 to 127 for a worker, from 128 on for a follower. A room's
/// place is another table's, and a worker's number says which worker of its master it is: see <see cref="WorkerNumber"/>.
/// </summary>
/// <param name="Index">From 0 on.</param>
public readonly record struct WorkerSlot(int Index)
{
    /// <inheritdoc/>
    public override string ToString() => Index.ToString(System.Globalization.CultureInfo.InvariantCulture);
}
