using System.Runtime.CompilerServices;
using System.Text.RegularExpressions;
using Appliance.Chat;
using Appliance.Connections;
using Appliance.Logging;
using Appliance.Loop;
using Appliance.Metrics;
using Appliance.Moving;
using Appliance.Operators;
using Appliance.Protocols.WebSocket;
using Appliance.Rooms;

namespace Appliance.Tests;

/// <summary>What no compiler checks and a reader of the sources counts on. A failure names file and line.</summary>
public sealed partial class TidyTests
{
    private const int ColumnsMax = 160;
    private const int LinesMax = 400;

    /// <summary>Files that people write.</summary>
    private static readonly string[] Kinds = [".cs", ".md", ".csproj", ".props", ".sh", ".ps1", ".js", ".css", ".html", ".json", ".yml", ".conf", ".service"];

    /// <summary>What no line may be: the fault, the kinds of files in which it is one, and whether a line has it.</summary>
    private static readonly Dictionary<string, (string[] Kinds, Func<string, bool> Has)> Faults = new(StringComparer.Ordinal)
    {
        ["a tab"] = (Kinds, line => line.Contains('\t', StringComparison.Ordinal)),
        ["white space at the end of a line"] = (Kinds, line => line.Length > 0 && char.IsWhiteSpace(line[^1])),
        ["a carriage return"] = (Kinds, line => line.Contains('\r', StringComparison.Ordinal)),
        ["something left to do"] = ([".cs", ".md"], line => LeftToDo().IsMatch(line)),
        ["a line of code of more than 160 columns"] = ([".cs"], line => line.Length > ColumnsMax),
        ["a line of text of more than 160 columns, no table and no link"] =
            ([".md"], line => line.Length > ColumnsMax && line[0] != '|' && !line.Contains("](", StringComparison.Ordinal)),
    };

    /// <summary>Sizes that comments and documents name: the file, its words for it, and what the compiler says.</summary>
    private static readonly (string File, string Words, int Bytes)[] Sizes =
    [
        ("ARCHITECTURE.md", "**A connection is {0} bytes**", Unsafe.SizeOf<Connection>()),
        ("ARCHITECTURE.md", "A connection is a descriptor and {0} bytes", Unsafe.SizeOf<ConnectionRecord>()),
        ("src/Appliance/Connections/Connection.cs", "One client: its socket is the index in the table. {0} bytes", Unsafe.SizeOf<Connection>()),
        ("src/Appliance/Chat/RateLimit.cs", "{0} bytes a connection", Unsafe.SizeOf<RateLimit>()),
        ("src/Appliance/Rooms/RoomLogLayout.cs", "RoomHeader, {0} bytes a room", Unsafe.SizeOf<RoomHeader>()),
        ("src/Appliance/Rooms/RoomLogLayout.cs", "FollowerMark, {0} bytes for each", Unsafe.SizeOf<FollowerMark>()),
        ("src/Appliance/Rooms/RoomLogLayout.cs", "RecordDetails: {0} bytes an entry", Unsafe.SizeOf<RecordDetails>()),
        ("src/Appliance/Rooms/WorkerHeader.cs", "public const int Bytes = {0};", Unsafe.SizeOf<WorkerHeader>()),
        ("src/Appliance/Metrics/WorkerFigures.cs", "public const int Bytes = {0};", Unsafe.SizeOf<WorkerFigures>()),
    ];

    /// <summary>Tables of the product and the documents that repeat them by hand: what each row must leave there.</summary>
    private static readonly (string Table, string File, Regex Part, IEnumerable<string> Rows)[] Tables =
    [
        ("close codes", "README.md", CloseCodesOfReadme(), CloseCodes.Sent.Select(row => $"{(int)row.Code}")),
        ("signals", "README.md", SignalsOfReadme(), SignalTable.Rows.Where(row => row.Help.Length > 0).GroupBy(row => row.Help, StringComparer.Ordinal)
            .Select(rows => (Names: string.Join(", ", rows.Select(row => row.Name)), rows.First().Command))
            .SelectMany(row => (string[])[$"| {row.Names} |", row.Command.Length > 0 ? $"| `{row.Command}` |" : "| |"])),
        ("error codes", "README.md", WholeText(), RefusedMessages.All),
        ("commands of the control queue", "README.md", ControlOfReadme(),
            ControlWords.Rows.Select(row => row.Word == ControlCommand.JsonWord ? "{" : row.Word)),
        ("exit statuses", "pkg/root/usr/share/man/man8/appliance.8", ExitStatusOfManual(), ["\n.B 0\n", "\n.B 1\n", "\n.B 2\n"]),
    ];

    public static TheoryData<string> FaultNames => [.. Faults.Keys];

    public static TheoryData<int> SizeRows => [.. Enumerable.Range(0, Sizes.Length)];

    public static TheoryData<int> TableRows => [.. Enumerable.Range(0, Tables.Length)];

    private static IReadOnlyList<(string Name, LogEvent Event)> Events { get; } =
    [
        .. typeof(EventCatalogue).GetFields().Where(field => field.FieldType == typeof(LogEvent))
            .Select(field => (field.Name, (LogEvent)field.GetValue(null)!)),
    ];

    [Theory]
    [MemberData(nameof(FaultNames))]
    public void No_file_has(string fault)
    {
        var (kinds, has) = Faults[fault];
        Report(
            from file in kinds.SelectMany(SourceTree.Written)
            from line in SourceTree.Text(file).Split('\n').Index()
            where has(line.Item)
            select $"{file}:{line.Index + 1}: {fault}: {line.Item.Trim()}");
    }

    [Fact]
    public void Every_file_ends_with_one_line_break() => Report(
        from file in Kinds.SelectMany(SourceTree.Written)
        let text = SourceTree.Text(file)
        where !text.EndsWith('\n') || text.EndsWith("\n\n", StringComparison.Ordinal)
        select $"{file}:{text.Count(letter => letter == '\n')}: ends without a line break, or with more than one");

    [Fact]
    public void No_file_of_code_has_more_than_400_lines() => Report(
        from file in SourceTree.Written(".cs")
        let lines = SourceTree.Text(file).Count(letter => letter == '\n')
        where lines > LinesMax
        select $"{file}:{LinesMax + 1}: {lines} lines");

    [Fact]
    public void Events_stand_in_the_order_of_their_numbers_which_are_unique() => Report(
        from pair in Events.Zip(Events.Skip(1))
        where pair.First.Event.Id >= pair.Second.Event.Id
        select $"EventCatalogue.{pair.Second.Name}, {pair.Second.Event.Id}, stands behind {pair.First.Name}, {pair.First.Event.Id}");

    [Fact]
    public void Events_get_as_many_values_as_they_have_fields()
    {
        var fields = Events.ToDictionary(row => row.Name, row => Field().Count(row.Event.Template), StringComparer.Ordinal);
        Report(
            from call in EventCall.All
            where !call.IsUnderstood || (call.Fields is { } given && given != fields[call.Name])
            select call.IsUnderstood
                ? $"{call.Where}: {call.Name} has {fields[call.Name]} fields, the call {call.Fields}"
                : $"{call.Where}: {call.Name} stands in no call that this test understands");
        var written = EventCall.All.Where(call => call.Fields is not null).Select(call => call.Name);
        Report(fields.Keys.Except(written, StringComparer.Ordinal).Select(name => $"EventCatalogue.{name} is never written"));
    }

    [Theory]
    [MemberData(nameof(SizeRows))]
    public void Size_is_what_is_said(int row)
    {
        var (file, words, bytes) = Sizes[row];
        string expected = string.Format(System.Globalization.CultureInfo.InvariantCulture, words, bytes);
        Assert.True(SourceTree.Text(file).Contains(expected, StringComparison.Ordinal), $"{file}: does not say '{expected}'");
    }

    [Theory]
    [MemberData(nameof(TableRows))]
    public void Document_has_every_row(int row)
    {
        var (table, file, part, rows) = Tables[row];
        string text = part.Match(SourceTree.Text(file)).Value;
        Report(rows.Where(word => !text.Contains(word, StringComparison.Ordinal)).Select(word => $"{file}: of the {table}, {word.Trim()} is missing"));
    }

    private static void Report(IEnumerable<string> faults)
    {
        string[] found = [.. faults];
        Assert.True(found.Length == 0, $"{found.Length} faults:\n{string.Join('\n', found.Take(50))}");
    }

    [GeneratedRegex(@"\b(TO[D]O|FIX[M]E)\b", RegexOptions.ExplicitCapture, 1000)]
    private static partial Regex LeftToDo();

    [GeneratedRegex(@"\{\w+\}", RegexOptions.None, 1000)]
    private static partial Regex Field();

    [GeneratedRegex(".*", RegexOptions.Singleline, 1000)]
    private static partial Regex WholeText();

    [GeneratedRegex(@"(?<=\nClose codes: ).*?\n\n", RegexOptions.Singleline, 1000)]
    private static partial Regex CloseCodesOfReadme();

    [GeneratedRegex(@"(?<=\n\| signal \| effect \| command \|\n).*?\n\n", RegexOptions.Singleline, 1000)]
    private static partial Regex SignalsOfReadme();

    [GeneratedRegex(@"(?<=\n\| command \| effect \|\n).*?\n\n", RegexOptions.Singleline, 1000)]
    private static partial Regex ControlOfReadme();

    [GeneratedRegex("(?<=\n\\.SH \"EXIT STATUS\").*?(?=\n\\.SH)", RegexOptions.Singleline, 1000)]
    private static partial Regex ExitStatusOfManual();
}
