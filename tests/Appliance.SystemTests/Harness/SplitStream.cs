namespace Appliance.SystemTests.Harness;

/// <summary>Writes in pieces of a size, and awaits something between two of them.</summary>
public sealed class SplitStream(Stream inner, int pieceBytes, Func<Task>? between = null) : Stream
{
    private byte[] _before = [];

    /// <summary>What goes out before all else, and in one piece with it where that is as long.</summary>
    public byte[] Before { init => _before = value; }

    /// <inheritdoc/>
    public override bool CanRead => true;

    /// <inheritdoc/>
    public override bool CanSeek => false;

    /// <inheritdoc/>
    public override bool CanWrite => true;

    /// <inheritdoc/>
    public override long Length => throw new NotSupportedException();

    /// <inheritdoc/>
    public override long Position { get => throw new NotSupportedException(); set => throw new NotSupportedException(); }

    /// <inheritdoc/>
    public override void Flush() => inner.Flush();

    /// <inheritdoc/>
    public override int Read(byte[] buffer, int offset, int count) => inner.Read(buffer, offset, count);

    /// <inheritdoc/>
    public override ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default) => inner.ReadAsync(buffer, cancellationToken);

    /// <inheritdoc/>
    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

    /// <inheritdoc/>
    public override void SetLength(long value) => throw new NotSupportedException();

    /// <inheritdoc/>
    public override void Write(byte[] buffer, int offset, int count) => WriteAsync(buffer.AsMemory(offset, count)).AsTask().GetAwaiter().GetResult();

    /// <inheritdoc/>
    public override async ValueTask WriteAsync(ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default)
    {
        buffer = (byte[])[.. _before, .. buffer.Span];
        _before = [];
        for (; buffer.Length > pieceBytes; buffer = buffer[pieceBytes..])
        {
            await inner.WriteAsync(buffer[..pieceBytes], cancellationToken);
            await (between?.Invoke() ?? Task.CompletedTask);
        }

        await inner.WriteAsync(buffer, cancellationToken);
    }

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        inner.Dispose();
        base.Dispose(disposing);
    }
}
