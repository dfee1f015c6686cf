using Appliance.Native;
using Appliance.Php;
using Appliance.SystemV;

namespace Appliance.Rooms;

/// <summary>Every System V object that belongs to a state directory.</summary>
public static class StateObjects
{
    /// <summary>The file of a state directory that its server has locked; it belongs to the owner of the directory.</summary>
    public const string LockName = "appliance.lock";

    /// <summary>Whose the objects of a state directory may be: this user's, root's, those of its owner or of its lock's.</summary>
    public static Ownership OwnersOf(string stateDirectory)
    {
        var owners = Ownership.OfProcess.AndOwnerOf(stateDirectory);
        bool isExposed = !Syscall.StatusOf(stateDirectory, out var status).Ok || status.OthersMayWrite;
        return isExposed ? owners : owners.AndOwnerOf(Path.Combine(stateDirectory, LockName));
    }

    /// <summary>
    /// Removes them all: the room logs, and what lies under the key of the control queue, PHP's variables and semaphore too, and what a
    /// command that was killed has left of its work on the variables. One that cannot be removed keeps none of the others.
    /// </summary>
    /// <exception cref="IOException">Some belong to somebody else: names each, and its owner.</exception>
    public static void Purge(string stateDirectory)
    {
        var key = SystemVKey.OfPath(stateDirectory, SystemVKey.DefaultProject);
        List<string> left = [];
        foreach (var remove in (Action[])[
            () => RoomLogStore.Purge(stateDirectory),
            () => MessageQueue.Remove(key),
            () => VariableSegment.Purge(key),
            () => RemoveSemaphore(key)])
        {
            try
            {
                remove();
            }
            catch (Exception failure) when (failure is SyscallException or IOException)
            {
                left.Add(failure.Message);
            }
        }

        if (left.Count > 0)
        {
            throw new IOException($"not everything could be removed: {string.Join("; ", left)}");
        }
    }

    private static void RemoveSemaphore(SystemVKey key)
    {
        if (Syscall.SemaphoreGet(key.Value, 0, 0) is { Ok: true } semaphore && Syscall.SemaphoreRemove(semaphore.Value) is { Ok: false } refused)
        {
            throw SystemVFailure.Of(SystemVKind.Semaphores, key, $"semctl IPC_RMID of semaphore {key}", refused.Error);
        }
    }
}
