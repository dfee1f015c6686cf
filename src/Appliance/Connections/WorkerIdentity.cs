using Appliance.Loop;

namespace Appliance.Connections;

/// <summary>Which worker this process is, and how it wakes the others.</summary>
/// <param name="Slot">Its place in the segment.</param>
/// <param name="Wakeups">The wake-ups of all slots that somebody has.</param>
public sealed record WorkerIdentity(WorkerSlot Slot, WakeupTable Wakeups);
