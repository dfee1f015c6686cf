using System.CommandLine;
using System.Globalization;
using Appliance.Php;

namespace Appliance.Cli;

/// <summary>What the commands on shared memory have in common.</summary>
internal static class ShmOptions
{
    /// <summary>PHP's integer key of a variable.</summary>
    public static Argument<string> Variable { get; } = new("VAR");

    /// <summary>Makes a command that works on the segment of a key.</summary>
    public static ActionCommand Make(string name, params Symbol[] symbols)
    {
        var command = new ActionCommand(name);
        foreach (var symbol in symbols)
        {
            if (symbol is Argument argument)
            {
                command.Arguments.Add(argument);
            }
            else
            {
                command.Options.Add((Option)symbol);
            }
        }

        KeyOptions.AddTo(command);
        return command;
    }

    /// <summary>The key of the variable.</summary>
    public static long VariableOf(ParseResult parsed)
    {
        string text = parsed.GetValue(Variable)!;
        return long.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out long variable)
            ? variable
            : throw CommandLine.Wrong($"VAR: '{text}' must be an integer of 64 bits: PHP's variables in shared memory have numbers");
    }

    /// <summary>Opens the segment that the command line names.</summary>
    /// <exception cref="IOException">There is none, or it is nothing that variables can be written to.</exception>
    public static VariableSegment Open(ParseResult parsed, bool forWriting)
    {
        var key = KeyOptions.Read(parsed);
        var segment = VariableSegment.Open(key, forWriting)
            ?? throw new IOException($"segment {key} does not exist; 'appliance shm put' or PHP's shm_attach() makes it");
        return forWriting ? Whole(segment) : segment;
    }

    /// <summary>A segment whose variables are as they should be.</summary>
    /// <exception cref="IOException">They are not.</exception>
    public static VariableSegment Whole(VariableSegment segment)
    {
        if (DamageOf(segment) is { } damage)
        {
            segment.Dispose();
            throw new IOException(damage);
        }

        return segment;
    }

    /// <summary>What is wrong with a segment, and what can be done; null when nothing is.</summary>
    public static string? DamageOf(VariableSegment segment) => segment.Chain.Damage is not { } damage ? null
        : $"segment {segment.Key} (shmid {segment.Id}) is damaged, or not PHP's: {damage}; "
            + "'shm list' shows what can be read, 'shm remove' makes room for a new one";
}
