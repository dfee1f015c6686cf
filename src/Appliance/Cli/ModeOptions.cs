using System.CommandLine;

namespace Appliance.Cli;

/// <summary>Permissions of a new System V object.</summary>
internal static class ModeOptions
{
    private const int Octal = 8;

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
