using System.Collections.Concurrent;
using System.Runtime.CompilerServices;

namespace Appliance.SystemTests.Harness;

/// <summary>
/// The failures of the last seconds, of whatever test: what goes wrong while a test cleans up hides why it failed.
/// </summary>
internal static class RecentFailures
{
    private const int Most = 5;

    private static readonly ConcurrentQueue<string> Failures = new();

    /// <summary>In words, the newest last.</summary>
    public static string Tell() => $"Failures before: {string.Join(Environment.NewLine, Failures)}";

    [ModuleInitializer]
    internal static void Begin() => AppDomain.CurrentDomain.FirstChanceException += (_, thrown) =>
    {
        if (thrown.Exception is Xunit.Sdk.XunitException or TimeoutException or InvalidDataException)
        {
            Failures.Enqueue($"{DateTime.UtcNow:HH:mm:ss.fff} {thrown.Exception.Message}");
            if (Failures.Count > Most)
            {
                _ = Failures.TryDequeue(out string? _);
            }
        }
    };
}
