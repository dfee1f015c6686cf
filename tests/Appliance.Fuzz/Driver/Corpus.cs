namespace Appliance.Fuzz.Driver;

/// <summary>An input that had features of its own.</summary>
/// <param name="bytes">The input.</param>
/// <param name="features">What its run had.</param>
internal sealed class CorpusEntry(byte[] bytes, int[] features)
{
    public byte[] Bytes { get; } = bytes;

    public int[] Features { get; } = features;

    /// <summary>Of how many features it is the shortest input.</summary>
    public int Owned { get; set; }

    /// <summary>How often it was mutated.</summary>
    public int Chosen { get; set; }
}

/// <summary>The inputs that are mutated: of each feature the shortest that has it, and no others.</summary>
internal sealed class Corpus
{
    private readonly CorpusEntry?[] _owners = new CorpusEntry?[Coverage.FeaturesMax];
    private readonly List<CorpusEntry> _entries = [];

    /// <summary>All of them.</summary>
    public IReadOnlyList<CorpusEntry> Entries => _entries;

    /// <summary>Adds an input; those that own nothing any more go.</summary>
    public void Add(CorpusEntry entry)
    {
        bool orphaned = false;
        foreach (int feature in entry.Features)
        {
            if (_owners[feature] is not { } owner || owner.Bytes.Length > entry.Bytes.Length)
            {
                orphaned |= _owners[feature] is { } former && --former.Owned == 0;
                _owners[feature] = entry;
                entry.Owned++;
            }
        }

        if (entry.Owned > 0)
        {
            _entries.Add(entry);
        }

        if (orphaned)
        {
            _ = _entries.RemoveAll(one => one.Owned == 0);
        }
    }

    /// <summary>The next one to mutate: of two, the one that had fewer turns.</summary>
    public CorpusEntry Choose(Random random)
    {
        var one = _entries[random.Next(_entries.Count)];
        var other = _entries[random.Next(_entries.Count)];
        var chosen = other.Chosen < one.Chosen ? other : one;
        chosen.Chosen++;
        return chosen;
    }

    /// <summary>Any one, for a part of it to be put into another.</summary>
    public CorpusEntry Any(Random random) => _entries[random.Next(_entries.Count)];
}
