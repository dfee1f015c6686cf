using Appliance.Protocols.WebSocket;

namespace Appliance.Endpoints;

/// <summary>
/// What happens to the connections of one state: a row of <see cref="EndpointTable"/>. An endpoint keeps nothing of a connection; that
/// lies in the table of connections and goes with it to another worker.
/// </summary>
public abstract class Endpoint
{
    /// <summary>A connection has changed to this state: sets the timer for what comes next.</summary>
    public abstract void OnEntered(int fd);

    /// <summary>Bytes have come in. They lie in a buffer of the worker, which may be overwritten.</summary>
    public abstract void OnBytes(int fd, Span<byte> bytes);

    /// <summary>Milliseconds of silence after which <see cref="OnTimer"/> ends a connection.</summary>
    public abstract long SilenceMsMax { get; }

    /// <summary>The timer of a connection has run out.</summary>
    /// <param name="fd">The connection.</param>
    /// <param name="silentMs">How long it has been silent, in milliseconds.</param>
    public abstract void OnTimer(int fd, long silentMs);

    /// <summary>The server ends a connection.</summary>
    /// <param name="fd">The connection.</param>
    /// <param name="code">The close code, for clients that know close codes.</param>
    /// <param name="awaitAnswer">Whether the client has time to answer.</param>
    /// <param name="reason">The reason, at most 123 bytes of UTF-8.</param>
    public abstract void Close(int fd, CloseCode code, bool awaitAnswer, ReadOnlySpan<byte> reason = default);

    /// <summary>Messages are missing for a connection that follows a room.</summary>
    /// <param name="fd">The connection.</param>
    /// <param name="text">The reason in words, UTF-8.</param>
    /// <param name="id">The id behind which the connection goes on.</param>
    public virtual void OnGap(int fd, ReadOnlySpan<byte> text, long id) => throw new System.Diagnostics.UnreachableException();
}
