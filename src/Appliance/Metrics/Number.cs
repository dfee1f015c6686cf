using System.Globalization;

namespace Appliance.Metrics;

/// <summary>How numbers are written, in every format alike: digits, at most nine of them behind a point, no exponent.</summary>
internal static class Number
{
    /// <summary>A number as text.</summary>
    public static string Write(double value) =>
        double.IsFinite(value) ? value.ToString("0.#########", CultureInfo.InvariantCulture) : "0";
}
