using System.Globalization;

namespace Appliance.Cli;

/// <summary>Times of the kernel for people and programs.</summary>
internal static class Times
{
    /// <summary>Seconds since 1970 as <c>2026-11-25T12:00:00Z</c>; null for never.</summary>
    public static string? Text(long unixSeconds) =>
        unixSeconds == 0 ? null : DateTimeOffset.FromUnixTimeSeconds(unixSeconds).ToString("yyyy-MM-dd'T'HH:mm:ss'Z'", CultureInfo.InvariantCulture);
}
