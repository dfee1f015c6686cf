using Appliance.Native;

namespace Appliance.Ipc;

/// <summary>What opening the room logs found, for the log: nothing of it is an error of ours.</summary>
/// <param name="Key">System V key of the segment.</param>
/// <param name="Id">Its identifier, by which other processes attach it.</param>
/// <param name="Resumed">True when a segment of an earlier run was taken over.</param>
/// <param name="Rooms">How many rooms came with it.</param>
/// <param name="DamagedRooms">How many of them were damaged and begin a new epoch.</param>
/// <param name="Resized">True when the rooms were copied from a segment of other sizes, or of an older version.</param>
/// <param name="Removed">How many segments of ours were too damaged to be read, and were removed.</param>
public sealed record RoomLogReport(int Key, int Id, bool Resumed, int Rooms, int DamagedRooms, bool Resized, int Removed);

/// <summary>
/// The segment of a state directory: found or made under the first key from <c>ftok(DIR, 'L')</c> on that is free or ours. A
/// segment that somebody else, or another version, made under that key is left alone and the next letter tried.
/// </summary>
public static unsafe class RoomLogStore
{
    /// <summary>The project letter of its first key; further ones follow.</summary>
    internal const char FirstProject = 'L';

    private const char LastProject = 'Z';
    private const int AlonePollMs = 10;
    private const int AloneTries = 500;
    private const int OwnerOnly = 0x180; // 0600

    /// <summary>Opens the room logs for a process that is alone with them, or makes them.</summary>
    /// <exception cref="SyscallException">The kernel refuses: no right, or one of its limits.</exception>
    public static (RoomLog Log, RoomLogReport Report) Open(string stateDirectory, RoomLogLayout layout, long unixMs)
    {
        RoomLog? former = null;
        int formerId = -1;
        int freeKey = 0;
        int removed = 0;
        foreach (int key in Keys(stateDirectory))
        {
            var found = Syscall.ShmGet(key, 0, 0);
            if (found.Ok && IsDamagedOurs(found.Value))
            {
                // Nothing in it can be found any more; left alone it would stay for ever.
                WaitUntilAlone(found.Value, ours: 0);
                Remove(found.Value);
                found = Syscall.ShmGet(key, 0, 0);
                removed++;
            }

            freeKey = freeKey == 0 && found.Error == Errno.ENOENT ? key : freeKey;
            if (found.Ok && AttachIfOurs(found.Value) is { } log)
            {
                WaitUntilAlone(found.Value, ours: 1);
                if (log.Layout.SegmentBytes == layout.SegmentBytes && log.Layout.Rooms == layout.Rooms && log.Layout.Version == layout.Version)
                {
                    log.ResetWorkers();
                    return (log, new RoomLogReport(key, found.Value, Resumed: true, log.RoomCount(), RoomLogCheck.Mend(log, unixMs), Resized: false, removed));
                }

                (former, formerId) = (log, found.Value);
            }
        }

        return freeKey != 0
            ? Make(freeKey, layout, unixMs, former, formerId, removed)
            : throw new SyscallException($"shmget: every key of '{stateDirectory}' from '{FirstProject}' to '{LastProject}' is taken", Errno.EEXIST);
    }

    /// <summary>Attaches the segment that the master has opened, laid out as the master knows: what its header says may be damaged.</summary>
    /// <exception cref="SyscallException">It is gone.</exception>
    public static RoomLog Attach(int id, RoomLogLayout layout)
    {
        _ = Syscall.ShmAttach(id, out byte* address).OrThrow($"shmat of room log {id}");
        return new RoomLog(address, layout);
    }

    /// <summary>The logs that belong to a state directory, as they are; null when there are none.</summary>
    public static RoomLog? Find(string stateDirectory) =>
        Keys(stateDirectory)
            .Select(key => Syscall.ShmGet(key, 0, 0))
            .Where(found => found.Ok)
            .Select(found => AttachIfOurs(found.Value))
            .FirstOrDefault(log => log is not null);

    /// <summary>Waits until the workers of a master that was killed have ended: they hold its ports.</summary>
    /// <exception cref="IOException">They have not, after some seconds.</exception>
    public static void AwaitFormer(string stateDirectory)
    {
        foreach (int key in Keys(stateDirectory))
        {
            var found = Syscall.ShmGet(key, 0, 0);
            if (found.Ok && Attach(found.Value, out byte* address))
            {
                bool ours = IsOurs((SegmentHeader*)address);
                _ = Syscall.ShmDetach(address);
                if (ours)
                {
                    WaitUntilAlone(found.Value, ours: 0);
                }
            }
        }
    }

    /// <summary>Removes one segment.</summary>
    public static void Remove(int id) => _ = Syscall.ShmRemove(id).OrThrow($"shmctl IPC_RMID {id}");

    /// <summary>Removes every segment of ours that belongs to the state directory; returns how many there were.</summary>
    public static int Purge(string stateDirectory)
    {
        int removed = 0;
        foreach (int key in Keys(stateDirectory))
        {
            var found = Syscall.ShmGet(key, 0, 0);
            if (found.Ok && (IsDamagedOurs(found.Value) || AttachIfOurs(found.Value) is not null))
            {
                Remove(found.Value);
                removed++;
            }
        }

        return removed;
    }

    /// <summary>
    /// Workers of a master that was killed end by themselves at once; until they have, the logs are still theirs.
    /// </summary>
    private static void WaitUntilAlone(int id, int ours)
    {
        using var waiting = new ManualResetEventSlim();
        for (int tries = 0; Syscall.ShmAttachments(id) > ours; tries++)
        {
            if (tries == AloneTries)
            {
                throw new IOException($"the room log is still in use by {Syscall.ShmAttachments(id) - ours} other processes (shmid {id}, see ipcs -m -p): end them first");
            }

            _ = waiting.Wait(AlonePollMs);
        }
    }

    private static IEnumerable<int> Keys(string stateDirectory)
    {
        for (char project = FirstProject; project <= LastProject; project++)
        {
            _ = Syscall.Ftok(stateDirectory, project, out int key).OrThrow($"ftok '{stateDirectory}'");
            yield return key;
        }
    }

    private static (RoomLog Log, RoomLogReport Report) Make(
        int key, RoomLogLayout layout, long unixMs, RoomLog? former, int formerId, int removed)
    {
        var made = Syscall.ShmGet(key, (nuint)layout.SegmentBytes, Syscall.IPC_CREAT | Syscall.IPC_EXCL | Syscall.SHM_NORESERVE | OwnerOnly);
        int id = made.Ok ? made.Value : throw Failure("shmget", made.Error);
        var attached = Syscall.ShmAttach(id, out byte* address);
        if (!attached.Ok)
        {
            Remove(id);
            throw Failure("shmat", attached.Error);
        }

        SyscallException Failure(string call, Errno error) => new(
            $"{call} key 0x{key:x8}, {layout.SegmentBytes} bytes for {layout.Rooms} rooms",
            error,
            "lower --max-rooms or --room-size, or raise the kernel's limits, which 'appliance --check' looks at");

        var log = new RoomLog(address, layout);
        log.WriteHeader();
        if (former is null)
        {
            return (log, new RoomLogReport(key, id, Resumed: false, 0, 0, Resized: false, removed));
        }

        int damaged = RoomLogCheck.Mend(former, unixMs);
        log.CopyFrom(former, unixMs);
        Remove(formerId);
        return (log, new RoomLogReport(key, id, Resumed: true, log.RoomCount(), damaged, Resized: true, removed));
    }

    /// <summary>Attaches a segment if it is ours and whole; otherwise leaves it alone.</summary>
    private static RoomLog? AttachIfOurs(int id)
    {
        long bytes = Syscall.ShmSize(id);
        if (!Attach(id, out byte* address))
        {
            return null;
        }

        var header = (SegmentHeader*)address;
        if (IsOurs(header) && LayoutOf(header, bytes) is { } layout)
        {
            return new RoomLog(address, layout);
        }

        _ = Syscall.ShmDetach(address);
        return null;
    }

    /// <summary>Whether a segment is ours, of a version that is taken over, but does not have the size that it says.</summary>
    private static bool IsDamagedOurs(int id)
    {
        long bytes = Syscall.ShmSize(id);
        if (!Attach(id, out byte* address))
        {
            return false;
        }

        var header = (SegmentHeader*)address;
        bool damaged = IsOurs(header) && LayoutOf(header, bytes) is null;
        _ = Syscall.ShmDetach(address);
        return damaged;
    }

    /// <summary>Attaches a segment that is large enough to have a header.</summary>
    private static bool Attach(int id, out byte* address)
    {
        address = null;
        return Syscall.ShmSize(id) >= sizeof(SegmentHeader) && Syscall.ShmAttach(id, out address).Ok;
    }

    /// <summary>The layout that a header describes; null when it does not go with the segment's size.</summary>
    private static RoomLogLayout? LayoutOf(SegmentHeader* header, long bytes)
    {
        var layout = header->Rooms > 0 ? new RoomLogLayout(header->Rooms, header->RingBytes, header->Version) : null;
        return layout is not null && layout.RingBytes == header->RingBytes && layout.SegmentBytes == bytes ? layout : null;
    }

    private static bool IsOurs(SegmentHeader* header) =>
        header->Magic == RoomLogLayout.Magic && header->Version is >= RoomLogLayout.OldestVersion and <= RoomLogLayout.NewestVersion;
}
