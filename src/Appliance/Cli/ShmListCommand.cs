using System.CommandLine;
using Appliance.Php;
using Appliance.Protocols;

namespace Appliance.Cli;

/// <summary>Lists the variables of a segment; those before the damage of one that is damaged.</summary>
internal static class ShmListCommand
{
    private const int ShownLettersMax = 60;

    /// <summary>The command.</summary>
    public static Command Make()
    {
        var command = ShmOptions.Make(
            "list", KeyOptions.Json, new Option<bool>("--php") { Arity = ArgumentArity.Zero, Description = "read PHP's serialize() format (always on)" });
        command.SetAction(Run);
        return command;
    }

    private static int Run(ParseResult parsed)
    {
        bool json = parsed.GetValue(KeyOptions.Json);
        using var segment = ShmOptions.Open(parsed, forWriting: false);
        FieldReport.PrintTable([.. segment.Chain.Variables.Select(variable => Describe(variable, segment.Chain.ValueOf(variable), json))], json);
        return ShmOptions.DamageOf(segment) is { } damage ? throw new IOException(damage) : ExitCode.Fine;
    }

    private static Field[] Describe(SharedVariable variable, byte[] bytes, bool json)
    {
        bool isValue = PhpSerialization.TryRead(bytes, out var value, out _);
        return
        [
            new("variable", variable.Key),
            new("type", isValue ? PhpText.TypeOf(value!) : "unknown"),
            new("bytes", variable.Length),
            new("value", isValue
                ? (json ? value : PhpText.ShowBeginning(value!, ShownLettersMax))
                : (json ? new PhpString(bytes) : PrintableText.EscapeBeginning(bytes, ShownLettersMax))),
        ];
    }
}
