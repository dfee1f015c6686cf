using System.Globalization;

namespace Appliance.Cli;

/// <summary>Where a command takes a value from: the word itself, a file, or stdin.</summary>
internal static class ValueSource
{
    /// <summary>More than any System V object holds in practice.</summary>
    private const int BytesMax = 256 << 20;

    /// <summary>The bytes of <c>TEXT</c>, with a space between its words; of <c>@FILE</c>, or for <c>-</c> of stdin; <c>@@text</c> is the text with one of both signs.</summary>
    /// <exception cref="IOException">They cannot be read, or are too many.</exception>
    public static byte[] Read(params IReadOnlyList<string> words)
    {
        string text = string.Join(' ', words);
        if (text == "-")
        {
            return ReadStdin();
        }

        if (!text.StartsWith('@') || text.StartsWith("@@", StringComparison.Ordinal))
        {
            byte[] bytes = [.. RawArguments.BytesOf(words).SelectMany((byte[] word, int i) => i == 0 ? word : [(byte)' ', .. word])];
            return text.StartsWith('@') ? bytes[1..] : bytes;
        }

        return ReadFile(text[1..]);
    }

    /// <summary>The bytes of stdin, to its end.</summary>
    public static byte[] ReadStdin()
    {
        using var input = Console.OpenStandardInput();
        return ReadAll(input, "stdin");
    }

    private static byte[] ReadFile(string name)
    {
        if (name.Length == 0)
        {
            throw new IOException("@: the name of a file must follow; a text that begins with @ is written @@");
        }

        if (Directory.Exists(name))
        {
            throw new IOException($"@{name} is a directory; name a file in it");
        }

        using var file = File.OpenRead(name);
        return ReadAll(file, name);
    }

    private static byte[] ReadAll(Stream stream, string name)
    {
        using var bytes = new MemoryStream();
        byte[] buffer = new byte[64 << 10];
        for (int read = stream.Read(buffer); read > 0; read = stream.Read(buffer))
        {
            if (bytes.Length + read > BytesMax)
            {
                throw new IOException(string.Create(CultureInfo.InvariantCulture, $"{name}: more than {BytesMax} bytes"));
            }

            bytes.Write(buffer, 0, read);
        }

        return bytes.ToArray();
    }
}
