using System.Text;
using Appliance.Config;
using Appliance.Journal;
using Appliance.Logging;
using Appliance.Loop;
using Appliance.Rooms;
using Appliance.Tests.Rooms;

namespace Appliance.Tests.Journal;

/// <summary>A journal's file in a folder of its own, and rooms in memory whose journal it is.</summary>
internal sealed class JournalFolder : IDisposable
{
    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("appliance-journal-");
    private readonly List<IDisposable> _owned = [];

    public JournalFolder() => Log = Own(new EventLog("", LogLevel.Error, isDaemon: false));

    public string Path => System.IO.Path.Combine(_folder.FullName, "rooms");

    public EventLog Log { get; }

    /// <summary>Wake-ups of all slots, those of the journals that <see cref="Begin"/> begins.</summary>
    public WakeupTable Wakeups { get; } = new(RoomLogLayout.Slots);

    /// <summary>Files beside the journal.</summary>
    public IEnumerable<string> Others => _folder.EnumerateFiles().Select(file => file.Name).Where(name => name != "rooms");

    /// <summary>Rooms in memory, new ones.</summary>
    public RoomLog NewRooms(int rooms = 4, int ringBytes = RoomLogLayout.RingBytesMin)
    {
        var log = Own(new MemoryRoomLog(ringBytes, rooms)).Log;
        log.Release(0);
        return log;
    }

    /// <summary>Settings with this journal.</summary>
    public Settings SettingsOf(string sync) => SettingsBuilder.Build(
        new DefaultPaths("/run/test", "/var/lib/test"),
        [new GivenValue("journal", Path, SettingsBuilder.CommandLine), new GivenValue("journal-sync", sync, SettingsBuilder.CommandLine)]);

    /// <summary>Begins to keep the journal.</summary>
    public JournalWriter Begin(RoomLog rooms, bool isNew, string sync = "group")
    {
        var journal = Make(rooms, sync);
        try
        {
            journal.Begin(isNew);
            return journal;
        }
        catch
        {
            journal.Dispose();
            throw;
        }
    }

    /// <summary>A journal that has not begun.</summary>
    public JournalWriter Make(RoomLog rooms, string sync) => new(() => SettingsOf(sync), rooms, Wakeups, Log);

    /// <summary>Appends a record and tells whom it concerns; returns its id.</summary>
    public long Say(RoomLog rooms, string room, int length = 100, bool isMessage = true)
    {
        var ring = RingModel.Join(rooms, room);
        long id = ring.NextId;
        ring.Append(JournalFormatTests.FrameOf(length), [new LogRecord(length, length - 40, isMessage ? RecordKind.Chat : RecordKind.System)]);
        var wake = default(WorkerSet);
        rooms.MarkDirty(
            Enumerable.Range(0, rooms.Layout.Rooms).First(slot => rooms.NameOf(slot).SequenceEqual(Encoding.UTF8.GetBytes(room))), worker: new(0), nowNs: 1,
            ref wake);
        while (wake.TryTake(out var sleeper))
        {
            Wakeups.Set(sleeper);
        }

        return id;
    }

    /// <summary>What the file holds, as "room id length flag".</summary>
    public List<string> Read(out JournalReader reader)
    {
        using var file = JournalFile.Open(Path);
        reader = new JournalReader(file);
        List<string> entries = [];
        while (reader.TryRead(out var entry))
        {
            entries.Add($"{Encoding.UTF8.GetString(entry.Room)} {entry.Id} {entry.Frame.Length} {entry.IsMessage}");
        }

        return entries;
    }

    /// <summary>Changes what the file holds.</summary>
    public void Spoil(Action<byte[]> change)
    {
        byte[] bytes = File.ReadAllBytes(Path);
        change(bytes);
        File.WriteAllBytes(Path, bytes);
    }

    public void Dispose()
    {
        _owned.ForEach(one => one.Dispose());
        Wakeups.Dispose();
        _folder.Delete(recursive: true);
    }

    private T Own<T>(T one)
        where T : IDisposable
    {
        _owned.Add(one);
        return one;
    }
}
