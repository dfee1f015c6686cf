using Appliance.Connections;
using Appliance.Protocols.WebSocket;

namespace Appliance.Delivery;

/// <summary>Frames that one client gets beside the log.</summary>
public static class OutboxFrames
{
    /// <summary>Adds an unfragmented frame to an outbox.</summary>
    public static void WriteFrame(this ByteQueue outbox, Opcode opcode, ReadOnlySpan<byte> payload)
    {
        int header = FrameLength.ServerHeaderBytes(payload.Length);
        var frame = outbox.Reserve(header + payload.Length);
        _ = FrameHeader.WriteServer(frame, opcode, payload.Length);
        payload.CopyTo(frame[header..]);
    }
}
