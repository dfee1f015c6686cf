using Appliance.Loop;
using Appliance.Native;
using Appliance.Rooms;

namespace Appliance.Journal;

/// <summary>
/// What the rooms know of their journal: whether there is one, how far it is on disk, and whether readers wait for that. While they do,
/// this wakes them.
/// </summary>
internal sealed class JournalGate(RoomLog rooms, WakeupTable wakeups)
{
    private WorkerSet _wake;

    /// <summary>Whether readers wait for the journal.</summary>
    public bool IsAwaited => rooms.Journal == JournalState.Awaited;

    /// <summary>Says how far some rooms are on disk; readers have waited for it since a moment of the monotonic clock.</summary>
    public void Publish(JournalFile file, JournalBatch batch, IReadOnlyList<int> slots, long sinceNs)
    {
        ref var header = ref rooms.Header;
        Volatile.Write(ref header.JournalBytes, 0);
        bool isAwaited = IsAwaited;
        for (int i = 0; i < slots.Count; i++)
        {
            Leave(batch, slots[i]);
            if (isAwaited)
            {
                rooms.MarkDirty(slots[i], RoomLogLayout.JournalSlot, sinceNs, ref _wake);
            }
        }

        header.JournalIdentity = file.Header.Identity;
        Volatile.Write(ref header.JournalBytes, file.Length);
        while (_wake.TryTake(out var worker))
        {
            wakeups.Set(worker);
        }
    }

    /// <summary>
    /// Has readers wait for the journal, or not. They begin to wait when all that they have is on disk; the file is called complete when
    /// nobody can have what it has not got. True when every room must be looked at once more.
    /// </summary>
    /// <param name="file">The file; all that is in it is on disk.</param>
    /// <param name="batch">Its cursors.</param>
    /// <param name="isWanted">Whether readers are to wait.</param>
    /// <param name="isIdle">Whether no room is known to have more.</param>
    /// <exception cref="SyscallException">The file cannot be written.</exception>
    public bool Settle(JournalFile file, JournalBatch batch, bool isWanted, bool isIdle)
    {
        bool isAwaited = IsAwaited;
        if (!isWanted || (!isAwaited && !isIdle))
        {
            _ = file.SetComplete(false).OrThrow($"pwrite '{file.Path}'");
            return Open();
        }

        if (!isAwaited)
        {
            Close(batch);
        }
        else if (isIdle)
        {
            _ = file.SetComplete(true).OrThrow($"pwrite '{file.Path}'");
        }

        return !isAwaited;
    }

    /// <summary>Has readers wait from now on.</summary>
    private void Close(JournalBatch batch)
    {
        for (int slot = 0; slot < rooms.Layout.Rooms; slot++)
        {
            Leave(batch, slot);
        }

        rooms.Journal = JournalState.Awaited;
    }

    /// <summary>Every append marks its room for the journal, and no reader waits for it; true when that was otherwise.</summary>
    public bool Open()
    {
        var former = rooms.Journal;
        if (former == JournalState.Kept)
        {
            return false;
        }

        rooms.Journal = JournalState.Kept;
        if (former == JournalState.Awaited)
        {
            rooms.MarkAllDirty();
            wakeups.SetAll();
        }

        return true;
    }

    private void Leave(JournalBatch batch, int slot)
    {
        if (!rooms.NameOf(slot).IsEmpty)
        {
            batch.Cursors.Kept[slot].LeaveSynced(rooms, slot);
        }
    }
}
