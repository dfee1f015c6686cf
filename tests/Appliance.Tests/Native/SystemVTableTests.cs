using Appliance.Native;
using Appliance.SystemV;
using Appliance.Tests.Rooms;

namespace Appliance.Tests.Native;

public sealed class SystemVTableTests
{
    [Fact]
    public unsafe void Segment_is_found_with_its_size_and_owner()
    {
        using var state = new StateDirectory();
        _ = state.MakeForeign('Z', 12345);
        int key = SystemVKey.OfPath(state.Path, 'Z').Value;
        var found = SystemVTable.Find(SystemVKind.Memory, key);
        Assert.NotNull(found);
        Assert.Equal((12345, 1, 0x180U), (found.Size, found.Attached, found.Mode & Syscall.IpcModeMask));
        Assert.Equal((Environment.ProcessId, Syscall.EffectiveUserId()), (found.CreatorPid, found.User));
        Assert.Null(SystemVTable.Find(SystemVKind.Semaphores, key));
        state.RemoveForeign('Z');
        Assert.Null(SystemVTable.Find(SystemVKind.Memory, key));
    }

    /// <summary>Keys of 2^31 and above are negative numbers for some kernels and positive ones for others.</summary>
    [Fact]
    public void Semaphore_of_a_high_key_is_found()
    {
        using var state = new StateDirectory();
        int key = ~SystemVKey.OfPath(state.Path, 'B').Value;
        int id = Syscall.SemaphoreGet(key, 4, Syscall.IPC_CREAT | Syscall.IPC_EXCL | 0x180).OrThrow("semget");
        try
        {
            Assert.Equal((id, 4), (SystemVTable.Find(SystemVKind.Semaphores, key)?.Id, (int?)SystemVTable.Find(SystemVKind.Semaphores, key)?.Size));
        }
        finally
        {
            Syscall.SemaphoreRemove(id).OrThrow("semctl");
        }
    }
}
