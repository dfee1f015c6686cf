using System.Runtime.InteropServices;

namespace Appliance.Fuzz.Driver;

/// <summary>Memory between two stretches that nobody may touch: whoever reads or writes outside ends the process.</summary>
internal sealed unsafe partial class GuardedMemory : IDisposable
{
    private const int PageBytes = 4096;
    private const int NoAccess = 0;
    private const int ReadWrite = 3;
    private const int PrivateAnonymousNoReserve = 0x4022;

    /// <summary>Wider than what a wrong length or index in use would jump over, and for nothing: nothing of it is there.</summary>
    private const long FenceBytes = 1L << 32;

    private readonly byte* _mapped;
    private readonly long _mappedBytes;

    /// <summary>So many bytes, which end where the upper fence begins.</summary>
    public GuardedMemory(long bytes)
    {
        long pages = (bytes + PageBytes - 1) / PageBytes * PageBytes;
        _mappedBytes = FenceBytes + pages + FenceBytes;
        _mapped = mmap(null, (nuint)_mappedBytes, NoAccess, PrivateAnonymousNoReserve, -1, 0);
        if ((nint)_mapped == -1 || mprotect(_mapped + FenceBytes, (nuint)pages, ReadWrite) != 0)
        {
            throw new InvalidOperationException($"no memory for {bytes} bytes: errno {Marshal.GetLastPInvokeError()}");
        }

        Start = _mapped + FenceBytes + pages - bytes;
    }

    /// <summary>The first byte.</summary>
    public byte* Start { get; }

    /// <summary>So many bytes from the first one on.</summary>
    public Span<byte> Span(int bytes) => new(Start, bytes);

    /// <inheritdoc/>
    public void Dispose() => _ = munmap(_mapped, (nuint)_mappedBytes);

    [LibraryImport("libc", SetLastError = true)]
    private static partial byte* mmap(void* address, nuint length, int protection, int flags, int fd, long offset);

    [LibraryImport("libc", SetLastError = true)]
    private static partial int mprotect(void* address, nuint length, int protection);

    [LibraryImport("libc")]
    private static partial int munmap(void* address, nuint length);
}
