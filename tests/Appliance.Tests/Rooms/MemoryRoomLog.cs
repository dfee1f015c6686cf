using System.Runtime.InteropServices;
using Appliance.Rooms;

namespace Appliance.Tests.Rooms;

/// <summary>Room logs in memory of this process alone, with one room.</summary>
internal sealed unsafe class MemoryRoomLog : IDisposable
{
    public const long UnixMs = 1_700_000_000_000;
    public const long FirstId = UnixMs * 1000;

    private readonly byte* _base;

    public MemoryRoomLog(int ringBytes = RoomLogLayout.RingBytesMin, int rooms = 1)
    {
        var layout = new RoomLogLayout(rooms, ringBytes);
        _base = (byte*)NativeMemory.AllocZeroed((nuint)layout.SegmentBytes);
        Log = new RoomLog(_base, layout);
        Log.WriteHeader();
        Log.Create(0, "lobby"u8, RoomLog.HashOf("lobby"u8), UnixMs);
    }

    public RoomLog Log { get; }

    public RoomRing Ring => Log.Ring(0);

    public void Dispose() => NativeMemory.Free(_base);
}
