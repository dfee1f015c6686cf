using System.Text;
using DiffPlex;
using DiffPlex.DiffBuilder;
using DiffPlex.DiffBuilder.Model;

namespace VerifyTests;

/// <summary>The two files of one snapshot: *.verified.txt is part of the repository, *.received.txt is left by a failure.</summary>
internal static class Snapshot
{
    internal static async Task CompareAsync(string target, VerifySettings settings, string sourceFile, string methodName)
    {
        var folder = Path.Combine(Path.GetDirectoryName(sourceFile)!, settings.Directory);
        var name = $"{Path.GetFileNameWithoutExtension(sourceFile)}.{methodName}";
        var path = Path.Combine(folder, settings.ParametersText is { } text ? $"{name}_{text}" : name);
        var verifiedFile = path + ".verified.txt";
        var receivedFile = path + ".received.txt";

        var received = settings.Scrub(target);
        var verified = File.Exists(verifiedFile)
            ? (await File.ReadAllTextAsync(verifiedFile)).ReplaceLineEndings("\n")
            : null;
        if (string.Equals(received, verified, StringComparison.Ordinal))
        {
            File.Delete(receivedFile);
            return;
        }

        _ = Directory.CreateDirectory(folder);
        await File.WriteAllTextAsync(receivedFile, received);
        throw new VerifyException(verified is null
            ? $"Nothing is verified yet. If this text is right: mv '{receivedFile}' '{verifiedFile}'\n{received}"
            : $"Differs from {verifiedFile}. If the new text is right: mv '{receivedFile}' '{verifiedFile}'\n{Difference(verified, received)}");
    }

    private static string Difference(string verified, string received)
    {
        var lines = new StringBuilder();
        foreach (var line in new InlineDiffBuilder(new Differ()).BuildDiffModel(verified, received).Lines.Where(line => line.Type != ChangeType.Unchanged))
        {
            _ = lines.Append(line.Type == ChangeType.Inserted ? "+ " : "- ").Append(line.Text).Append('\n');
        }

        return lines.Length > 0 ? lines.ToString() : "(only the line end at the end of the text differs)\n";
    }
}
