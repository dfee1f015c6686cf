using System.Globalization;
using System.Reflection;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Text;
using Appliance.Ipc;
using Appliance.Tests.Ipc;

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

    private static readonly string[] Kept = ["Magic", "Version", "Rooms", "RingBytes", "ReloadTextBytes", "ReopenTextBytes"];

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
        log.Ring(0).CountMember(Worker, 3);
        log.Ring(1).CountMember(OtherWorker, 1);
        log.Ring(1).Touch(MemoryRoomLog.UnixMs + 2);
        _ = log.BeginSleep(OtherWorker);
        Visit(typeof(SegmentHeader), "segment", image._base, (path, type, at, count) => image.Fill(path, type, at, count, names));
        Visit(typeof(WorkerHeader), "worker", (byte*)Unsafe.AsPointer(ref log.Worker(Worker)), (path, type, at, count) => image.Fill(path, type, at, count, names));
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
        void Add(string path, Type type, nint at, int count) => _ = text.Append(CultureInfo.InvariantCulture, $"{path} = {Show(path, type, (byte*)at, count)}\n");
        Visit(typeof(SegmentHeader), "segment", _base, Add);
        Visit(typeof(WorkerHeader), "worker", (byte*)Unsafe.AsPointer(ref Log.Worker(Worker)), Add);
        for (int room = 0; room < Rooms; room++)
        {
            var ring = Log.Ring(room);
            Visit(typeof(RoomHeader), $"room {room}", (byte*)Log.HeaderOf(room), Add);
            _ = text.Append(CultureInfo.InvariantCulture, $"found by its name: {Log.Find(Log.NameOf(room))}\n");
            for (long id = ring.NextId - ring.RecordCount; id < ring.NextId; id++)
            {
                long start = ring.IndexOf(id) >> 1;
                byte* record = ring.Read(start, ring.Head, out _);
                int length = record[1] < 126 ? record[1] + 2 : (record[2] << 8) + record[3] + 4;
                _ = text.Append(CultureInfo.InvariantCulture, $"record {id}, {(ring.IndexOf(id) & 1) != 0}: {Convert.ToHexString(new ReadOnlySpan<byte>(record, length))}\n");
            }
        }

        return text.ToString();
    }

    public void Dispose() => NativeMemory.Free(_base);

    /// <summary>A text frame, whose first payload bytes become the id.</summary>
    private static void Append(RoomRing ring, string text, bool isMessage)
    {
        byte[] payload = Encoding.UTF8.GetBytes(new string('0', RoomRing.IdDigits) + text.PadRight(RoomLogLayout.RecordBytesMin));
        byte[] frame = payload.Length < 126 ? [0x81, (byte)payload.Length, .. payload] : [0x81, 126, 0, (byte)payload.Length, .. payload];
        ring.Append(frame, [new LogRecord(frame.Length, frame.Length - payload.Length, isMessage)]);
    }

    private delegate void Visitor(string path, Type type, nint at, int count);

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

    /// <summary>Its offset as the value of each field; buffers stay, and what the layout itself depends on.</summary>
    private void Fill(string path, Type type, nint at, int count, IReadOnlySet<string> names)
    {
        if (!names.Contains(path) || count > 1 || Kept.Contains(path[(path.LastIndexOf('.') + 1)..], StringComparer.Ordinal))
        {
            return;
        }

        long value = at - (nint)_base;
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
