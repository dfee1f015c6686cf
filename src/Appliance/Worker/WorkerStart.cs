using System.Globalization;
using Appliance.Loop;
using Appliance.Rooms;

namespace Appliance.Worker;

/// <summary>What a worker needs before it serves: the first message of its master, a line of <c>name value</c> for each, then the settings.</summary>
public sealed record WorkerStart
{
    private const string RoomLogName = "room-log";
    private const string LayoutName = "layout";
    private const string ListenersName = "listeners";
    private const string WakeupsName = "wakeups";
    private const string KeysName = "keys";

    /// <summary>Id of the segment of the room logs.</summary>
    public required int RoomLog { get; init; }

    /// <summary>Its layout.</summary>
    public required RoomLogLayout Layout { get; init; }

    /// <summary>Its listening sockets, which it inherits.</summary>
    public required IReadOnlyList<(int Descriptor, ListenKind Kind)> Listeners { get; init; }

    /// <summary>Descriptors of the wake-ups of slots, which it inherits.</summary>
    public required IReadOnlyList<(WorkerSlot Slot, int Descriptor)> Wakeups { get; init; }

    /// <summary>A file in memory with the keys of tokens, which it inherits; -1 for none.</summary>
    public int Keys { get; init; } = -1;

    /// <summary>The settings, a line of <c>name = value</c> each.</summary>
    public required string Settings { get; init; }

    /// <summary>The message.</summary>
    public string Write() => string.Create(
        CultureInfo.InvariantCulture,
        $"""
        {RoomLogName} {RoomLog}
        {LayoutName} {Layout.Version} {Layout.Rooms} {Layout.RingBytes}
        {ListenersName} {string.Join(' ', Listeners.Select(listener => $"{listener.Descriptor}:{ListenKinds.RowOf(listener.Kind).Word}"))}
        {WakeupsName} {string.Join(' ', Wakeups.Select(wakeup => $"{wakeup.Slot}:{wakeup.Descriptor}"))}
        {KeysName} {(Keys < 0 ? "" : $"{Keys}")}
        {Settings}
        """);

    /// <summary>Reads a message.</summary>
    /// <exception cref="IOException">It is none; names the line.</exception>
    public static WorkerStart Read(string message)
    {
        string[] lines = message.Split('\n', 6);
        int roomLog = NumbersOf(lines, 0, RoomLogName, count: 1)[0];
        int[] layout = NumbersOf(lines, 1, LayoutName, count: 3);
        return new WorkerStart
        {
            RoomLog = roomLog,
            Layout = new RoomLogLayout(layout[1], layout[2], (uint)layout[0]),
            Listeners = [.. PairsOf(lines, 2, ListenersName).Select(pair => (pair.Number, ListenKinds.OfName(pair.Word)))],
            Wakeups = [.. PairsOf(lines, 3, WakeupsName).Select(pair => (new WorkerSlot(pair.Number), NumberOf(pair.Word, WakeupsName)))],
            Keys = WordsOf(lines, 4, KeysName) is [var keys] ? NumberOf(keys, KeysName) : -1,
            Settings = lines.Length > 5 ? lines[5] : "",
        };
    }

    private static int[] NumbersOf(string[] lines, int line, string name, int count)
    {
        int[] numbers = [.. WordsOf(lines, line, name).Select(word => NumberOf(word, name))];
        return numbers.Length == count ? numbers : throw Malformed(name, lines[line]);
    }

    private static IEnumerable<(int Number, string Word)> PairsOf(string[] lines, int line, string name) =>
        from word in WordsOf(lines, line, name)
        let pair = word.Split(':')
        select pair.Length == 2 ? (NumberOf(pair[0], name), pair[1]) : throw Malformed(name, word);

    private static string[] WordsOf(string[] lines, int line, string name) =>
        line < lines.Length && (lines[line] == name || lines[line].StartsWith($"{name} ", StringComparison.Ordinal))
            ? lines[line][name.Length..].Split(' ', StringSplitOptions.RemoveEmptyEntries)
            : throw Malformed(name, line < lines.Length ? lines[line] : "");

    private static int NumberOf(string word, string name) =>
        int.TryParse(word, NumberStyles.None, CultureInfo.InvariantCulture, out int number) ? number : throw Malformed(name, word);

    private static IOException Malformed(string name, string value) =>
        new($"the start of a worker: '{value}' is no {name}; a worker is started by its master alone");
}
