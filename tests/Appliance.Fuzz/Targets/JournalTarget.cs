using System.Buffers.Binary;
using System.Text;
using Appliance.Config;
using Appliance.Fuzz.Driver;
using Appliance.Journal;
using Appliance.Logging;
using Appliance.Rooms;
using static Appliance.Fuzz.Driver.FuzzException;

namespace Appliance.Fuzz.Targets;

/// <summary>
/// A journal with damage: the first byte chooses whether its checksums are put right, so that what stands in entries is looked at as
/// well; the
/// rest is the file. It is opened for new rooms, for rooms that it does not know, and once more.
/// </summary>
internal sealed class JournalTarget : IFuzzTarget
{
    private const int Rooms = 4;

    private readonly DirectoryInfo _folder = Directory.Exists("/dev/shm")
        ? Directory.CreateDirectory($"/dev/shm/appliance-fuzz-{Environment.ProcessId}")
        : Directory.CreateTempSubdirectory("appliance-fuzz-");

    private readonly EventLog _log;
    private readonly GuardedMemory _memory;
    private readonly RoomLogLayout _layout = new(Rooms, RoomLogLayout.RingBytesMin);

    public JournalTarget()
    {
        _memory = new GuardedMemory(_layout.SegmentBytes);
        _log = new EventLog(Path.Combine(_folder.FullName, "log"), LogLevel.Error, isDaemon: false);
    }

    public static FuzzTarget Row { get; } = new(
        "journal",
        "journals with damage: opened or refused in words, every whole entry is kept",
        () => new JournalTarget())
    {
        Words = ["APPLJRNL", "\x01\0\0\0", "\x81\x7E", "\x81\x40", "lobby", "\0\0\0\0\0\0\0\0", "\x5A\0\0\0"],
        AllocatedBytesMax = 64 << 20,
    };

    private string FilePath => Path.Combine(_folder.FullName, "rooms");

    public void Run(ReadOnlySpan<byte> input)
    {
        var bytes = new InputBytes(input);
        byte choice = bytes.Byte();
        byte[] file = bytes.Rest.ToArray();
        if ((choice & 1) != 0)
        {
            PutChecksumsRight(file);
        }

        foreach (var former in _folder.EnumerateFiles("rooms*"))
        {
            former.Delete();
        }

        File.WriteAllBytes(FilePath, file);
        var entries = WholeEntries(file);
        bool isJournal = file.Length == 0 || JournalFormat.TryReadHeader(file, out _);
        try
        {
            var rooms = NewRooms();
            Open(rooms, isNew: (choice & 2) == 0);
            Require(isJournal, "what is no journal is refused");
            RequireKept(rooms, (choice & 2) == 0 ? entries : []);
            if ((choice & 4) != 0)
            {
                Open(rooms, isNew: false);
            }

            if ((choice & 6) == 4)
            {
                rooms = NewRooms();
                Open(rooms, isNew: true);
                RequireKept(rooms, entries);
            }
        }
        catch (IOException refusal)
        {
            Require(
                !isJournal && refusal.Message.Contains("--journal", StringComparison.Ordinal),
                $"a journal is opened: {refusal.Message}");
        }
    }

    public void Dispose()
    {
        _log.Dispose();
        _memory.Dispose();
        _folder.Delete(recursive: true);
    }

    private unsafe RoomLog NewRooms()
    {
        _memory.Span((int)_layout.SegmentBytes).Clear();
        var rooms = new RoomLog(_memory.Start, _layout);
        rooms.WriteHeader();
        return rooms;
    }

    private void Open(RoomLog rooms, bool isNew)
    {
        var (file, _) = JournalOpening.Open(FilePath, rooms, isNew, isAlone: true, _log);
        using (file)
        {
            Require(JournalSummary.Read(file).Damaged.Count == 0, "what was opened is whole");
        }
    }

    /// <summary>Each room that is there has the newest of its entries whose ids grow, as many as it has.</summary>
    private static unsafe void RequireKept(RoomLog rooms, List<Entry> entries)
    {
        var found = new List<FoundRecord>();
        byte[] copied = new byte[RoomLogLayout.RingBytesMin];
        for (int slot = 0; slot < rooms.Layout.Rooms; slot++)
        {
            string name = Encoding.Latin1.GetString(rooms.NameOf(slot));
            List<Entry> expected = [];
            foreach (var entry in entries.Where(entry => entry.Room == name && entry.Frame.Length <= rooms.Ring(slot).BatchBytesMax))
            {
                if (expected.Count == 0 || entry.Id > expected[^1].Id)
                {
                    expected.Add(entry);
                }
            }

            _ = RoomCursor.AtOldest(rooms.Ring(slot)).Read(rooms.Ring(slot), copied, found, out _);
            Require(
                found.Count > 0 == expected.Count > 0 && found.Count <= expected.Count,
                $"room has {found.Count} of {expected.Count} entries");
            for (int i = 1; i <= found.Count; i++)
            {
                Require(found[^i].Id == expected[^i].Id && found[^i].IsMessage == expected[^i].IsMessage
                    && copied.AsSpan(found[^i].Offset, found[^i].Length).SequenceEqual(expected[^i].Frame), "an entry is kept as it is");
            }
        }

        // One place is the lobby's alone.
        var named = entries.Select(entry => entry.Room).ToHashSet(StringComparer.Ordinal);
        int places = named.Contains(Encoding.ASCII.GetString(RoomLog.Lobby)) ? Rooms : Rooms - 1;
        Require(rooms.RoomCount() == Math.Min(named.Count, places), "each room has its place, as far as there are places");
    }

    /// <summary>Every whole entry, wherever it begins.</summary>
    private static List<Entry> WholeEntries(byte[] file)
    {
        List<Entry> entries = [];
        for (int at = JournalFormat.HeaderBytes; at < file.Length;)
        {
            bool isWhole = JournalFormat.TryReadEntry(file.AsSpan(at), out var entry, out int length);
            at += isWhole ? length : 1;
            if (isWhole)
            {
                entries.Add(new Entry(Encoding.Latin1.GetString(entry.Room), entry.Id, entry.IsMessage, entry.Frame.ToArray()));
            }
        }

        return entries;
    }

    private static void PutChecksumsRight(Span<byte> file)
    {
        const int HeaderSum = 36;
        if (file.Length < JournalFormat.HeaderBytes)
        {
            return;
        }

        BinaryPrimitives.WriteUInt32LittleEndian(file[HeaderSum..], JournalFormat.Checksum(file[..HeaderSum]));
        file = file[JournalFormat.HeaderBytes..];
        while (file.Length >= JournalFormat.EntryHeadBytes)
        {
            long length = 8L + BinaryPrimitives.ReadUInt32LittleEndian(file);
            bool isEntry = length >= JournalFormat.EntryHeadBytes && length <= file.Length;
            if (isEntry)
            {
                BinaryPrimitives.WriteUInt32LittleEndian(file[4..], JournalFormat.Checksum(file[..4], file[8..(int)length]));
            }

            file = file[(isEntry ? (int)length : 1)..];
        }
    }

    private sealed record Entry(string Room, long Id, bool IsMessage, byte[] Frame);
}
