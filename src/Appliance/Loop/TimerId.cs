namespace Appliance.Loop;

/// <summary>
/// A timer of a loop's wheel. Which is whose the loop decides: a worker's connections have those of their descriptors, its rooms the next ones.
/// </summary>
/// <param name="Index">From 0 on.</param>
public readonly record struct TimerId(int Index);
