using System.CommandLine;
using Appliance.Config;

namespace Appliance.Cli;

/// <summary>What may be typed, and what it means in one line (empty where nobody says).</summary>
internal sealed record CompletionWord(string Word, string Help);

/// <summary>A command, or the program itself.</summary>
/// <param name="Path">Names of the command and of those it belongs to, with spaces between; empty for the program.</param>
/// <param name="Commands">Commands that may follow.</param>
/// <param name="Options">Options that may follow.</param>
/// <param name="TakesDirectory">Whether the name of a directory may follow.</param>
internal sealed record CompletionNode(string Path, IReadOnlyList<CompletionWord> Commands, IReadOnlyList<CompletionWord> Options, bool TakesDirectory)
{
    /// <summary>Names of the command and of those it belongs to.</summary>
    public string[] Names => Path.Split(' ', StringSplitOptions.RemoveEmptyEntries);
}

/// <summary>An option that a value follows.</summary>
/// <param name="Name">With its dashes.</param>
/// <param name="Words">All values; empty where there are too many.</param>
/// <param name="Stands">What stands for the value: FILE, DIR, N.</param>
internal sealed record CompletionValue(string Name, IReadOnlyList<string> Words, string Stands);

/// <summary>The commands and options of the command line, as shells want them.</summary>
internal sealed class CompletionTree
{
    private readonly Dictionary<string, string> _helpOfOptions;

    /// <summary>Reads the tables.</summary>
    public CompletionTree()
    {
        _helpOfOptions = Usage.OptionGroups(Paths.OfSystem)
            .SelectMany(group => group.Rows)
            .ToDictionary(row => row.Left.Split(' ', '=')[0], row => row.Help, StringComparer.Ordinal);
        var root = CommandLine.MakeRoot([]);
        Nodes = [.. Walk(root, "", [])];
        var values = All(root).SelectMany(command => command.Options).Where(TakesValue).Select(ValueOf);
        Values = [.. values.DistinctBy(value => value.Name, StringComparer.Ordinal)];
    }

    /// <summary>The program first, then every command.</summary>
    public IReadOnlyList<CompletionNode> Nodes { get; }

    /// <summary>Every option that a value follows, of whatever command.</summary>
    public IReadOnlyList<CompletionValue> Values { get; }

    private static IEnumerable<Command> All(Command command) => command.Subcommands.SelectMany(All).Prepend(command);

    private static bool TakesValue(Option option) => option.ValueType != typeof(bool);

    private static CompletionValue ValueOf(Option option)
    {
        var row = SettingsTable.Find(option.Name.TrimStart('-'));
        return new CompletionValue(option.Name, row?.Words ?? [], option.Name == "--config" ? "FILE" : row?.Value ?? option.HelpName ?? "");
    }

    private CompletionWord WordOf(Option option) => new(option.Name, _helpOfOptions.GetValueOrDefault(option.Name, option.Description ?? ""));

    private IEnumerable<CompletionNode> Walk(Command command, string path, IReadOnlyList<Option> inherited)
    {
        yield return new CompletionNode(
            path,
            [.. command.Subcommands.Select(child => new CompletionWord(child.Name, HelpOf(child, Join(path, child.Name))))],
            [.. command.Options.Concat(inherited).Select(WordOf)],
            command.Arguments.Any(argument => argument.Name == "DIR"));
        Option[] passedOn = [.. inherited, .. command.Options.Where(option => option.Recursive)];
        foreach (var node in command.Subcommands.SelectMany(child => Walk(child, Join(path, child.Name), passedOn)))
        {
            yield return node;
        }
    }

    private static string HelpOf(Command command, string path) => command.Description
        ?? CommandTable.Rows.FirstOrDefault(row => $"{row.Synopsis} ".StartsWith($"{path} ", StringComparison.Ordinal))?.Help
        ?? "";

    private static string Join(string path, string name) => path.Length == 0 ? name : $"{path} {name}";
}
