using System.CommandLine;
using Appliance.Config;
using Appliance.Php;

namespace Appliance.Cli;

/// <summary>Stores a variable as PHP's shm_put_var() does, and makes the segment when it is not there.</summary>
internal static class ShmPutCommand
{
    private static readonly Argument<string> Value = new("VALUE");
    private static readonly Option<bool> Grow =
        new("--grow") { Arity = ArgumentArity.Zero, Description = "if space is short, move all variables to a larger segment" };
    private static readonly Option<string> Size =
        new("--size") { Description = "bytes of a new segment [10000, or as many as the value needs]", HelpName = "BYTES" };
    private static readonly Option<string> Mode = new("--mode") { Description = "permissions of a new segment [0660]", HelpName = "OCTAL" };
    private static readonly Option<bool> Json =
        new("--json") { Arity = ArgumentArity.Zero, Description = "VALUE is JSON: numbers, lists and objects become PHP values" };
    private static readonly Option<bool> Serialized =
        new("--serialized") { Arity = ArgumentArity.Zero, Description = "VALUE is already in PHP's serialize() format" };
    private static readonly Option<bool> Php =
        new("--php") { Arity = ArgumentArity.Zero, Description = "store in PHP's serialize() format (always on)" };

    /// <summary>The command.</summary>
    public static Command Make()
    {
        var command = ShmOptions.Make("put", ShmOptions.Variable, Value, Json, Serialized, Php, Grow, Size, Mode);
        command.SetAction(Run);
        return command;
    }

    private static int Run(ParseResult parsed)
    {
        long variable = ShmOptions.VariableOf(parsed);
        uint mode = ModeOptions.Read(parsed, Mode, ModeOptions.Default);
        byte[] value = Encode(parsed);
        int asked = 0;
        if (parsed.GetValue(Size) is { } size && Setting.ParseNumber(size, VariableChain.HeadBytes, int.MaxValue, out asked) is { } wrong)
        {
            throw CommandLine.Wrong($"--size: '{size}' {wrong}");
        }

        long needed = VariableChain.HeadBytes + VariableChain.ChunkBytesOf(value.Length);
        long bytes = asked > 0 ? asked : needed <= VariableSegment.BytesDefault ? VariableSegment.BytesDefault : WithSpare(needed);
        using var interruption = new Interruption();
        using var segment = ShmOptions.Whole(VariableSegment.OpenOrMake(KeyOptions.Read(parsed), bytes, mode));
        interruption.Begin();
        long missing = segment.Chain.Put(variable, value);
        if (missing > 0 && !parsed.GetValue(Grow))
        {
            if (segment.IsNew)
            {
                segment.Remove();
            }

            throw new IOException(
                FormattableString.Invariant($"variable {variable} takes {VariableChain.ChunkBytesOf(value.Length)} bytes, {missing} more than ")
                + FormattableString.Invariant($"segment {segment.Key} has room for ({segment.Chain.FreeBytes} of {segment.Status.shm_segsz} bytes are free); ")
                + FormattableString.Invariant($"nothing has changed; --grow makes the segment larger"));
        }

        if (missing > 0)
        {
            GrowBy(segment, missing, asked);
            _ = segment.Chain.Put(variable, value);
        }

        return ExitCode.Fine;
    }

    private static void GrowBy(VariableSegment segment, long missing, long bytesAtLeast)
    {
        long former = segment.Status.shm_segsz;
        long bytes = Math.Max(Math.Max(former * 2, WithSpare(former + missing)), bytesAtLeast);
        long attached = segment.Grow(bytes);
        if (attached > 0)
        {
            StandardOutput.Complain(FormattableString.Invariant(
                $"shm put: segment {segment.Key} has moved; {attached} other attachments are to the former one and see nothing new until they are made again"));
        }
    }

    /// <summary>Bytes of a segment that holds so many, and further variables as well: a quarter more, and as much as PHP's default.</summary>
    private static long WithSpare(long bytes) => bytes + (bytes / 4) + VariableSegment.BytesDefault;

    private static byte[] Encode(ParseResult parsed)
    {
        byte[] given = ValueSource.Read(parsed.GetValue(Value)!);
        if (parsed.GetValue(Serialized))
        {
            return PhpSerialization.TryRead(given, out _, out string fault)
                ? given
                : throw new IOException($"VALUE is not in PHP's serialize() format: {fault}");
        }

        if (!parsed.GetValue(Json))
        {
            return PhpSerialization.Write(new PhpString(given));
        }

        return PhpJson.Read(given, out string reason) is { } value ? PhpSerialization.Write(value) : throw new IOException(
            $"VALUE is not JSON: {reason}; a text needs quotes in JSON, or leave out --json");
    }
}
