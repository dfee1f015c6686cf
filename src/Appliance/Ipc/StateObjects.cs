using Appliance.Native;

namespace Appliance.Ipc;

/// <summary>Every System V object that belongs to a state directory.</summary>
public static class StateObjects
{
    /// <summary>
    /// Removes them all: the room logs, and what lies under the key of the control queue, PHP's variables and semaphore too, and what a
    /// command that was killed has left of its work on the variables.
    /// </summary>
    /// <exception cref="SyscallException">One of them belongs to somebody else.</exception>
    public static void Purge(string stateDirectory)
    {
        var key = SystemVKey.OfPath(stateDirectory, SystemVKey.DefaultProject);
        _ = RoomLogStore.Purge(stateDirectory);
        _ = MessageQueue.Remove(key);
        VariableSegment.Purge(key);
        if (Syscall.SemaphoreGet(key.Value, 0, 0) is { Ok: true } semaphore)
        {
            _ = Syscall.SemaphoreRemove(semaphore.Value).OrThrow($"semctl IPC_RMID {key}");
        }
    }
}
