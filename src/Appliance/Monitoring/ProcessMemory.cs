using System.Buffers.Text;
using Appliance.Native;

namespace Appliance.Monitoring;

/// <summary>Reads how much memory a process uses: PSS, which divides what is shared by who shares it (proc_pid_smaps_rollup(5)).</summary>
internal static unsafe class ProcessMemory
{
    private const int TextBytesMax = 2048;
    private const int BytesPerKilobyte = 1024;

    /// <summary>Bytes of a process; 0 when it has ended, or when this user may not look.</summary>
    public static long Read(int pid)
    {
        var opened = Syscall.Open($"/proc/{pid}/smaps_rollup", Syscall.O_RDONLY, 0);
        if (!opened.Ok)
        {
            return 0;
        }

        byte* text = stackalloc byte[TextBytesMax];
        var read = Syscall.Read(opened.Value, text, TextBytesMax);
        _ = Syscall.Close(opened.Value);
        return read.Ok ? ParsePss(new ReadOnlySpan<byte>(text, read.Value)) : 0;
    }

    /// <summary>The line <c>Pss:  1234 kB</c>, in bytes; 0 when there is none.</summary>
    internal static long ParsePss(ReadOnlySpan<byte> text)
    {
        int line = text.IndexOf("\nPss:"u8);
        return line >= 0 && Utf8Parser.TryParse(text[(line + 5)..].TrimStart((byte)' '), out long kilobytes, out _) ? kilobytes * BytesPerKilobyte : 0;
    }
}
