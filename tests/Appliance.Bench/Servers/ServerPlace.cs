namespace Appliance.Bench.Servers;

/// <summary>Where a server runs.</summary>
/// <param name="Folder">A folder of its own.</param>
/// <param name="Port">Where it listens, at 127.0.0.1.</param>
/// <param name="MonitorPort">Where it may listen for monitors.</param>
public sealed record ServerPlace(string Folder, int Port, int MonitorPort);
