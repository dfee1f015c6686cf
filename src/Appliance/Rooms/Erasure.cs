using System.Buffers.Text;
using Appliance.Protocols.WebSocket;

namespace Appliance.Rooms;

/// <summary>What became of deleting a message.</summary>
public enum ErasureOutcome
{
    /// <summary>Its text is gone, by now or since before.</summary>
    Done,

    /// <summary>The room does not exist.</summary>
    NoRoom,

    /// <summary>The record was overwritten.</summary>
    Gone,

    /// <summary>The room has not given out the id.</summary>
    Unknown,

    /// <summary>The record is nothing that a person said.</summary>
    NoMessage,

    /// <summary>The segment is of an older layout, which cannot mark a record.</summary>
    NoPlace,
}

/// <summary>
/// The bytes of what stands in the place of a deleted message, and of the record that tells of it:
/// <code>
/// {"type":"deleted","id":"1795343688551002","time":1795343688555   }    as long as the message was: spaces before the brace
/// {"type":"delete","deleted":"1795343688551002","id":"1795343688551007","time":1795343690000}
/// </code>
/// </summary>
public static class Erasure
{
    private static ReadOnlySpan<byte> TombstoneStart => "{\"type\":\"deleted\",\"id\":\""u8;

    private static ReadOnlySpan<byte> EventStart => "{\"type\":\"delete\",\"deleted\":\""u8;

    private static ReadOnlySpan<byte> TimeStart => "\"time\":"u8;

    /// <summary>Writes a tombstone over the payload of a message's frame; its time stays if there is room for it.</summary>
    public static void WriteTombstone(Span<byte> frame, long id)
    {
        var payload = frame[FrameLength.HeaderBytes(frame[1])..];
        long time = TimeOf(payload);
        payload.Fill((byte)' ');
        TombstoneStart.CopyTo(payload);
        var rest = payload[TombstoneStart.Length..];
        _ = Utf8Formatter.TryFormat(id, rest, out _, new System.Buffers.StandardFormat('D', RoomRing.IdDigits));
        rest = rest[RoomRing.IdDigits..];
        rest[0] = (byte)'"';
        Span<byte> member = stackalloc byte[TimeStart.Length + 24];
        member[0] = (byte)',';
        TimeStart.CopyTo(member[1..]);
        _ = Utf8Formatter.TryFormat(time, member[(1 + TimeStart.Length)..], out int digits);
        int length = 1 + TimeStart.Length + digits;
        if (time > 0 && length < rest.Length - 1)
        {
            member[..length].CopyTo(rest[1..]);
        }

        payload[^1] = (byte)'}';
    }

    /// <summary>What kind a record is of that comes from where no kind is kept.</summary>
    public static RecordKind KindOf(bool isMessage, ReadOnlySpan<byte> frame)
    {
        var payload = frame[FrameLength.HeaderBytes(frame[1])..];
        return isMessage ? payload.StartsWith(TombstoneStart) ? RecordKind.Tombstone : RecordKind.Chat
            : payload.StartsWith(EventStart) ? RecordKind.Event : RecordKind.System;
    }

    /// <summary>The id of the message that a record tells to be deleted; 0 for any other record.</summary>
    public static long DeletedBy(bool isMessage, ReadOnlySpan<byte> frame)
    {
        var payload = frame[FrameLength.HeaderBytes(frame[1])..];
        bool isEvent = !isMessage && payload.StartsWith(EventStart);
        return isEvent && Utf8Parser.TryParse(payload[EventStart.Length..], out long id, out int digits) && digits == RoomRing.IdDigits ? id : 0;
    }

    /// <summary>The time that a message ends with; a quote in its text has a backslash before it.</summary>
    private static long TimeOf(ReadOnlySpan<byte> payload)
    {
        int at = payload.LastIndexOf(TimeStart);
        return at >= 0 && Utf8Parser.TryParse(payload[(at + TimeStart.Length)..], out long time, out _) ? time : 0;
    }
}
