using System.CommandLine;

namespace Appliance.Cli;

/// <summary>Permissions of a new System V object.</summary>
internal static class ModeOptions
{
    /// <summary>Owner and group: PHP's 0666 would let every user of the host read along.</summary>
    public const uint Default = 0x1B0; // 0660

    private const int Octal = 8;

    /// <summary>Of a queue that a command makes.</summary>
    public static Option<string> OfQueue { get; } = new("--mode") { Description = "permissions of a new queue [0660]", HelpName = "OCTAL" };

    /// <summary>Reads three or four octal digits.</summary>
    public static uint Read(ParseResult parsed, Option<string> option, uint byDefault)
    {
        if (parsed.GetValue(option) is not { } text)
        {
            return byDefault;
        }

        string digits = text.TrimStart('0');
        return text.Length is >= 1 and <= 4 && digits.Length <= 3 && !digits.AsSpan().ContainsAnyExceptInRange('0', '7')
            ? Convert.ToUInt32($"0{digits}", Octal)
            : throw CommandLine.Wrong($"{option.Name}: '{text}' must be octal digits, 0600 for example");
    }
}
