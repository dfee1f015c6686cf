using System.Globalization;
using System.Reflection;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Text;
using Appliance.Metrics;
using Appliance.Rooms;
using Appliance.Tests.Rooms;

namespace Appliance.Tests.Fixtures;

/// <summary>
/// A segment of room logs in which every named field has a value of its own, and its pages that are not empty: an offset of 8 bytes, then
/// 4096 bytes, each.
/// </summary>
internal sealed unsafe class RoomLogImage : IDisposable
{
    public const int Rooms = 2;
    public const int RingBytes = RoomLogLayout.RingBytesMin;

    /// <summary>A slot of the second set, and one of the first.</summary>
    private const int Worker = RoomLogLayout.WorkersMax + 1;
    private const int OtherWorker = 1;

    private const int PageBytes = 4096;

    private static readonly string[] Kept = ["Magic", "Reserved", "Version", "Rooms", "RingBytes", "ReloadTextBytes", "ReopenTextBytes"];

    private readonly byte* _base;

    private RoomLogImage(uint version)
    {
        var layout = new RoomLogLayout(Rooms, RingBytes, version);
        _base = (byte*)NativeMemory.AllocZeroed((nuint)layout.SegmentBytes);
        Log = new RoomLog(_base, layout);
    }

    public RoomLog Log { get; }

    /// <summary>As today's code writes it.</summary>
    /// <param name="version">Of its layout.</param>
    /// <param name="names">The fields that there were: others are zero.</param>
    public static RoomLogImage Write(uint version, IReadOnlySet<string> names)
    {
        var image = new RoomLogImage(version);
        var log = image.Log;
        log.WriteHeader();
        ReloadNote.Write(log, failed: true, "what was wrong");
        ReloadNote.WriteReopening(log, "no place: ö");
        log.Create(0, "lobby"u8, RoomLog.HashOf("lobby"u8), MemoryRoomLog.UnixMs);
        log.Create(1, "Grüße"u8, RoomLog.HashOf("Grüße"u8), MemoryRoomLog.UnixMs + 1);
        log.Ring(0).Touch(MemoryRoomLog.UnixMs);
        Append(log.Ring(0), "ann connected", isMessage: false);
        Append(log.Ring(0), "hello, world", isMessage: true);
        Append(log.Ring(0), new string('x', 200), isMessage: true);
        Append(log.Ring(1), "grüß Gott", isMessage: true);
        if (log.Layout.HasDetails)
        {
            Append(log.Ring(1), "a thing", RecordKind.Event, new RecordDetails { Origin = 0x0102_0003_0000_0004, Sender = 5, About = 6 });
            Append(log.Ring(1), "gone", RecordKind.Tombstone, new RecordDetails { About = MemoryRoomLog.FirstId + 1000 });
            log.MarkOf(1, 7) = new FollowerMark { Position = 8, Number = 9 };
            log.Header.AreaOf(SegmentAreaKind.Addresses) = new SegmentArea { Version = 10, EntryBytes = 11, Entries = 12 };
        }

        log.Ring(0).CountMember(new(Worker), 3);
        log.Ring(1).CountMember(new(OtherWorker), 1);
        log.Ring(1).Touch(MemoryRoomLog.UnixMs + 2);
        _ = log.BeginSleep(new(OtherWorker));
        Visit(typeof(SegmentHeader), "segment", image._base, (path, type, at, count) => Fill(path, type, at, count, names, at - (nint)image._base));
        image.VisitWorker((path, type, at, count, offset) => Fill(path, type, at, count, names, offset), stores: true);
        return image;
    }

    /// <summary>As a fixture has it.</summary>
    public static RoomLogImage Of(uint version, ReadOnlySpan<byte> pages)
    {
        var image = new RoomLogImage(version);
        for (; !pages.IsEmpty; pages = pages[(sizeof(long) + PageBytes)..])
        {
            long offset = MemoryMarshal.Read<long>(pages);
            pages.Slice(sizeof(long), PageBytes).CopyTo(new Span<byte>(image._base + offset, PageBytes));
        }

        return image;
    }

    /// <summary>The pages that are not empty.</summary>
    public byte[] ToPages()
    {
        var pages = new MemoryStream();
        for (long offset = 0; offset < Log.Layout.SegmentBytes; offset += PageBytes)
        {
            var page = new ReadOnlySpan<byte>(_base + offset, PageBytes);
            if (page.ContainsAnyExcept((byte)0))
            {
                pages.Write(BitConverter.GetBytes(offset));
                pages.Write(page);
            }
        }

        return pages.ToArray();
    }

    /// <summary>The whole segment, to be put where a server looks for it.</summary>
    public ReadOnlySpan<byte> Bytes => new(_base, (int)Log.Layout.SegmentBytes);

    /// <summary>Every field that today's code knows, a line each, and what can be read of the rooms.</summary>
    public string Describe()
    {
        var text = new StringBuilder();
        void Add(string path, Type type, nint at, int count) =>
            _ = text.Append(CultureInfo.InvariantCulture, $"{path} = {Show(path, type, (byte*)at, count)}\n");
        Visit(typeof(SegmentHeader), "segment", _base, Add);
        VisitWorker((path, type, at, count, _) => Add(path, type, at, count), stores: false);
        for (int kind = 0; Log.Layout.HasDetails && kind < SegmentArea.Kinds; kind++)
        {
            var area = Log.Header.AreaOf((SegmentAreaKind)kind);
            _ = text.Append(
                CultureInfo.InvariantCulture,
                $"area {kind}, {Log.Layout.AreaOffset((SegmentAreaKind)kind)}: {area.Version} {area.EntryBytes} {area.Entries} {area.Reserved}\n");
        }

        for (int room = 0; room < Rooms; room++)
        {
            var ring = Log.Ring(room);
            Visit(typeof(RoomHeader), $"room {room}", (byte*)Log.HeaderOf(room), Add);
            for (int follower = 0; Log.Layout.HasDetails && follower < RoomLogLayout.FollowersMax; follower++)
            {
                var mark = Log.MarkOf(room, follower);
                _ = text.Append(CultureInfo.InvariantCulture, $"follower {follower}: {mark.Position} {mark.Number}\n");
            }

            _ = text.Append(CultureInfo.InvariantCulture, $"found by its name: {Log.Find(Log.NameOf(room))}\n");
            for (long id = ring.NextId - ring.RecordCount; id < ring.NextId; id++)
            {
                long start = ring.PositionIn(ring.IndexOf(id));
                byte* record = ring.Read(start, ring.Head, out _);
                int length = record[1] < 126 ? record[1] + 2 : (record[2] << 8) + record[3] + 4;
                _ = text.Append(
                    CultureInfo.InvariantCulture,
                    $"record {id}, {ring.KindIn(ring.IndexOf(id)) == RecordKind.Chat}: {Convert.ToHexString(new ReadOnlySpan<byte>(record, length))}\n");
                if (Log.Layout.HasDetails)
                {
                    var details = ring.DetailsOf(id);
                    _ = text.Append(
                        CultureInfo.InvariantCulture, $"details of {id}, {ring.KindIn(ring.IndexOf(id))}: {details.Origin} {details.Sender} {details.About}\n");
                }
            }
        }

        return text.ToString();
    }

    public void Dispose() => NativeMemory.Free(_base);

    /// <summary>A text frame, whose first payload bytes become the id.</summary>
    private static void Append(RoomRing ring, string text, bool isMessage) => Append(ring, text, isMessage ? RecordKind.Chat : RecordKind.System, default);

    private static void Append(RoomRing ring, string text, RecordKind kind, RecordDetails details)
    {
        byte[] payload = Encoding.UTF8.GetBytes(new string('0', RoomRing.IdDigits) + text.PadRight(RoomLogLayout.RecordBytesMin));
        byte[] frame = payload.Length < 126 ? [0x81, (byte)payload.Length, .. payload] : [0x81, 126, 0, (byte)payload.Length, .. payload];
        ring.Append(frame, [new LogRecord(frame.Length, frame.Length - payload.Length, kind) { Details = details }]);
    }

    private delegate void Visitor(string path, Type type, nint at, int count);

    /// <summary>
    /// The fields of a worker's header, of its figures, and of what it was at both borders, which are as long as the layout says; with the offset of each
    /// in the segment.
    /// </summary>
    private void VisitWorker(Action<string, Type, nint, int, long> visitor, bool stores)
    {
        byte* start = Log.WorkerAt(new(Worker));
        Visit(typeof(WorkerHeader), "worker", start, (path, type, at, count) => visitor(path, type, at, count, at - (nint)_base));
        int bytes = Log.Layout.FiguresBytes;
        var figures = Scoreboard.Figures(Log, new(Worker));
        Part(typeof(WorkerFigures), "Figures", (byte*)&figures, start + WorkerHeader.Bytes, bytes);
        var before = Scoreboard.Before(Log, new(Worker));
        Part(typeof(WorkerSnapshot), "Before", (byte*)&before, start + WorkerHeader.Bytes + bytes, WorkerSnapshot.BytesBeforeFigures + bytes);
        var after = Scoreboard.After(Log, new(Worker));
        Part(
            typeof(WorkerSnapshot), "After", (byte*)&after, start + WorkerHeader.Bytes + WorkerSnapshot.BytesBeforeFigures + (2 * bytes),
            WorkerSnapshot.BytesBeforeFigures + bytes);

        void Part(Type part, string name, byte* copy, byte* place, int length)
        {
            Visit(part, $"worker.{name}", copy, (path, type, at, count) => visitor(path, type, at, count, place - _base + (at - (nint)copy)));
            if (stores)
            {
                new ReadOnlySpan<byte>(copy, length).CopyTo(new Span<byte>(place, length));
            }
        }
    }

    /// <summary>All fields in the order of their offsets, those of structs inside as well; of a buffer its element's type and how many there are.</summary>
    private static void Visit(Type type, string path, byte* at, Visitor visitor)
    {
        foreach (var field in type.GetFields(BindingFlags.Instance | BindingFlags.Public | BindingFlags.NonPublic).OrderBy(OffsetOf))
        {
            byte* place = at + OffsetOf(field);
            string name = $"{path}.{field.Name}";
            if (field.GetCustomAttribute<FixedBufferAttribute>() is { } buffer)
            {
                visitor(name, buffer.ElementType, (nint)place, buffer.Length);
            }
            else if (field.FieldType.IsPrimitive || field.FieldType.IsEnum)
            {
                visitor(name, field.FieldType.IsEnum ? Enum.GetUnderlyingType(field.FieldType) : field.FieldType, (nint)place, 1);
            }
            else
            {
                Visit(field.FieldType, name, place, visitor);
            }
        }
    }

    private static int OffsetOf(FieldInfo field) => field.GetCustomAttribute<FieldOffsetAttribute>()!.Value;

    /// <summary>Its offset in the segment as the value of each field; buffers stay, and what the layout itself depends on.</summary>
    private static void Fill(string path, Type type, nint at, int count, IReadOnlySet<string> names, long value)
    {
        if (!names.Contains(path) || count > 1 || Kept.Contains(path[(path.LastIndexOf('.') + 1)..], StringComparer.Ordinal))
        {
            return;
        }

        switch (Marshal.SizeOf(type))
        {
            case sizeof(byte):
                *(byte*)at = (byte)value;
                break;
            case sizeof(short):
                *(short*)at = (short)value;
                break;
            case sizeof(int):
                *(int*)at = (int)value;
                break;
            case sizeof(long) when type == typeof(double):
                *(double*)at = value / 4.0;
                break;
            case sizeof(long):
                *(long*)at = value;
                break;
            default:
                throw new System.Diagnostics.UnreachableException($"{path}: {type}");
        }
    }

    private static string Show(string path, Type type, byte* at, int count)
    {
        if (count > 1)
        {
            return Convert.ToHexString(new ReadOnlySpan<byte>(at, count * Marshal.SizeOf(type)).TrimEnd((byte)0));
        }

        return Marshal.PtrToStructure((nint)at, type) is IFormattable number
            ? number.ToString(null, CultureInfo.InvariantCulture)
            : throw new System.Diagnostics.UnreachableException($"{path}: {type}");
    }
}
