namespace Appliance.Cli;

/// <summary>Lists for people and for programs.</summary>
internal static class ListOutput
{
    /// <summary>Prints objects, which are JSON each, as an array with one of them a line.</summary>
    public static void PrintArray(IEnumerable<string> objects)
    {
        var lines = objects.ToList();
        Console.Out.WriteLine(lines.Count == 0 ? "[]" : $"[{string.Join(",\n", lines)}]");
    }

    /// <summary>Prints rows below their heads, columns two spaces apart; one whose head begins with a dash stands to the right.</summary>
    public static void PrintTable(string[] heads, IEnumerable<string[]> rows)
    {
        string[][] lines = [[.. heads.Select(head => head.TrimStart('-'))], .. rows];
        int[] widths = [.. heads.Select((_, column) => lines.Max(line => line[column].Length))];
        foreach (string[] line in lines)
        {
            var cells = line.Select((cell, column) => heads[column].StartsWith('-') ? cell.PadLeft(widths[column]) : cell.PadRight(widths[column]));
            Console.Out.WriteLine(string.Join("  ", cells).TrimEnd());
        }
    }
}
