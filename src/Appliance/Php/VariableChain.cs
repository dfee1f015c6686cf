using System.Runtime.InteropServices;

namespace Appliance.Php;

/// <summary>One variable of a segment.</summary>
/// <param name="Key">PHP's integer key.</param>
/// <param name="Offset">Where its chunk begins, in bytes from the start of the segment.</param>
/// <param name="Length">Bytes of its value.</param>
/// <param name="ChunkBytes">Bytes to the next chunk.</param>
public sealed record SharedVariable(long Key, long Offset, long Length, long ChunkBytes);

/// <summary>
/// The variables in the bytes of a segment, laid out as PHP's ext/sysvshm does on 64-bit machines; all numbers have eight bytes:
/// <code>
/// 0    "PHP_SM\0\0"
/// 8    start    of the first chunk: 40
/// 16   end      of the last chunk, where the next one goes
/// 24   free     bytes behind it: total - end
/// 32   total    bytes of the segment
/// 40   chunks:  key, length, distance to the next chunk, then the value and at least eight bytes to the next multiple of eight
/// </code>
/// The memory is shared with whoever may write to it: every number is looked at before it is followed, and read once.
/// </summary>
public sealed unsafe class VariableChain
{
    /// <summary>Bytes of the head.</summary>
    public const int HeadBytes = 40;

    /// <summary>Bytes of a chunk before its value.</summary>
    public const int ChunkHeadBytes = 24;

    /// <summary>More variables than this are taken for damage: each costs some 50 bytes to read.</summary>
    public const int VariablesMax = 1_000_000;

    /// <summary>The largest value that is read or written: it must fit into an array.</summary>
    public const int ValueBytesMax = 1 << 30;

    /// <summary>"PHP_SM" and two zeros, the first eight bytes.</summary>
    public const ulong Magic = 0x4D535F504850;

    private const int Alignment = sizeof(long);

    private readonly byte* _start;
    private readonly long _bytes;
    private ChunkChainHead _head;

    /// <summary>Reads the chain in memory that somebody else looks after.</summary>
    public VariableChain(byte* start, long bytes)
    {
        _start = start;
        _bytes = bytes;
        Read();
    }

    /// <summary>All variables, in the order of their chunks; up to the first damage.</summary>
    public IReadOnlyList<SharedVariable> Variables { get; private set; } = [];

    /// <summary>What is wrong with the head or a chunk; null when nothing is.</summary>
    public string? Damage { get; private set; }

    /// <summary>Whether it begins as PHP's do.</summary>
    public bool IsPhp => _head.Magic == Magic;

    /// <summary>Whether nobody has used the memory yet: where the head goes, all is zero.</summary>
    public bool IsBlank => _bytes >= HeadBytes && !new ReadOnlySpan<byte>(_start, HeadBytes).ContainsAnyExcept((byte)0);

    /// <summary>Bytes of all chunks.</summary>
    public long UsedBytes => _head.End - _head.Start;

    /// <summary>Bytes that further chunks may take.</summary>
    public long FreeBytes => _head.Free;

    /// <summary>Bytes of a chunk, head included: PHP's own sum, which leaves eight bytes more than a value needs.</summary>
    public static long ChunkBytesOf(long valueLength) => ((valueLength + ChunkHeadBytes + Alignment - 1) / Alignment * Alignment) + Alignment;

    /// <summary>Makes an empty chain, as PHP's shm_attach() does of a segment that has none.</summary>
    public void Initialize()
    {
        *(ChunkChainHead*)_start = new ChunkChainHead { Magic = Magic, Start = HeadBytes, End = HeadBytes, Free = _bytes - HeadBytes, Total = _bytes };
        Read();
    }

    /// <summary>Makes a chain with the same variables in memory that is all zeros; it is none before all is there.</summary>
    /// <param name="target">The memory.</param>
    /// <param name="bytes">Bytes of it, no fewer than all variables take.</param>
    public void CopyTo(byte* target, long bytes)
    {
        System.Diagnostics.Debug.Assert(Damage is null && bytes >= _head.End, "a whole chain, and room for it");
        Buffer.MemoryCopy(_start + _head.Start, target + _head.Start, bytes - _head.Start, _head.End - _head.Start);
        *(ChunkChainHead*)target = _head with { Magic = 0, Free = bytes - _head.End, Total = bytes };
        Volatile.Write(ref ((ChunkChainHead*)target)->Magic, Magic);
    }

    /// <summary>The variable of a key; null when it is not there.</summary>
    public SharedVariable? Find(long key) => Variables.FirstOrDefault(one => one.Key == key);

    /// <summary>A copy of the value of one of the variables.</summary>
    public byte[] ValueOf(SharedVariable variable) =>
        new ReadOnlySpan<byte>(_start + variable.Offset + ChunkHeadBytes, checked((int)variable.Length)).ToArray();

    /// <summary>
    /// Stores a value in the place of the one it had, if any. When there is no room, nothing has changed, and the result is how many bytes
    /// larger the segment would have to be; otherwise it is 0.
    /// </summary>
    public long Put(long key, ReadOnlySpan<byte> value)
    {
        System.Diagnostics.Debug.Assert(Damage is null, "a damaged chain is not written to");
        SharedVariable[] former = [.. Variables.Where(one => one.Key == key)];
        long needed = ChunkBytesOf(value.Length);
        long missing = needed - _head.Free - former.Sum(one => one.ChunkBytes);
        if (missing > 0)
        {
            return missing;
        }

        // What lies behind the end is nobody's: a writer that dies before the end moves has changed nothing.
        if (former is [var same] && same.ChunkBytes == needed)
        {
            // Nothing else has to move, so nothing else is in danger.
            WriteChunk(same.Offset, key, value, needed);
        }
        else if (former is [var only] && _head.Free >= needed)
        {
            // The value, which may be long, is all there before the one it replaces goes.
            WriteChunk(_head.End, key, value, needed);
            MoveUp(only, behindEnd: needed);
        }
        else
        {
            _ = Remove(key);
            WriteChunk(_head.End, key, value, needed);
            MoveEnd(needed);
        }

        Read();
        return 0;
    }

    /// <summary>Takes a variable out, and another one of its key if damage has made one; those behind it move up. False when there is none.</summary>
    public bool Remove(long key)
    {
        bool found = false;
        while (Damage is null && Find(key) is { } variable)
        {
            MoveUp(variable, behindEnd: 0);
            Read();
            found = true;
        }

        return found;
    }

    /// <summary>Moves what is behind a variable to its place, and so many bytes from behind the end, which are new.</summary>
    private void MoveUp(SharedVariable variable, long behindEnd)
    {
        long behind = variable.Offset + variable.ChunkBytes;
        Buffer.MemoryCopy(_start + behind, _start + variable.Offset, _bytes - variable.Offset, _head.End + behindEnd - behind);
        MoveEnd(behindEnd - variable.ChunkBytes);
    }

    private void MoveEnd(long distance)
    {
        var head = (ChunkChainHead*)_start;
        head->Free = _head.Free - distance;
        Volatile.Write(ref head->End, _head.End + distance);
    }

    /// <summary>The walk ends: chunks do not overlap, so there are no more of them than fit into the segment.</summary>
    private void Read()
    {
        List<SharedVariable> variables = [];
        Variables = variables;
        _head = _bytes >= HeadBytes ? *(ChunkChainHead*)_start : default;
        Damage = DamageOf(_head);
        for (long offset = _head.Start; Damage is null && offset < _head.End; offset = variables[^1].Offset + variables[^1].ChunkBytes)
        {
            var variable = _head.End - offset >= ChunkHeadBytes ? ReadChunk(offset) : new SharedVariable(0, offset, 0, 0);
            Damage = variables.Count < VariablesMax
                ? DamageOf(variable, _head.End - offset)
                : FormattableString.Invariant($"there are more than {VariablesMax} variables");
            variables.Add(variable);
        }

        if (Damage is not null && variables.Count > 0)
        {
            variables.RemoveAt(variables.Count - 1);
        }
    }

    private string? DamageOf(ChunkChainHead head)
    {
        if (head.Magic != Magic)
        {
            return "it does not begin with PHP_SM";
        }

        bool holds = head.Start >= HeadBytes && head.Start % Alignment == 0 && head.Start <= head.End && head.End <= head.Total && head.Total <= _bytes
            && head.Free == head.Total - head.End;
        return holds ? null : FormattableString.Invariant(
            $"its head says start {head.Start}, end {head.End}, free {head.Free} and total {head.Total}, of a segment of {_bytes} bytes");
    }

    private static string? DamageOf(SharedVariable variable, long room)
    {
        bool holds = variable.Length >= 0 && variable.Length <= variable.ChunkBytes - ChunkHeadBytes && variable.Length <= ValueBytesMax
            && variable.ChunkBytes >= ChunkHeadBytes && variable.ChunkBytes <= room && variable.ChunkBytes % Alignment == 0;
        return holds ? null
            : FormattableString.Invariant($"variable {variable.Key} at byte {variable.Offset} says {variable.Length} bytes of value and ")
            + FormattableString.Invariant($"{variable.ChunkBytes} to the next, {room} before the end");
    }

    private SharedVariable ReadChunk(long offset)
    {
        long* chunk = (long*)(_start + offset);
        return new SharedVariable(chunk[0], offset, chunk[1], chunk[2]);
    }

    private void WriteChunk(long offset, long key, ReadOnlySpan<byte> value, long chunkBytes)
    {
        long* chunk = (long*)(_start + offset);
        (chunk[0], chunk[1], chunk[2]) = (key, value.Length, chunkBytes);
        value.CopyTo(new Span<byte>(_start + offset + ChunkHeadBytes, value.Length));
    }

    /// <summary><c>sysvshm_chunk_head</c>.</summary>
    [StructLayout(LayoutKind.Sequential)]
    private struct ChunkChainHead
    {
        public ulong Magic;
        public long Start;
        public long End;
        public long Free;
        public long Total;
    }
}
