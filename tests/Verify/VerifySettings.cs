namespace VerifyTests;

/// <summary>What a snapshot is named and which of its lines vary from run to run.</summary>
public class VerifySettings
{
    private readonly List<Func<string, string?>> _scrubbers = [];

    /// <summary>Settings with nothing scrubbed, or a copy of <paramref name="other"/>.</summary>
    public VerifySettings(VerifySettings? other = null)
    {
        if (other is null)
        {
            return;
        }

        _scrubbers.AddRange(other._scrubbers);
        Directory = other.Directory;
        ParametersText = other.ParametersText;
    }

    internal string Directory { get; private set; } = "";

    internal string? ParametersText { get; private set; }

    /// <summary>Puts the file into a folder, relative to the test's source file.</summary>
    public void UseDirectory(string directory) => Directory = directory;

    /// <summary>Names the case of a table: the file is TYPE.METHOD_TEXT.verified.txt.</summary>
    public void UseTextForParameters(string parametersText) => ParametersText = parametersText;

    /// <summary>Replaces each line by what <paramref name="replaceLine"/> returns; null removes the line.</summary>
    public void ScrubLinesWithReplace(Func<string, string?> replaceLine) => _scrubbers.Add(replaceLine);

    /// <summary>Removes each line that contains one of the texts, in any case.</summary>
    public void ScrubLinesContaining(params string[] stringToMatch) =>
        ScrubLinesWithReplace(line => Array.Exists(stringToMatch, text => line.Contains(text, StringComparison.OrdinalIgnoreCase)) ? null : line);

    internal string Scrub(string text)
    {
        IEnumerable<string> lines = text.ReplaceLineEndings("\n").Split('\n');
        foreach (var scrubber in _scrubbers)
        {
            lines = lines.Select(scrubber).OfType<string>();
        }

        return string.Join('\n', lines);
    }
}
