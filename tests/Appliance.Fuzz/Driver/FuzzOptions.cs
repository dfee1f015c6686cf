using System.Globalization;

namespace Appliance.Fuzz.Driver;

/// <summary>How a target is run.</summary>
internal sealed record FuzzOptions
{
    /// <summary>For how long, in seconds; 0: the corpus alone.</summary>
    public int Seconds { get; init; } = 60;

    /// <summary>What all chance comes from: the same one, the same inputs.</summary>
    public int Seed { get; init; } = Environment.TickCount;

    /// <summary>Processor time in seconds after which a run counts as one that does not end.</summary>
    public int RunSecondsMax { get; init; } = 10;

    /// <summary>
    /// Whether the run begins with the corpus in the tree alone, not with what former runs have found, and leaves nothing.
    /// </summary>
    public bool IsFresh { get; init; }

    /// <summary>Whether the best of what was found goes into the corpus in the tree.</summary>
    public bool Keeps { get; init; }

    /// <summary>Inputs that are run once, instead of all else.</summary>
    public IReadOnlyList<string> Files { get; init; } = [];

    /// <summary>The options as arguments, and back.</summary>
    public IReadOnlyList<string> Write() =>
    [
        .. (string[])["--seconds", Text(Seconds), "--seed", Text(Seed), "--run-seconds", Text(RunSecondsMax)],
        .. IsFresh ? (string[])["--fresh"] : [],
        .. Keeps ? (string[])["--keep"] : [],
        .. Files,
    ];

    /// <summary>Reads arguments; what is none is the path of an input.</summary>
    /// <exception cref="FormatException">A number is none.</exception>
    public static FuzzOptions Read(IReadOnlyList<string> arguments)
    {
        var options = new FuzzOptions();
        for (int i = 0; i < arguments.Count; i++)
        {
            options = arguments[i] switch
            {
                "--seconds" => options with { Seconds = Number(arguments, ++i) },
                "--seed" => options with { Seed = Number(arguments, ++i) },
                "--run-seconds" => options with { RunSecondsMax = Number(arguments, ++i) },
                "--fresh" => options with { IsFresh = true },
                "--keep" => options with { Keeps = true },
                var word when int.TryParse(word, NumberStyles.None, CultureInfo.InvariantCulture, out int seconds) => options with { Seconds = seconds },
                var path => options with { Files = [.. options.Files, path] },
            };
        }

        return options;
    }

    private static int Number(IReadOnlyList<string> arguments, int at) =>
        int.TryParse(at < arguments.Count ? arguments[at] : "", NumberStyles.Integer, CultureInfo.InvariantCulture, out int number)
            ? number
            : throw new FormatException($"'{arguments[at - 1]}' needs a number behind it");

    private static string Text(int number) => number.ToString(CultureInfo.InvariantCulture);
}
