using System.Text;

namespace Appliance.Rooms;

/// <summary>
/// What came of the last reload and of the last reopening of the log, left in shared memory for the command that asked for it: empty
/// when all was done, otherwise what was wrong or what needs a restart. An upgrade that
/// fails leaves its reason there, too.
/// </summary>
public static unsafe class ReloadNote
{
    /// <summary>Mark of a text that reports a failure.</summary>
    public const char Failed = '!';

    /// <summary>Leaves a note, before <see cref="SegmentHeader.Reloads"/> counts on for the waiting command.</summary>
    public static void Write(RoomLog log, bool failed, string text)
    {
        WriteText(log, failed, text);
        Volatile.Write(ref log.Header.Reloads, log.Header.Reloads + 1);
    }

    /// <summary>Leaves the reason why an upgrade failed, before <see cref="SegmentHeader.FailedUpgrades"/> counts on for the waiting command.</summary>
    public static void WriteFailedUpgrade(RoomLog log, string why)
    {
        WriteText(log, failed: true, why);
        Volatile.Write(ref log.Header.FailedUpgrades, log.Header.FailedUpgrades + 1);
    }

    private static void WriteText(RoomLog log, bool failed, string text)
    {
        ref var header = ref log.Header;
        fixed (byte* destination = header.ReloadText)
        {
            header.ReloadTextBytes = Encode(failed ? $"{Failed}{text}" : text, new Span<byte>(destination, SegmentHeader.ReloadTextBytesMax));
        }
    }

    /// <summary>Reads the note.</summary>
    public static (bool Failed, string Text) Read(RoomLog log)
    {
        ref var header = ref log.Header;
        fixed (byte* source = header.ReloadText)
        {
            string note = Encoding.UTF8.GetString(source, Math.Clamp(header.ReloadTextBytes, 0, SegmentHeader.ReloadTextBytesMax));
            bool failed = note.StartsWith(Failed);
            return (failed, failed ? note[1..] : note);
        }
    }

    /// <summary>Leaves why the log could not be reopened, or null, before <see cref="SegmentHeader.Reopens"/> counts on for the waiting command.</summary>
    public static void WriteReopening(RoomLog log, string? failure)
    {
        ref var header = ref log.Header;
        fixed (byte* destination = header.ReopenText)
        {
            header.ReopenTextBytes = Encode(failure ?? "", new Span<byte>(destination, SegmentHeader.ReopenTextBytesMax));
        }

        Volatile.Write(ref header.Reopens, header.Reopens + 1);
    }

    /// <summary>Why the log could not be reopened the last time, or null.</summary>
    public static string? ReadReopening(RoomLog log)
    {
        ref var header = ref log.Header;
        fixed (byte* source = header.ReopenText)
        {
            int bytes = Math.Clamp(header.ReopenTextBytes, 0, SegmentHeader.ReopenTextBytesMax);
            return bytes == 0 ? null : Encoding.UTF8.GetString(source, bytes);
        }
    }

    private static int Encode(string text, Span<byte> destination)
    {
        Encoding.UTF8.GetEncoder().Convert(text, destination, flush: true, out _, out int bytes, out _);
        return bytes;
    }
}
