namespace Appliance.Native;

/// <summary>Bytes in a file in memory, which go to another process by its descriptor: they stand in no environment and no command line.</summary>
public sealed class MemoryFile : IDisposable
{
    private MemoryFile(int descriptor) => Descriptor = descriptor;

    /// <summary>The file; -1 when there are no bytes.</summary>
    public int Descriptor { get; }

    /// <summary>It as a list: of none when there are no bytes.</summary>
    public int[] Descriptors => Descriptor < 0 ? [] : [Descriptor];

    /// <summary>A file with bytes.</summary>
    /// <exception cref="SyscallException">No descriptor or no memory is left.</exception>
    public static MemoryFile Of(string name, ReadOnlySpan<byte> bytes)
    {
        if (bytes.IsEmpty)
        {
            return new MemoryFile(-1);
        }

        var file = new MemoryFile(Syscall.MemoryFile(name).OrThrow("memfd_create"));
        for (int at = 0; at < bytes.Length;)
        {
            at += Syscall.WriteAt(file.Descriptor, bytes[at..], at).OrThrow("pwrite");
        }

        return file;
    }

    /// <summary>The bytes of a file that another process has given, which is closed; none of -1.</summary>
    /// <exception cref="SyscallException">It cannot be read.</exception>
    public static byte[] ReadAndClose(int descriptor)
    {
        if (descriptor < 0)
        {
            return [];
        }

        using var file = new MemoryFile(descriptor);
        _ = Syscall.Status(descriptor, out long length, out _).OrThrow("statx");
        byte[] bytes = new byte[length];
        for (int at = 0; at < bytes.Length;)
        {
            int read = Syscall.ReadAt(descriptor, bytes.AsSpan(at), at).OrThrow("pread");
            at = read > 0 ? at + read : throw new IOException("a file in memory has become shorter");
        }

        return bytes;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        if (Descriptor >= 0)
        {
            _ = Syscall.Close(Descriptor);
        }
    }
}
