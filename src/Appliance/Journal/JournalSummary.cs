using System.Text;

namespace Appliance.Journal;

/// <summary>What a journal has of one room.</summary>
/// <param name="name">The room's name.</param>
public sealed class JournalledRoom(string name)
{
    /// <summary>The room's name.</summary>
    public string Name { get; } = name;

    /// <summary>The highest id.</summary>
    public long LastId { get; set; }

    /// <summary>Where in the file its last entry ends: the later, the newer.</summary>
    public long EndsAt { get; set; }

    /// <summary>The slot of the room that takes its records; -1 for none.</summary>
    public int Slot { get; set; } = -1;
}

/// <summary>What a whole look through a journal has found.</summary>
public sealed class JournalSummary
{
    private readonly Dictionary<string, JournalledRoom> _rooms = new(StringComparer.Ordinal);
    private readonly Dictionary<string, JournalledRoom>.AlternateLookup<ReadOnlySpan<char>> _byName;
    private JournalledRoom? _last;

    private JournalSummary() => _byName = _rooms.GetAlternateLookup<ReadOnlySpan<char>>();

    /// <summary>Its rooms.</summary>
    public IReadOnlyCollection<JournalledRoom> Rooms => _rooms.Values;

    /// <summary>How many entries are whole.</summary>
    public long Entries { get; private set; }

    /// <summary>Where the last whole entry ends.</summary>
    public long WholeUntil { get; private set; }

    /// <summary>Parts that hold no whole entry.</summary>
    public IReadOnlyList<DamagedPart> Damaged { get; private set; } = [];

    /// <summary>Reads a journal from beginning to end.</summary>
    /// <exception cref="IOException">The disk cannot read it.</exception>
    public static JournalSummary Read(JournalFile file)
    {
        var summary = new JournalSummary();
        var reader = new JournalReader(file);
        while (reader.TryRead(out var entry))
        {
            var room = summary.Find(entry.Room) ?? summary.Make(entry.Room);
            room.LastId = Math.Max(room.LastId, entry.Id);
            room.EndsAt = reader.WholeUntil;
            summary.Entries++;
        }

        summary.WholeUntil = reader.WholeUntil;
        summary.Damaged = reader.Damaged;
        return summary;
    }

    /// <summary>The room of a name, or null.</summary>
    public JournalledRoom? Find(ReadOnlySpan<byte> name)
    {
        Span<char> letters = stackalloc char[name.Length];
        _ = Encoding.Latin1.GetChars(name, letters);
        if (_last is null || !letters.SequenceEqual(_last.Name))
        {
            _last = _byName.TryGetValue(letters, out var room) ? room : null;
        }

        return _last;
    }

    private JournalledRoom Make(ReadOnlySpan<byte> name)
    {
        var room = new JournalledRoom(Encoding.Latin1.GetString(name));
        _rooms.Add(room.Name, room);
        return room;
    }
}
