using Appliance.Connections;
using Appliance.Protocols.WebSocket;

namespace Appliance.Endpoints;

/// <summary>Our side is shut, or will be once the last answer is out. What the peer still sends is thrown away until it closes its side.</summary>
internal sealed class LingeringEndpoint(WorkerContext context) : Endpoint
{
    /// <summary>Milliseconds that a peer has to close its side.</summary>
    internal const int CloseTimeoutMs = 2000;

    /// <inheritdoc/>
    public override long SilenceMsMax => 0;

    /// <inheritdoc/>
    public override void OnEntered(int fd) => context.ArmIn(fd, CloseTimeoutMs);

    /// <inheritdoc/>
    public override void OnBytes(int fd, Span<byte> bytes)
    {
    }

    /// <inheritdoc/>
    public override void OnTimer(int fd, long silentMs) => EndUnlessAnswering(context, fd, silentMs);

    /// <inheritdoc/>
    public override void Close(int fd, CloseCode code, bool awaitAnswer, ReadOnlySpan<byte> reason = default)
    {
    }

    /// <summary>The time to close is over, unless an answer is still under way to a slow reader.</summary>
    internal static void EndUnlessAnswering(WorkerContext context, int fd, long silentMs)
    {
        if (context.Table[fd].Outbox != 0 && silentMs < context.Settings.TimeoutSeconds * 1000L)
        {
            context.ArmIn(fd, CloseTimeoutMs);
            return;
        }

        context.Table.MarkForClose(fd);
    }
}
