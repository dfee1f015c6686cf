using System.Text;
using Appliance.Config;
using Appliance.Native;

namespace Appliance.Cli;

/// <summary>What commands print on. That it cannot be written to, a full disk for example, is told by name.</summary>
internal sealed class StandardOutput : Stream
{
    private const int Stderr = 2;

    private readonly Stream _stream = Console.OpenStandardOutput();

    /// <inheritdoc/>
    public override bool CanRead => false;

    /// <inheritdoc/>
    public override bool CanSeek => false;

    /// <inheritdoc/>
    public override bool CanWrite => true;

    /// <inheritdoc/>
    public override long Length => throw new NotSupportedException();

    /// <inheritdoc/>
    public override long Position
    {
        get => throw new NotSupportedException();
        set => throw new NotSupportedException();
    }

    /// <summary>From now on all that is printed is UTF-8, whatever the locale: whoever reads it counts on one encoding.</summary>
    public static void Use() =>
        Console.SetOut(new StreamWriter(new StandardOutput(), new UTF8Encoding(encoderShouldEmitUTF8Identifier: false)) { AutoFlush = true });

    /// <summary>
    /// Tells what is wrong, on stderr, and not through the console, which needs descriptors that may be what is missing. Nothing that somebody
    /// wrote can steer a terminal from there. When nobody can be told, the exit status still says it.
    /// </summary>
    public static void Complain(string what) => _ = Syscall.WriteWhole(Stderr, Encoding.UTF8.GetBytes($"appliance: {Excerpt.Printable(what)}\n"));

    /// <inheritdoc/>
    /// <exception cref="IOException">It is closed, or a file on a full disk.</exception>
    public override void Write(byte[] buffer, int offset, int count) => Write(buffer.AsSpan(offset, count));

    /// <inheritdoc/>
    /// <exception cref="IOException">It is closed, or a file on a full disk.</exception>
    public override void Write(ReadOnlySpan<byte> buffer)
    {
        try
        {
            _stream.Write(buffer);
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
        {
            throw new IOException($"stdout cannot be written to: {failure.Message}", failure);
        }
    }

    /// <inheritdoc/>
    public override void Flush() => _stream.Flush();

    /// <inheritdoc/>
    public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException();

    /// <inheritdoc/>
    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

    /// <inheritdoc/>
    public override void SetLength(long value) => throw new NotSupportedException();

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        _stream.Dispose();
        base.Dispose(disposing);
    }
}
