using System.CommandLine;
using Appliance.Php;
using Appliance.Protocols;

namespace Appliance.Cli;

/// <summary>Prints a variable.</summary>
internal static class ShmGetCommand
{
    private static readonly Option<bool> Raw =
        new("--raw") { Arity = ArgumentArity.Zero, Description = "print a string's bytes alone; any other value as stored" };
    private static readonly Option<bool> Serialized =
        new("--serialized") { Arity = ArgumentArity.Zero, Description = "print the stored bytes, in PHP's serialize() format" };
    private static readonly Option<bool> Php = new("--php") { Arity = ArgumentArity.Zero, Description = "read PHP's serialize() format (always on)" };

    /// <summary>The command.</summary>
    public static Command Make()
    {
        var command = ShmOptions.Make("get", ShmOptions.Variable, KeyOptions.Json, Raw, Serialized, Php);
        command.SetAction(Run);
        return command;
    }

    private static int Run(ParseResult parsed)
    {
        long variable = ShmOptions.VariableOf(parsed);
        byte[] bytes = Read(parsed, variable);
        bool isValue = PhpSerialization.TryRead(bytes, out var value, out string reason);
        if (parsed.GetValue(Serialized) || (parsed.GetValue(Raw) && value is not PhpString))
        {
            Write(bytes);
        }
        else if (!isValue)
        {
            throw new IOException(FormattableString.Invariant($"variable {variable} is not in PHP's serialize() format ({reason}); --raw prints its bytes"));
        }
        else if (parsed.GetValue(KeyOptions.Json))
        {
            StandardOutput.Out.WriteLine(PhpJson.Show(value!));
        }
        else if (value is PhpString text && (parsed.GetValue(Raw) || !StandardOutput.IsTerminal))
        {
            Write(text.Bytes.Span);
            if (!parsed.GetValue(Raw) && PrintableText.IsText(text.Bytes.Span) && !text.Bytes.Span.EndsWith("\n"u8))
            {
                Write("\n"u8);
            }
        }
        else
        {
            StandardOutput.Out.WriteLine(PhpText.Show(value!));
        }

        return ExitCode.Fine;
    }

    private static byte[] Read(ParseResult parsed, long variable)
    {
        using var segment = ShmOptions.Open(parsed, forWriting: false);
        return segment.Chain.Find(variable) is { } found
            ? segment.Chain.ValueOf(found)
            : throw new IOException(
                ShmOptions.DamageOf(segment)
                    ?? FormattableString.Invariant($"variable {variable} is not in segment {segment.Key}; 'shm list' shows its variables"));
    }

    private static void Write(ReadOnlySpan<byte> bytes) => StandardOutput.Current.Write(bytes);
}
