using System.Globalization;
using System.Reflection;
using System.Text.RegularExpressions;
using Appliance.Native;

namespace Appliance.Tests;

/// <summary>Limits are constants of the layer that keeps them; one table lists them all, and what must hold between them is held here.</summary>
public sealed partial class LimitTests
{
    /// <summary>Layers whose limits are the system's, PHP's or of one command.</summary>
    private static readonly string[] Unlisted = ["Native", "SystemV", "Php", "Cli", "Config"];

    /// <summary>Every constant of the product that is a number, by the name of its type and its own.</summary>
    private static readonly ILookup<string, long> Constants = (
        from type in typeof(Syscall).Assembly.GetTypes()
        where type.Namespace?.StartsWith("Appliance.", StringComparison.Ordinal) == true && !type.IsEnum
        from field in type.GetFields(BindingFlags.Public | BindingFlags.NonPublic | BindingFlags.Static | BindingFlags.DeclaredOnly)
        where field.IsLiteral && field.GetRawConstantValue() is int or long or uint
        select (Name: $"{type.Name}.{field.Name}", Value: Convert.ToInt64(field.GetRawConstantValue(), CultureInfo.InvariantCulture)))
        .ToLookup(one => one.Name, one => one.Value, StringComparer.Ordinal);

    /// <summary>Rows of docs/limits.md: name, value, reason.</summary>
    private static readonly Match[] Rows = [.. Row().Matches(SourceTree.Text("docs/limits.md")).Cast<Match>()];

    public static TheoryData<string> Relations =>
    [
        // A reader that is overtaken in a send must see it: the guard is as large as the largest append.
        "RoomLogLayout.GuardShare >= 2",
        "ChatRooms.AnnouncementBytesMax <= RoomLogLayout.RingBytesMin / RoomLogLayout.GuardShare",
        "RoomLogLayout.RecordBytesMin > FrameLength.ServerHeaderBytesMax",
        "RoomLogLayout.RingBytesMax <= 1073741824",
        "RoomLogLayout.RingBytesMin <= RoomLogLayout.RingBytesMax",

        // The first piece of a room and its part of the index fill two pages.
        "RoomLogLayout.FirstPieceBytes + 8 * RoomLogLayout.FirstPieceBytes / RoomLogLayout.RecordBytesMin <= 2 * RoomLogLayout.PageBytes",
        "RoomMemory.ShareBytesMin <= RoomLogLayout.RingBytesMin",
        "RoomMemory.RoomBytesMin <= RoomMemory.ShareBytesMin",
        "RoomMemory.StepBytesMin <= RoomMemory.StepBytesMax",

        // Every slot has a bit in a set of workers.
        "RoomLogLayout.Slots <= WorkerSet.WordCount * WorkerSet.WordBits",
        "Settings.WorkersMax == RoomLogLayout.WorkersMax",
        "Sample.WorkersMax == RoomLogLayout.WorkersMax",
        "RoomName.BytesMax == RoomHeader.NameBytesMax",
        "ChatEncoder.IdDigits == RoomRing.IdDigits",
        "RoomLog.StartIdMax < RoomLog.KeptIdMax",
        "RoomLog.KeptIdMax < 9007199254740992",
        "TlsSettings.PairsMax == TlsCredentials.PairsMax",
        "ListenAddress.UnixPathBytesMax == SocketAddress.UnixPathBytesMax",

        // What a client can have waiting, and what a turn reads and sends.
        "HttpRequestReader.HeadBytesMax <= ClientServer.ReadBytesMax",
        "ClientServer.ReadBytesMax <= ClientServer.BusyTurnBytesMax",
        "ClientServer.BusyTurnBytesMax <= ClientServer.TurnBytesMax",
        "WebSocketEndpoint.WaitingAnswersBytesMax + ClientServer.ReadBytesMax <= HttpResponder.PipelinedBytesMax",
        "ChatRooms.BatchBytesMax <= LogDelivery.RequestBytesMax",
        "LogDelivery.SealBytesMax <= LogDelivery.SealedBytesMax",
        "LogDelivery.SealedBytesMax + LogDelivery.RequestBytesMax <= LogDelivery.SealedListBytesMax",
        "Acceptor.AcceptsMax <= WorkerLoop.EventsMax",
        "Drain.ReasonBytesMax + 2 <= FrameLength.ControlPayloadBytesMax",
        "FrameLength.ServerHeaderBytesMax + 4 == FrameLength.ClientHeaderBytesMax",
        "HandoverBatch.ConnectionsMax + 1 == Syscall.RightsMax",
        "Gathering.RoomMembersMax <= HandoverBatch.ConnectionsMax",
        "DescriptorBudget.AnsweredMax <= DescriptorBudget.ReserveMax",

        // A command, in whatever coding, fits into a message to a worker, and an outcome into the least answer.
        "ControlCommand.BytesMax + 8192 <= ControlChannel.TextBytesMax",

        // So do all settings, however many hosts they name.
        "AllowedOrigins.PatternsMax * Authority.HostBytesMax + AllowedOrigins.PatternsMax * Origin.SchemeBytesMax"
            + " + ServedHosts.NamesMax * Authority.HostBytesMax + 2 * NetworkList.NetworksMax * 64 + 8192 <= ControlChannel.TextBytesMax",
        "CommandDispatcher.CommandsPerTurn <= ControlQueue.InboxMax",
        "ControlQueue.InboxMax <= CommandDispatcher.OpenQuestionsMax",
        "CommandDispatcher.OutcomeBytesMax + 2 * OperatorCommands.ClientBytesMax <= CommandDispatcher.ListBytesMin",
        "RoomReport.OutcomeBytesMax + RoomReport.GapBytesMax <= CommandDispatcher.ListBytesMin",

        // The largest message that settings allow fits into an entry of the journal, and that into every buffer that it passes through.
        "2 * ChatLimits.CharactersMax * ChatLimits.BytesPerCharacterMax + ChatEncoder.FixedBytesMax + FrameLength.ServerHeaderBytesMax"
            + " <= JournalFormat.FrameBytesMax",
        "FollowerCursors.BytesMax == JournalFormat.FrameBytesMax",
        "JournalFormat.EntryBytesMax <= JournalBatch.Capacity",
        "JournalFormat.EntryBytesMax * 2 <= JournalReader.BufferBytes",
        "JournalBatch.Capacity <= JournalWriter.TurnBytesMax",
        "JournalFormat.FrameBytesMax <= RoomLogLayout.RingBytesMax / RoomLogLayout.GuardShare",
    ];

    [Fact]
    public void Table_has_every_limit()
    {
        var limits = Constants.Select(one => one.Key)
            .Where(name => Limit().IsMatch(name) && !Unlisted.Contains(LayerOf(name), StringComparer.Ordinal));
        var rows = Rows.Select(row => row.Groups["name"].Value).ToList();
        Assert.Empty(limits.Except(rows, StringComparer.Ordinal));
        Assert.Equal(rows.Count, rows.Distinct(StringComparer.Ordinal).Count());
    }

    [Fact]
    public void Table_has_the_values_of_the_constants() => Assert.All(
        Rows,
        row => Assert.Equal(
            (row.Groups["name"].Value, Constants[row.Groups["name"].Value].Single()),
            (row.Groups["name"].Value, long.Parse(row.Groups["value"].Value, NumberStyles.AllowThousands, CultureInfo.InvariantCulture))));

    [Theory]
    [MemberData(nameof(Relations))]
    public void Relation_holds(string relation)
    {
        var sides = Relation().Match(relation);
        var (left, right) = (Sum(sides.Groups["left"].Value), Sum(sides.Groups["right"].Value));
        bool holds = sides.Groups["sign"].Value switch
        {
            "<" => left < right,
            "<=" => left <= right,
            ">" => left > right,
            ">=" => left >= right,
            _ => left == right,
        };
        Assert.True(holds, $"{relation}: {left} {sides.Groups["sign"].Value} {right}");
    }

    private static long Sum(string terms) => terms.Split(" + ").Sum(Product);

    /// <summary>Factors and divisors, from left to right: numbers, and constants by their names.</summary>
    private static long Product(string factors)
    {
        string[] words = factors.Split(' ');
        long product = Number(words[0]);
        for (int i = 1; i < words.Length; i += 2)
        {
            product = words[i] == "*" ? product * Number(words[i + 1]) : product / Number(words[i + 1]);
        }

        return product;
    }

    private static long Number(string word) => char.IsAsciiDigit(word[0])
        ? long.Parse(word, CultureInfo.InvariantCulture)
        : Constants[word].Distinct().Count() == 1 ? Constants[word].First() : throw new InvalidOperationException($"there is no constant {word}, or several");

    private static string LayerOf(string name) =>
        typeof(Syscall).Assembly.GetTypes().First(type => type.Name == name.Split('.')[0]).Namespace!.Split('.')[1];

    [GeneratedRegex(@"^\| `(?<name>\w+\.\w+)` \| (?<value>[0-9,]+) \| .+ \|$", RegexOptions.ExplicitCapture | RegexOptions.Multiline, 1000)]
    private static partial Regex Row();

    [GeneratedRegex(@"^(?<left>.+) (?<sign><=?|>=?|==) (?<right>.+)$", RegexOptions.ExplicitCapture, 1000)]
    private static partial Regex Relation();

    /// <summary>Names that say a limit of what others cause; times are no such limits.</summary>
    [GeneratedRegex(
        @"\.\w*(Bytes|Accepts|Events|Connections|Requests|Inbox|Questions|Answers|Lines)Max$|PerTurn$|PerSecond(Max)?$", RegexOptions.ExplicitCapture, 1000)]
    private static partial Regex Limit();
}
