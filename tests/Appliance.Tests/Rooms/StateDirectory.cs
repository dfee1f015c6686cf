using Appliance.Native;
using Appliance.Rooms;
using Appliance.SystemV;

namespace Appliance.Tests.Rooms;

/// <summary>A state directory of a test, and the segments that belong to it: none are left behind.</summary>
internal sealed unsafe class StateDirectory : IDisposable
{
    public const long UnixMs = MemoryRoomLog.UnixMs;

    private const string Projects = "LMNOPQRSTUVWXYZ";

    /// <summary>Stands for a key of the file of keys.</summary>
    private const char Drawn = '*';

    private readonly List<nint> _attached = [];

    public StateDirectory()
    {
        // ftok knows only 16 bits of an inode: another's segment may lie under the keys of a new directory.
        var taken = new List<DirectoryInfo>();
        do
        {
            taken.Add(Directory.CreateTempSubdirectory("appliance-tests-"));
        }
        while (Projects.Any(project => Syscall.ShmGet(Key(taken[^1].FullName, project), 0, 0).Ok));
        Path = taken[^1].FullName;
        taken[..^1].ForEach(directory => directory.Delete());
    }

    public string Path { get; }

    /// <summary>What the last opening found.</summary>
    public RoomLogReport Report { get; private set; } = null!;

    /// <summary>Identifier of the segment that was opened last.</summary>
    public int SegmentId => Syscall.ShmGet(Report.Key, 0, 0).OrThrow("shmget");

    public static byte* BaseOf(RoomLog log) => (byte*)log.HeaderOf(0) - log.Layout.HeadersOffset;

    /// <summary>Opens the logs as a daemon does at its start.</summary>
    public RoomLog Open(int rooms = 4, int ringBytes = RoomLogLayout.RingBytesMin, long unixMs = UnixMs)
    {
        var (log, report) = RoomLogStore.Open(Path, new RoomLogLayout(rooms, ringBytes), unixMs);
        _attached.Add((nint)BaseOf(log));
        Report = report;
        return log;
    }

    /// <summary>A log as former releases made them, under the key of a letter.</summary>
    public RoomLog OpenUnder(char project, int rooms = 4, int ringBytes = RoomLogLayout.RingBytesMin)
    {
        var layout = new RoomLogLayout(rooms, ringBytes);
        var log = new RoomLog(MakeForeign(project, checked((int)layout.SegmentBytes)), layout);
        log.WriteHeader();
        return log;
    }

    /// <summary>What the end of a process does.</summary>
    public void Close()
    {
        _attached.ForEach(address => Syscall.ShmDetach((byte*)address).OrThrow("shmdt"));
        _attached.Clear();
    }

    /// <summary>Makes a segment that is not the daemon's under one of its keys.</summary>
    public byte* MakeForeign(char project, int bytes = 8192)
    {
        int id = Syscall.ShmGet(Key(Path, project), (nuint)bytes, Syscall.IPC_CREAT | Syscall.IPC_EXCL | 0x180).OrThrow("shmget");
        Syscall.ShmAttach(id, out byte* address).OrThrow("shmat");
        _attached.Add((nint)address);
        return address;
    }

    public void RemoveForeign(char project) => Syscall.ShmRemove(Syscall.ShmGet(Key(Path, project), 0, 0).OrThrow("shmget")).OrThrow("shmctl");

    /// <summary>The segments: a letter for one that lies under the key of a former release, a star for any other.</summary>
    public string Segments() => string.Concat(
        Projects.Where(project => Syscall.ShmGet(Key(Path, project), 0, 0).Ok).Concat(DrawnKeys().Select(_ => Drawn)));

    /// <summary>Gives a segment away as its creator cannot: somebody else made it, or may use it.</summary>
    public int Change(char project, uint user, uint mode)
    {
        int id = Syscall.ShmGet(project == Drawn ? DrawnKeys()[0] : Key(Path, project), 0, 0).OrThrow("shmget");
        Syscall.ShmStatus(id, out var status).OrThrow("shmctl");
        (status.shm_perm_uid, status.shm_perm_mode) = (user, mode);
        Syscall.ShmChange(id, status).OrThrow("shmctl");
        return id;
    }

    private int[] DrawnKeys()
    {
        string file = System.IO.Path.Combine(Path, "rooms.key");
        return !File.Exists(file) ? [] : [.. File.ReadAllLines(file)
            .Select(line => SystemVKey.TryParse(line)!.Value.Value)
            .Where(key => !Projects.Any(project => Key(Path, project) == key) && Syscall.ShmGet(key, 0, 0).Ok)];
    }

    public void Dispose()
    {
        Close();
        foreach (int key in DrawnKeys())
        {
            Syscall.ShmRemove(Syscall.ShmGet(key, 0, 0).OrThrow("shmget")).OrThrow("shmctl");
        }

        foreach (char project in Segments())
        {
            RemoveForeign(project);
        }

        Directory.Delete(Path, recursive: true);
    }

    private static int Key(string path, char project)
    {
        Syscall.Ftok(path, project, out int key).OrThrow("ftok");
        return key;
    }
}
