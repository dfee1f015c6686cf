namespace Appliance.SystemTests.Harness;

/// <summary>A block of code in README.md.</summary>
/// <param name="Heading">The heading that it stands below.</param>
/// <param name="Lines">Its lines, without the indentation.</param>
public sealed record ReadmeBlock(string Heading, IReadOnlyList<string> Lines);

/// <summary>One line that is typed in a shell: what is typed, and what the remark behind it says.</summary>
/// <param name="Command">What is typed.</param>
/// <param name="Remark">What stands behind <c>#</c>; empty when nothing does.</param>
public sealed record ReadmeLine(string Command, string Remark)
{
    private const string EndedByHand = "(Ctrl-C ends it)";
    private const string Php = "<?php ";

    /// <summary>Whether it goes on until somebody ends it.</summary>
    public bool IsEndedByHand => Remark.Contains(EndedByHand, StringComparison.Ordinal);

    /// <summary>What PHP does at the other end; null when nothing.</summary>
    public string? PhpCode => Remark.StartsWith(Php, StringComparison.Ordinal) ? Remark[Php.Length..] : null;

    /// <summary>Splits a line of a block.</summary>
    public static ReadmeLine Of(string line)
    {
        var remark = line.IndexOf("  # ", StringComparison.Ordinal);
        return remark < 0 ? new ReadmeLine(line.Trim(), "") : new ReadmeLine(line[..remark].Trim(), line[(remark + 4)..].Trim());
    }
}

/// <summary>README.md of the working copy, and the code that it shows.</summary>
public static class Readme
{
    private const string Indentation = "    ";

    /// <summary>All blocks, in their order.</summary>
    public static IReadOnlyList<ReadmeBlock> Blocks { get; } = [.. Read()];

    /// <summary>The blocks below a heading.</summary>
    public static IReadOnlyList<ReadmeBlock> Below(string heading) => [.. Blocks.Where(block => block.Heading == heading)];

    private static IEnumerable<ReadmeBlock> Read()
    {
        var heading = "";
        List<string> lines = [];
        foreach (var line in File.ReadLines(Repository.File("README.md")).Append(""))
        {
            if (line.StartsWith(Indentation, StringComparison.Ordinal))
            {
                lines.Add(line[Indentation.Length..]);
                continue;
            }

            if (lines.Count > 0)
            {
                yield return new ReadmeBlock(heading, lines);
                lines = [];
            }

            heading = line.StartsWith("## ", StringComparison.Ordinal) ? line[3..] : heading;
        }
    }
}
