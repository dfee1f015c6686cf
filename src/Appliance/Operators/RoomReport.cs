using System.Buffers;
using System.Globalization;
using System.Text;
using Appliance.Loop;
using Appliance.Protocols;
using Appliance.Rooms;

namespace Appliance.Operators;

/// <summary>
/// Answers about rooms and the server as a whole, out of shared memory and without a lock: the outcome in the first line, then a JSON
/// object a line.
/// </summary>
internal static class RoomReport
{
    private const int HistoryDefault = 50;
    private const int HistoryMax = 10_000;

    /// <summary>Room for the first line of an answer.</summary>
    internal const int OutcomeBytesMax = 64;

    /// <summary>Room for the line that tells a gap.</summary>
    private const int GapBytesMax = 128;

    /// <summary>The server in one object, with the names of the monitoring port.</summary>
    public static string Status(RoomLog rooms, int pid, long unixMs)
    {
        int workers = 0;
        long connections = 0;
        long messages = 0;
        long deliveries = 0;
        long restarts = 0;
        for (int index = 0; index < RoomLogLayout.WorkerSlots; index++)
        {
            var slot = new WorkerSlot(index);
            if (!Scoreboard.IsUsed(rooms, slot))
            {
                continue;
            }

            ref var worker = ref rooms.Worker(slot);
            var figures = Scoreboard.Figures(rooms, slot);
            workers += worker.Pid > 0 ? 1 : 0;
            connections += worker.Connections;
            messages += figures.Requests;
            deliveries += figures.Deliveries;
            restarts += worker.Restarts;
        }

        return Text($$"""
            ok
            {"pid":{{pid}},"uptime_seconds":{{Math.Max(0, unixMs - rooms.Header.ReadyMs) / 1000}},"workers":{{workers}},
            """) + Text($$"""
            "connections":{{connections}},"requests":{{messages}},"deliveries":{{deliveries}},"rooms":{{rooms.RoomCount()}},"restarts":{{restarts}}}
            """);
    }

    /// <summary><c>rooms [CURSOR]</c>: a page of rooms, from a slot on.</summary>
    public static string Rooms(RoomLog rooms, string arguments, int bytesMax)
    {
        if (!TryNumber(arguments.Length == 0 ? "0" : arguments, out long from))
        {
            return $"failed {PrintableText.Quote(arguments)} is not a cursor from an answer's first line: more CURSOR";
        }

        var lines = new StringBuilder();
        for (int slot = (int)Math.Min(from, rooms.Layout.Rooms); slot < rooms.Layout.Rooms; slot++)
        {
            var name = rooms.NameOf(slot);
            if (name.IsEmpty)
            {
                continue;
            }

            string line = RoomLine(rooms, slot, Encoding.ASCII.GetString(name));
            if (lines.Length + line.Length > bytesMax - OutcomeBytesMax)
            {
                return Text($"more {slot}{lines}");
            }

            _ = lines.Append(line);
        }

        return $"ok{lines}";
    }

    /// <summary><c>history [@ROOM] [last N | after ID]</c>: a page of a room's log, oldest first; the first line also names the last id.</summary>
    public static string History(RoomLog rooms, string arguments, int bytesMax)
    {
        string[] words = CommandText.Words(arguments);
        string room = words is [['@', ..], ..] ? words[0][1..] : "lobby";
        string[] which = words is [['@', ..], ..] ? words[1..] : words;
        long number = HistoryDefault;
        if (which is not ([] or ["last" or "after", _]) || (which.Length > 0 && !TryNumber(which[1], out number)))
        {
            return "failed expected: history [@ROOM] [last N | after ID]";
        }

        int slot = rooms.Find(Encoding.UTF8.GetBytes(room));
        if (slot < 0)
        {
            return $"failed there is no room {PrintableText.Quote(room)}";
        }

        var ring = rooms.Ring(slot);
        long after = which is ["after", _] ? number : RoomReader.IdBeforeLast(ring, (int)Math.Min(number, HistoryMax));
        var lines = new ArrayBufferWriter<byte>();
        var page = RoomReader.Read(ring, after, bytesMax - OutcomeBytesMax - GapBytesMax, lines);
        string gap = page.Gap ? GapLine(page.AfterId) : "";
        string text = Encoding.UTF8.GetString(lines.WrittenSpan).TrimEnd('\n');
        return Text($"{(page.HasMore ? "more" : "ok")} {page.LastId}{gap}{(text.Length > 0 ? "\n" : "")}{text}");
    }

    private static string GapLine(long afterId) => Text($$"""

        {"type":"gap","message":"Some messages are missing here.","id":"{{afterId:D16}}"}
        """);

    private static string RoomLine(RoomLog rooms, int slot, string name)
    {
        var ring = rooms.Ring(slot);
        return Text($$"""

            {"room":"{{name}}","clients":{{ring.MemberCount}},"messages":{{ring.RecordCount}},"last_id":"{{ring.LastId}}","bytes":{{ring.Head - ring.Tail}}}
            """);
    }

    private static bool TryNumber(string text, out long number) => long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out number);

    private static string Text(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
