using System.CommandLine;
using System.Globalization;
using Appliance.Config;

namespace Appliance.Cli;

/// <summary>Numbers on the command line: what is wrong with one is told with the option and what it must be.</summary>
internal static class NumberOptions
{
    private const double SecondsMax = 366 * 86_400;

    /// <summary>A time in seconds, <c>0.5</c> for example; null when the option is not given.</summary>
    public static TimeSpan? Seconds(ParseResult parsed, Option<string> option) => parsed.GetValue(option) is not { } text ? null
        : double.TryParse(text, NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out double seconds) && seconds <= SecondsMax
            ? TimeSpan.FromSeconds(seconds)
            : throw CommandLine.Wrong($"{option.Name}: '{text}' must be seconds, at most a year; 0.5 for example");

    /// <summary>How long a command may wait: zero with <c>--nowait</c>, null for ever.</summary>
    public static TimeSpan? Patience(ParseResult parsed, Option<bool> noWait, Option<string> timeout) =>
        !parsed.GetValue(noWait) ? Seconds(parsed, timeout)
        : parsed.GetValue(timeout) is null ? TimeSpan.Zero
        : throw CommandLine.Wrong("--nowait: do not wait, and --timeout: wait a while, exclude each other");

    /// <summary>A number in a range; null when the option is not given.</summary>
    public static int? InRange(ParseResult parsed, Option<string> option, int least, int most) => parsed.GetValue(option) is not { } text ? null
        : Setting.ParseNumber(text, least, most, out int number) is not { } wrong ? number
        : throw CommandLine.Wrong($"{option.Name}: '{text}' {wrong}");

    /// <summary>A number of 64 bits, with or without a sign; null when the option is not given.</summary>
    public static long? Whole(ParseResult parsed, Option<string> option) => parsed.GetValue(option) is not { } text ? null
        : long.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out long number) ? number
        : throw CommandLine.Wrong($"{option.Name}: '{text}' must be a whole number of 64 bits");
}
