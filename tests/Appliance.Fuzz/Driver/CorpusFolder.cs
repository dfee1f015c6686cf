namespace Appliance.Fuzz.Driver;

/// <summary>The files of a corpus: those in the tree, and those that runs on this machine have found.</summary>
internal static class CorpusFolder
{
    private const int KeptFilesMax = 64;
    private const int KeptBytesMax = 24 << 10;
    private const int HashLetters = 12;

    /// <summary>All inputs, and the words of the format.</summary>
    public static IEnumerable<byte[]> Read(FuzzTarget row, bool isFresh) =>
        Files(FuzzFolders.CorpusOf(row.Name)).Concat(isFresh ? [] : Files(FoundOf(row)))
            .Select(File.ReadAllBytes).Where(input => input.Length <= row.BytesMax)
            .Concat(row.WordBytes).Append([]);

    /// <summary>Writes what was found; the best of it into the tree if it is to be kept, in place of what was found before.</summary>
    public static void Write(FuzzTarget row, IReadOnlyList<CorpusEntry> entries, bool keeps)
    {
        Fill(Directory.CreateDirectory(FoundOf(row)).FullName, entries.Select(entry => entry.Bytes));
        if (keeps)
        {
            string folder = FuzzFolders.CorpusOf(row.Name);
            foreach (string former in Files(folder).Where(IsFound))
            {
                File.Delete(former);
            }

            Fill(folder, Best(entries));
        }
    }

    private static string FoundOf(FuzzTarget row) => Path.Combine(FuzzFolders.WorkOf(row.Name), "corpus");

    private static string[] Files(string folder) => Directory.Exists(folder) ? Directory.GetFiles(folder) : [];

    /// <summary>Inputs that people have made have words for names.</summary>
    private static bool IsFound(string path) =>
        Path.GetFileName(path) is { Length: HashLetters } name && name.All(char.IsAsciiHexDigitLower);

    /// <summary>Of those that own most features as many as fit.</summary>
    private static IEnumerable<byte[]> Best(IReadOnlyList<CorpusEntry> entries)
    {
        int bytes = 0;
        return entries.OrderByDescending(entry => entry.Owned).Take(KeptFilesMax)
            .TakeWhile(entry => (bytes += entry.Bytes.Length) <= KeptBytesMax)
            .Select(entry => entry.Bytes);
    }

    private static void Fill(string folder, IEnumerable<byte[]> inputs)
    {
        foreach (byte[] input in inputs)
        {
            File.WriteAllBytes(Path.Combine(folder, FuzzFolders.NameOf(input)), input);
        }
    }
}
