using Appliance.Native;
using Appliance.SystemV;

namespace Appliance.Rooms;

/// <summary>What opening the room logs found, for the log: nothing of it is an error of ours.</summary>
/// <param name="Key">System V key of the segment.</param>
/// <param name="Id">Its identifier, by which other processes attach it.</param>
/// <param name="Resumed">True when a segment of an earlier run was taken over.</param>
/// <param name="Rooms">How many rooms came with it.</param>
/// <param name="DamagedRooms">How many of them were damaged and begin a new epoch.</param>
/// <param name="Resized">True when the rooms were copied from a segment of other sizes, or of an older version.</param>
/// <param name="Removed">How many segments of ours were too damaged to be read, and were removed.</param>
/// <param name="Foreign">Segments of others under keys of this state directory, which are left alone: each key and whose it is.</param>
public sealed record RoomLogReport(int Key, int Id, bool Resumed, int Rooms, int DamagedRooms, bool Resized, int Removed, IReadOnlyList<string> Foreign);

/// <summary>
/// The segment of a state directory. Its key is a random one that <see cref="RoomKeys"/> keeps; releases before had those of
/// <c>ftok(DIR, 'L')</c> and the letters after it, which are looked at as well. A segment counts only when its owner and its creator are
/// the server's user or root and it is shut to all others; what somebody else, or another version, has made there is left alone.
/// </summary>
public static unsafe class RoomLogStore
{
    /// <summary>The project letter of the first key that releases before used; further ones follow.</summary>
    internal const char FirstProject = 'L';

    private const char LastProject = 'Z';
    private const int AloneMsMax = 5000;
    private const int OwnerOnly = 0x180; // 0600

    /// <summary>Opens the room logs for a process that is alone with them, or makes them.</summary>
    /// <exception cref="SyscallException">The kernel refuses: no right, or one of its limits.</exception>
    public static (RoomLog Log, RoomLogReport Report) Open(string stateDirectory, RoomLogLayout layout, long unixMs)
    {
        var owners = StateObjects.OwnersOf(stateDirectory);
        Found? former = null;
        List<int> ofOthers = [];
        List<string> foreign = [];
        int removed = 0;
        foreach (var (key, id) in Segments(stateDirectory))
        {
            if (!IsPrivate(id, owners))
            {
                foreign.Add($"0x{key:x8} of {Ownership.Describe(SystemVKind.Memory, key)}");
            }
            else if (IsDamagedOurs(id))
            {
                // Nothing in it can be found any more; left alone it would stay for ever.
                WaitUntilAlone(id, ours: 0);
                Remove(id);
                removed++;
            }
            else if (AttachIfOurs(id) is { } log)
            {
                WaitUntilAlone(id, ours: 1);
                former = Newer(former, new Found(key, id, log));
            }
            else
            {
                ofOthers.Add(key);
            }
        }

        if (former is null || !IsLaidOut(former.Log.Layout, layout))
        {
            var (made, report) = Make(stateDirectory, layout, unixMs, former, ofOthers);
            return (made, report with { Removed = removed, Foreign = foreign });
        }

        RoomKeys.Write(stateDirectory, [former.Key, .. ofOthers]);
        former.Log.ResetWorkers();
        int damaged = RoomLogCheck.Mend(former.Log, unixMs);
        former.Log.EnsurePlaceOfLobby();
        return (former.Log, new RoomLogReport(former.Key, former.Id, Resumed: true, former.Log.RoomCount(), damaged, Resized: false, removed, foreign));
    }

    /// <summary>Attaches the segment that the master has opened, laid out as the master knows: what its header says may be damaged.</summary>
    /// <exception cref="SyscallException">It is gone.</exception>
    public static RoomLog Attach(int id, RoomLogLayout layout)
    {
        _ = Syscall.ShmAttach(id, out byte* address).OrThrow($"shmat of room log {id}");
        return new RoomLog(address, layout);
    }

    /// <summary>The logs that belong to a state directory, as they are; null when there are none, or this user may not read them.</summary>
    public static RoomLog? Find(string stateDirectory)
    {
        var owners = StateObjects.OwnersOf(stateDirectory);
        Found? found = null;
        foreach (var (key, id) in Segments(stateDirectory))
        {
            found = IsPrivate(id, owners) && AttachIfOurs(id) is { } log ? Newer(found, new Found(key, id, log), remove: false) : found;
        }

        return found?.Log;
    }

    /// <summary>
    /// Notes the key of a segment that was taken over from another process, which may be of a release that did not. Returns why that
    /// fails, or null: the segment is found under the keys of such releases as well.
    /// </summary>
    public static string? Remember(string stateDirectory, int id)
    {
        try
        {
            _ = Syscall.PermissionsOf(SystemVKind.Memory, id, out var permissions).OrThrow($"shmctl IPC_STAT of room log {id}");
            var keys = RoomKeys.Read(stateDirectory);
            if (!keys.Contains(permissions.Key))
            {
                RoomKeys.Write(stateDirectory, [permissions.Key, .. keys]);
            }

            return null;
        }
        catch (SyscallException failure)
        {
            return failure.Message;
        }
    }

    /// <summary>The file of keys, open, so that it can be given to the user that a server is to become.</summary>
    /// <exception cref="SyscallException">It cannot be made.</exception>
    public static int OpenKeys(string stateDirectory, Ownership owners) => RoomKeys.Open(stateDirectory, owners);

    /// <summary>Waits until the workers of a master that was killed have ended: they hold its ports.</summary>
    /// <param name="stateDirectory">The directory.</param>
    /// <param name="owners">Whose segments are the server's: also those of the user that it is to become.</param>
    /// <exception cref="IOException">They have not, after some seconds.</exception>
    public static void AwaitFormer(string stateDirectory, Ownership owners)
    {
        foreach (var (_, id) in Segments(stateDirectory))
        {
            if (IsPrivate(id, owners) && Attach(id, out byte* address))
            {
                bool ours = IsOurs((SegmentHeader*)address);
                _ = Syscall.ShmDetach(address);
                if (ours)
                {
                    WaitUntilAlone(id, ours: 0);
                }
            }
        }
    }

    /// <summary>Removes one segment.</summary>
    public static void Remove(int id) => _ = Syscall.ShmRemove(id).OrThrow($"shmctl IPC_RMID {id}");

    /// <summary>Removes every segment of ours that belongs to the state directory, and the file of keys; returns how many there were.</summary>
    public static int Purge(string stateDirectory)
    {
        var owners = StateObjects.OwnersOf(stateDirectory);
        int removed = 0;
        List<int> left = [];
        var keys = RoomKeys.Read(stateDirectory);
        foreach (var (key, id) in Segments(stateDirectory))
        {
            if (!IsPrivate(id, owners))
            {
                continue;
            }

            if (IsDamagedOurs(id) || AttachIfOurs(id) is not null)
            {
                Remove(id);
                removed++;
            }
            else if (keys.Contains(key))
            {
                left.Add(key);
            }
        }

        if (left.Count > 0)
        {
            RoomKeys.Write(stateDirectory, left);
        }
        else
        {
            RoomKeys.Remove(stateDirectory);
        }

        return removed;
    }

    /// <summary>Whether a key is, or was in a release before, that of the room log of a state directory.</summary>
    internal static bool IsKey(string stateDirectory, int key) => Keys(stateDirectory).Contains(key);

    /// <summary>
    /// Workers of a master that was killed end by themselves at once; until they have, the logs are still theirs.
    /// </summary>
    private static void WaitUntilAlone(int id, int ours)
    {
        long attached = 0;
        if (!Polling.Until(() => (attached = Syscall.ShmAttachments(id)) <= ours, AloneMsMax))
        {
            throw new IOException($"the room log is still in use by {attached - ours} other processes (shmid {id}, see ipcs -m -p): end them first");
        }
    }

    private static List<int> Keys(string stateDirectory)
    {
        List<int> keys = [];
        for (char project = FirstProject; project <= LastProject; project++)
        {
            _ = Syscall.Ftok(stateDirectory, project, out int key).OrThrow($"ftok '{stateDirectory}'");
            if (project == FirstProject)
            {
                keys.AddRange(RoomKeys.Read(stateDirectory));
            }

            keys.Add(key);
        }

        return keys;
    }

    /// <summary>What lies under the keys of a state directory, whosever it is.</summary>
    private static List<(int Key, int Id)> Segments(string stateDirectory)
    {
        var segments = new List<(int Key, int Id)>();
        foreach (int key in Keys(stateDirectory))
        {
            if (!segments.Exists(segment => segment.Key == key) && Syscall.ShmGet(key, 0, 0) is { Ok: true } found)
            {
                segments.Add((key, found.Value));
            }
        }

        return segments;
    }

    private static bool IsPrivate(int id, Ownership owners) =>
        Syscall.PermissionsOf(SystemVKind.Memory, id, out var permissions).Ok && owners.IsPrivate(permissions);

    private static bool IsLaidOut(RoomLogLayout one, RoomLogLayout other) =>
        one.SegmentBytes == other.SegmentBytes && one.Rooms == other.Rooms && one.Version == other.Version;

    /// <summary>
    /// Of two logs the one that a server has served from last. The other one is a copy that was not done when its process was killed, or what
    /// an older release made beside it: it would stay for ever.
    /// </summary>
    private static Found Newer(Found? one, Found other, bool remove = true)
    {
        if (one is null)
        {
            return other;
        }

        var (kept, lost) = other.Log.Header.ReadyMs > one.Log.Header.ReadyMs ? (other, one) : (one, other);
        _ = Syscall.ShmDetach(lost.Log.Address);
        if (remove)
        {
            Remove(lost.Id);
        }

        return kept;
    }

    private static (RoomLog Log, RoomLogReport Report) Make(
        string stateDirectory, RoomLogLayout layout, long unixMs, Found? former, IReadOnlyList<int> ofOthers)
    {
        SysResult made;
        int key;
        do
        {
            // Noted before it is made: a start that is killed leaves nothing that the next one does not find.
            key = RoomKeys.Draw();
            RoomKeys.Write(stateDirectory, former is null ? [key, .. ofOthers] : [former.Key, key, .. ofOthers]);
            made = Syscall.ShmGet(key, (nuint)layout.SegmentBytes, Syscall.IPC_CREAT | Syscall.IPC_EXCL | Syscall.SHM_NORESERVE | OwnerOnly);
        }
        while (made.Error == Errno.EEXIST);

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
            SystemVSupport.WayOut(error, layout.SegmentBytes));

        var log = new RoomLog(address, layout);
        log.WriteHeader();
        if (former is null)
        {
            return (log, new RoomLogReport(key, id, Resumed: false, 0, 0, Resized: false, 0, []));
        }

        int damaged = RoomLogCheck.Mend(former.Log, unixMs);
        log.CopyFrom(former.Log, unixMs);
        log.EnsurePlaceOfLobby();
        _ = Syscall.ShmDetach(former.Log.Address);
        Remove(former.Id);
        RoomKeys.Write(stateDirectory, [key, .. ofOthers]);
        return (log, new RoomLogReport(key, id, Resumed: true, log.RoomCount(), damaged, Resized: true, 0, []));
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
        header->Magic == RoomLogLayout.Magic && header->Reserved >> 16 != SegmentHeader.ReservedMark
            && header->Version is >= RoomLogLayout.OldestVersion and <= RoomLogLayout.NewestVersion;

    /// <summary>A log that was found, attached.</summary>
    private sealed record Found(int Key, int Id, RoomLog Log);
}
