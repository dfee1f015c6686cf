using System.Text;
using Appliance.Config;
using Appliance.Native;

namespace Appliance.Cli;

/// <summary>What commands print on. That it cannot be written to, a full disk for example, is told by name.</summary>
internal sealed class StandardOutput : Stream
{
    private const int Stdout = 1;
    private const int Stderr = 2;
    private const int WaitMs = 1000;

    private readonly bool _isOpen;

    private StandardOutput(bool isOpen) => _isOpen = isOpen;

    /// <summary>For bytes that are no text.</summary>
    public static Stream Current { get; private set; } = Null;

    /// <summary>For text.</summary>
    public static TextWriter Out { get; private set; } = TextWriter.Null;

    /// <summary>Whether a person reads it.</summary>
    public static bool IsTerminal => Syscall.IsTerminal(Stdout);

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
    /// <param name="isOpen">Whether this process was started with an open stdout: a number of another file is none.</param>
    public static void Use(bool isOpen)
    {
        Current = new StandardOutput(isOpen);
        Out = new StreamWriter(Current, new UTF8Encoding(encoderShouldEmitUTF8Identifier: false)) { AutoFlush = true };
    }

    /// <summary>
    /// Tells what is wrong, on stderr, and not through the console, which needs descriptors that may be what is missing. Nothing that somebody
    /// wrote can steer a terminal from there. When nobody can be told, the exit status still says it.
    /// </summary>
    public static void Complain(string what) => _ = Syscall.WriteWhole(Stderr, Encoding.UTF8.GetBytes($"appliance: {Excerpt.Printable(what)}\n"));

    /// <summary>
    /// Prints a line about what has been done already: when that is not possible, it is done all the same. Whoever closed stdout does not want it.
    /// </summary>
    public static void TryTell(string line)
    {
        try
        {
            if (Current is StandardOutput { _isOpen: true })
            {
                Out.WriteLine(line);
            }
        }
        catch (IOException failure)
        {
            Complain(failure.Message);
        }
    }

    /// <inheritdoc/>
    /// <exception cref="IOException">It is closed, or a file on a full disk.</exception>
    public override void Write(byte[] buffer, int offset, int count) => Write(buffer.AsSpan(offset, count));

    /// <inheritdoc/>
    /// <exception cref="IOException">It is closed, or a file on a full disk.</exception>
    public override void Write(ReadOnlySpan<byte> buffer)
    {
        if (!_isOpen)
        {
            throw Closed();
        }

        SysResult written = default;
        while (!buffer.IsEmpty && written is { Ok: true } or { WouldBlock: true } or { Error: Errno.EINTR })
        {
            // Somebody else may have made a terminal or a pipe one that does not wait.
            _ = !written.WouldBlock || Syscall.AwaitWritable(Stdout, WaitMs);
            written = Syscall.Write(Stdout, buffer);
            buffer = buffer[(written.Ok ? written.Value : 0)..];
        }

        // A reader that has gone is no failure: what it wanted it has read.
        if (written is { Ok: false, Error: not Errno.EPIPE })
        {
            throw written.Error == Errno.EBADF
                ? Closed()
                : new IOException($"stdout cannot be written to: {SyscallException.Describe(written.Error)}; redirect it to another file");
        }
    }

    private static IOException Closed() =>
        new("stdout is closed, but there is output to print: redirect it, to /dev/null if you do not need it");

    /// <inheritdoc/>
    public override void Flush()
    {
    }

    /// <inheritdoc/>
    public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException();

    /// <inheritdoc/>
    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

    /// <inheritdoc/>
    public override void SetLength(long value) => throw new NotSupportedException();
}
