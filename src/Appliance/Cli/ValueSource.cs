using System.Globalization;
using Appliance.Native;

namespace Appliance.Cli;

/// <summary>Where a command takes a value from: the word itself, a file, or stdin.</summary>
internal static class ValueSource
{
    /// <summary>More than any System V object holds in practice.</summary>
    private const int BytesMax = 256 << 20;

    private const int Stdin = 0;

    /// <summary>
    /// The bytes of <c>TEXT</c>, with a space between its words; of <c>@FILE</c>, or for <c>-</c> of stdin; <c>@@text</c> is the text with one of both signs.
    /// </summary>
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
            using var bytes = new MemoryStream();
            foreach (byte[] word in RawArguments.BytesOf(words))
            {
                bytes.WriteByte((byte)' ');
                bytes.Write(word);
            }

            // Less the space before the first word.
            return bytes.ToArray()[(text.StartsWith('@') ? 2 : 1)..];
        }

        return ReadFile(text[1..]);
    }

    /// <summary>Whether this process was started with an open stdin: what stands in for a closed one is no value.</summary>
    public static bool HasInput { get; set; } = true;

    /// <summary>The bytes of stdin, to its end.</summary>
    /// <exception cref="IOException">It is closed, cannot be read, or has too many.</exception>
    public static byte[] ReadStdin() =>
        HasInput ? ReadAll(ReadPart, "stdin") : throw new IOException("stdin is closed, and - stands for what it says; give it a file or a pipe");

    private static unsafe int ReadPart(byte[] buffer)
    {
        fixed (byte* bytes = buffer)
        {
            SysResult read;
            do
            {
                read = Syscall.Read(Stdin, bytes, buffer.Length);
            }
            while (read.Error is Errno.EINTR || (read.Error is Errno.EAGAIN && Syscall.AwaitReadable(Stdin)));
            return read.Ok ? read.Value : throw new IOException($"stdin cannot be read: {SyscallException.Describe(read.Error)}; give it a file or a pipe");
        }
    }

    private static byte[] ReadFile(string name)
    {
        if (name.Length == 0)
        {
            throw new IOException("@: the name of a file must follow; a text that begins with @ is written @@");
        }

        try
        {
            using var file = File.OpenRead(name);
            return ReadAll(buffer => file.Read(buffer), name);
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
        {
            throw PathFailure.Of($"@{name}", Path.GetFullPath(name), "read", failure);
        }
    }

    private static byte[] ReadAll(Func<byte[], int> readPart, string name)
    {
        using var bytes = new MemoryStream();
        byte[] buffer = new byte[64 << 10];
        for (int read = readPart(buffer); read > 0; read = readPart(buffer))
        {
            if (bytes.Length + read > BytesMax)
            {
                throw new IOException(string.Create(CultureInfo.InvariantCulture, $"more than {BytesMax} bytes of {name}"));
            }

            bytes.Write(buffer, 0, read);
        }

        return bytes.ToArray();
    }
}
