using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Appliance.Native;

/// <summary>
/// The array that epoll_wait(2) fills. <c>struct epoll_event</c> is packed on x86-64 (events at 0, data at 4, 12 bytes) and
/// nowhere else (data at 8, 16 bytes).
/// </summary>
public sealed unsafe class EpollEvents : IDisposable
{
    internal const int EntryBytesMax = 16;

    private static readonly int DataOffset = RuntimeInformation.ProcessArchitecture == Architecture.X64 ? 4 : 8;

    /// <summary>An array of that many entries.</summary>
    public EpollEvents(int capacity)
    {
        Capacity = capacity;
        Entries = (byte*)NativeMemory.AllocZeroed((nuint)capacity, EntryBytesMax);
    }

    /// <summary>How many events one wait can bring.</summary>
    public int Capacity { get; }

    /// <summary>How large one entry is on this processor.</summary>
    public static int EntryBytes => DataOffset + sizeof(ulong);

    internal byte* Entries { get; private set; }

    /// <summary>What happened to the descriptor of one entry: a set of EPOLL bits.</summary>
    public uint EventsAt(int index) => Unsafe.ReadUnaligned<uint>(Entries + (index * EntryBytes));

    /// <summary>The data that was given for the descriptor of one entry.</summary>
    public ulong DataAt(int index) => Unsafe.ReadUnaligned<ulong>(Entries + (index * EntryBytes) + DataOffset);

    /// <inheritdoc/>
    public void Dispose()
    {
        NativeMemory.Free(Entries);
        Entries = null;
    }

    internal static void Write(byte* entry, uint events, ulong data)
    {
        Unsafe.WriteUnaligned(entry, events);
        Unsafe.WriteUnaligned(entry + DataOffset, data);
    }
}
