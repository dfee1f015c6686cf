using System.Text;

namespace Appliance.Ipc;

/// <summary>
/// What came of the last reload, left in shared memory for the command that asked for it: empty when all was taken over, otherwise
/// what was wrong or what needs a restart.
/// </summary>
public static unsafe class ReloadNote
{
    /// <summary>Mark of a text that tells of a failure.</summary>
    public const char Failed = '!';

    /// <summary>Leaves a note; whoever waits for <see cref="SegmentHeader.Reloads"/> finds it written.</summary>
    public static void Write(RoomLog log, bool failed, string text)
    {
        ref var header = ref log.Header;
        string note = failed ? $"{Failed}{text}" : text;
        fixed (byte* destination = header.ReloadText)
        {
            Encoding.UTF8.GetEncoder().Convert(
                note, new Span<byte>(destination, SegmentHeader.ReloadTextBytesMax), flush: true, out _, out int bytes, out _);
            header.ReloadTextBytes = bytes;
        }

        Volatile.Write(ref header.Reloads, header.Reloads + 1);
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
}
