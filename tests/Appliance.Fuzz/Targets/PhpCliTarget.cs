using System.Buffers.Binary;
using System.Diagnostics;
using Appliance.Fuzz.Driver;
using Appliance.Php;
using static Appliance.Fuzz.Driver.FuzzException;

namespace Appliance.Fuzz.Targets;

/// <summary>
/// Values of PHP beside PHP itself, which reads the same bytes with unserialize() and writes what it has read with serialize().
/// </summary>
internal sealed class PhpCliTarget : IFuzzTarget
{
    private const string Script = """
        error_reporting(0);
        while (strlen($head = (string) fread(STDIN, 4)) === 4) {
            $length = unpack('V', $head)[1];
            $text = $length > 0 ? fread(STDIN, $length) : '';
            error_clear_last();
            $value = unserialize($text, ['allowed_classes' => false, 'max_depth' => 0]);
            $answer = error_get_last() === null ? serialize($value) : '';
            fwrite(STDOUT, pack('V', strlen($answer)) . $answer);
        }
        """;

    private readonly Process _php = Process.Start(new ProcessStartInfo("php", ["-n", "-r", Script])
    {
        UseShellExecute = false,
        RedirectStandardInput = true,
        RedirectStandardOutput = true,
    })!;

    public static FuzzTarget Row { get; } = new(
        "php-cli",
        "PHP's values beside PHP itself: what it writes is read here, and is the same",
        () => new PhpCliTarget())
    {
        BytesMax = 1024,
        Words = PhpTarget.FormatWords,
    };

    public void Run(ReadOnlySpan<byte> input)
    {
        if (input.IsEmpty)
        {
            // PHP has nothing to say about nothing.
            return;
        }

        bool read = PhpSerialization.TryRead(input.ToArray(), out var value, out string? reason);
        byte[] php = Ask(input);
        if (read && IsPlain(value!))
        {
            Require(php.Length > 0, "PHP reads what is read here");
            Require(PhpSerialization.Write(value!).AsSpan().SequenceEqual(php), "PHP writes what is written here");
        }

        // unserialize() passes over much that serialize() does not write.
        Require(php.Length == 0 || PhpSerialization.TryRead(php, out _, out reason), $"here is read what PHP writes: {reason}");
    }

    public void Dispose()
    {
        _php.StandardInput.Dispose();
        _php.WaitForExit();
        _php.Dispose();
    }

    /// <summary>
    /// Whether PHP has it as it is written: no classes, which PHP does not know, no references, which it counts, and no key that it makes
    /// another one of or that stands twice.
    /// </summary>
    private static bool IsPlain(PhpValue value) => value switch
    {
        PhpArray array => array.Entries.All(entry =>
                IsPlain(entry.Value) && entry.Key is not PhpString { Bytes.Span: [>= (byte)'0' and <= (byte)'9' or (byte)'-', ..] })
            && array.Entries.DistinctBy(entry => entry.Key).Count() == array.Entries.Count,
        PhpNull or PhpBool or PhpInt or PhpFloat or PhpString => true,
        _ => false,
    };

    /// <summary>What PHP makes of a value; nothing when it is none.</summary>
    private byte[] Ask(ReadOnlySpan<byte> input)
    {
        byte[] question = new byte[sizeof(int) + input.Length];
        BinaryPrimitives.WriteInt32LittleEndian(question, input.Length);
        input.CopyTo(question.AsSpan(sizeof(int)));
        _php.StandardInput.BaseStream.Write(question);
        _php.StandardInput.BaseStream.Flush();
        Span<byte> length = stackalloc byte[sizeof(int)];
        _php.StandardOutput.BaseStream.ReadExactly(length);
        byte[] answer = new byte[BinaryPrimitives.ReadInt32LittleEndian(length)];
        _php.StandardOutput.BaseStream.ReadExactly(answer);
        return answer;
    }
}
