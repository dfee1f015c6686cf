namespace Appliance.Connections;

/// <summary>What a transport has heard of a peer beside data.</summary>
public enum PeerEnd
{
    /// <summary>Nothing: more may come.</summary>
    None,

    /// <summary>It sends nothing more.</summary>
    Ended,

    /// <summary>What it sent makes no sense, or it gave up: what it must be told is kept, and nothing may be sealed for it any more.</summary>
    Broken,
}

/// <summary>
/// A way in which the bytes of connections travel that is not as they are, such as records of TLS. It knows each of its connections by its
/// descriptor. What it has sealed counts as sent and goes out as it is, once, in the order in which it was sealed: what the kernel does
/// not take waits here, before all else. Of one thread.
/// </summary>
public abstract class Transport
{
    private readonly Dictionary<int, ByteQueue> _unsent = [];

    /// <summary>The most that <paramref name="plain"/> bytes take when they are sealed.</summary>
    public abstract int SealedBytesMax(int plain);

    /// <summary>
    /// Opens what was received, in place where it can; the rest of what is not whole yet stays with the transport. What the peer must be told
    /// (<see cref="Keep"/>), or that the connection must end, is the transport's to see to.
    /// </summary>
    /// <returns>What the peer has sent, until the next call; may be empty.</returns>
    public abstract Span<byte> Open(int fd, Span<byte> received);

    /// <summary>Seals bytes, which are as good as sent by that.</summary>
    /// <param name="fd">The connection.</param>
    /// <param name="plain">The bytes.</param>
    /// <param name="to">Takes them as they travel: <see cref="SealedBytesMax"/> at least.</param>
    /// <returns>How many bytes they take.</returns>
    public abstract int Seal(int fd, ReadOnlySpan<byte> plain, Span<byte> to);

    /// <summary>Whether anything more is to be heard from the peer, and to be said to it.</summary>
    public abstract PeerEnd EndOf(int fd);

    /// <summary>Whether a connection can go to another process as it is now.</summary>
    public virtual bool CanMove(int fd) => true;

    /// <summary>Our side sends nothing more: says so (<see cref="Keep"/>) where it has to. False when it said that before.</summary>
    public abstract bool End(int fd);

    /// <summary>Bytes of what another process needs to go on, beside what waits to be sent.</summary>
    public abstract int StateBytes(int fd);

    /// <summary>Writes that; from then on the other process goes on, and this one must not.</summary>
    public abstract void Save(int fd, Span<byte> state);

    /// <summary>Whether bytes from another process are such a state.</summary>
    public abstract bool IsState(ReadOnlySpan<byte> state);

    /// <summary>Goes on with a connection of another process.</summary>
    public abstract void Restore(int fd, ReadOnlySpan<byte> state);

    /// <summary>What has been sealed and not been taken by the kernel.</summary>
    public ReadOnlySpan<byte> Unsent(int fd) => _unsent.TryGetValue(fd, out var queue) ? queue.Bytes : default;

    /// <summary>Whether something has been sealed and not been taken by the kernel.</summary>
    public bool HasUnsent(int fd) => _unsent.ContainsKey(fd);

    /// <summary>Adds sealed bytes to what waits to be sent.</summary>
    public void Keep(int fd, ReadOnlySpan<byte> sealedBytes)
    {
        if (sealedBytes.IsEmpty)
        {
            return;
        }

        if (!_unsent.TryGetValue(fd, out var queue))
        {
            _unsent[fd] = queue = new ByteQueue();
        }

        queue.Append(sealedBytes);
    }

    /// <summary>The kernel has taken so much of what waited.</summary>
    public void Take(int fd, int count)
    {
        var queue = _unsent[fd];
        queue.Consume(count);
        if (queue.Count == 0)
        {
            _ = _unsent.Remove(fd);
        }
    }

    /// <summary>The connection is not served here any more: nothing of it stays in memory.</summary>
    public virtual void Forget(int fd)
    {
        if (_unsent.Remove(fd, out var queue))
        {
            queue.Clear();
        }
    }
}
