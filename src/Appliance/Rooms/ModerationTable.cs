namespace Appliance.Rooms;

/// <summary>
/// What is forbidden to whom, as text that all processes share: in the place that the segment keeps for it.
/// <code>
/// 0     a robust mutex, for whoever writes
/// 64    generation: how often something was written
/// 128   two halves: bytes of the text (4), then the text
/// </code>
/// The half of the generation's lowest bit counts. A writer fills the other one and then raises the generation, so a writer that is killed
/// leaves what was there, and readers need no lock: what they have copied is whole unless the generation rose by two meanwhile.
/// </summary>
public sealed unsafe class ModerationTable
{
    /// <summary>Of all that is told above.</summary>
    public const uint Version = 1;

    /// <summary>The longest text.</summary>
    public const int TextBytesMax = HalfBytes - HalfHeadBytes;

    private const int AreaBytes = 1 << 20;
    private const int HeadBytes = 128;
    private const int GenerationOffset = 64;
    private const int HalfBytes = (AreaBytes - HeadBytes) / 2;
    private const int HalfHeadBytes = sizeof(int);
    private const int TriesMax = 8;

    private readonly byte* _base;

    private ModerationTable(byte* address) => _base = address;

    /// <summary>How often something was written: one load.</summary>
    public long Generation => Volatile.Read(ref *(long*)(_base + GenerationOffset));

    private SharedLock Lock => new(_base);

    /// <summary>
    /// The table of a segment; null where there is none: a later release has laid it out, or the segment is an older server's.
    /// </summary>
    public static ModerationTable? Open(RoomLog log) =>
        log.Layout.HasDetails && log.Header.AreaOf(SegmentAreaKind.Bans).Version == Version ? At(log) : null;

    /// <summary>Makes the table where there is none yet, before any worker looks for it; null where there can be none.</summary>
    /// <param name="log">The rooms.</param>
    /// <param name="isAlone">Whether no other process uses them: then a lock of former ones is made anew.</param>
    public static ModerationTable? Make(RoomLog log, bool isAlone)
    {
        if (!log.Layout.HasDetails)
        {
            return null;
        }

        ref var area = ref log.Header.AreaOf(SegmentAreaKind.Bans);
        if (area.Version == 0 || (isAlone && area.Version == Version))
        {
            var made = At(log);
            made.Lock.Initialize();
            (area.EntryBytes, area.Entries) = (1, AreaBytes);
            Volatile.Write(ref area.Version, Version);
        }

        return Open(log);
    }

    /// <summary>The text, and the generation that it is of.</summary>
    public byte[] Read(out long generation)
    {
        byte[] text = [];
        generation = Generation;
        for (int i = 0; i < TriesMax; i++)
        {
            text = Half(generation).ToArray();
            Thread.MemoryBarrier();
            long now = Generation;
            if (now == generation)
            {
                break;
            }

            generation = now;
        }

        return text;
    }

    /// <summary>Puts a text in the place of the former one: what <paramref name="change"/> makes of it; null leaves it as it is.</summary>
    public void Change(Func<byte[], byte[]?> change)
    {
        _ = Lock.Enter();
        try
        {
            if (change(Read(out long generation)) is { } text)
            {
                ArgumentOutOfRangeException.ThrowIfGreaterThan(text.Length, TextBytesMax);
                byte* half = HalfAt(generation + 1);
                *(int*)half = text.Length;
                text.CopyTo(new Span<byte>(half + HalfHeadBytes, TextBytesMax));
                Volatile.Write(ref *(long*)(_base + GenerationOffset), generation + 1);
            }
        }
        finally
        {
            Lock.Exit();
        }
    }

    private static ModerationTable At(RoomLog log) => new(log.Address + log.Layout.AreaOffset(SegmentAreaKind.Bans));

    private byte* HalfAt(long generation) => _base + HeadBytes + ((generation & 1) * HalfBytes);

    private ReadOnlySpan<byte> Half(long generation)
    {
        byte* half = HalfAt(generation);
        return new ReadOnlySpan<byte>(half + HalfHeadBytes, Math.Clamp(*(int*)half, 0, TextBytesMax));
    }
}
