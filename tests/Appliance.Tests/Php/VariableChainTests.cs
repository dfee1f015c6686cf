using System.Buffers.Binary;
using System.Runtime.InteropServices;
using Appliance.Php;

namespace Appliance.Tests.Php;

/// <summary>PHP's variables in plain memory, with fences around it: nothing reads or writes beyond the segment, whatever lies in it.</summary>
public sealed unsafe class VariableChainTests : IDisposable
{
    private const int FenceBytes = 4096;
    private const byte Fence = 0xA5;

    private readonly List<nint> _areas = [];

    /// <summary>What PHP 8.2 has written of a segment of 200 bytes: shm_put_var($s, 1, 1), then -7 => 'abcd', then 1 => 22.</summary>
    private static readonly long[] WrittenByPhp =
    [
        0x4D535F504850, 40, 128, 72, 200,
        -7, 11, 48, Text("s:4:\"abc"), Text("d\";"), 0,
        1, 5, 40, Text("i:22;"), 0,
    ];

    /// <summary>Bytes of a value and of its chunk, as PHP 8.2 had them.</summary>
    [Theory]
    [InlineData(0, 32)]
    [InlineData(1, 40)]
    [InlineData(4, 40)]
    [InlineData(8, 40)]
    [InlineData(9, 48)]
    [InlineData(11, 48)]
    [InlineData(18, 56)]
    public void Chunk_is_as_large_as_PHPs(long value, long chunk) => Assert.Equal(chunk, VariableChain.ChunkBytesOf(value));

    [Fact]
    public void Segment_is_that_of_PHP_to_the_byte()
    {
        var chain = New(200, out byte* start);
        Assert.Equal(0, chain.Put(1, new byte[20]));
        Assert.Equal(0, chain.Put(-7, "s:4:\"abcd\";"u8));
        Assert.Equal(0, chain.Put(1, "i:22;"u8));
        Assert.Equal(WrittenByPhp[..10], new ReadOnlySpan<long>(start, 10).ToArray());
        Assert.Equal(WrittenByPhp[11..15], new ReadOnlySpan<long>(start, 15)[11..].ToArray());
        Assert.Equal(88, chain.UsedBytes);
        Assert.Equal(72, chain.FreeBytes);
    }

    [Fact]
    public void Segment_of_PHP_is_read()
    {
        byte* start = Area(200);
        WrittenByPhp.CopyTo(new Span<long>(start, WrittenByPhp.Length));
        var chain = new VariableChain(start, 200);
        Assert.Null(chain.Damage);
        Assert.Equal([new SharedVariable(-7, 40, 11, 48), new SharedVariable(1, 88, 5, 40)], chain.Variables);
        Assert.Equal("s:4:\"abcd\";"u8.ToArray(), chain.ValueOf(chain.Find(-7)!));
        Assert.Equal("i:22;"u8.ToArray(), chain.ValueOf(chain.Find(1)!));
        Assert.Null(chain.Find(2));
    }

    /// <summary>Random puts and removals of a few variables, held against a dictionary.</summary>
    [Fact]
    public void Variables_are_those_of_a_dictionary() => RandomCases.Check(RandomCases.Randomness, random =>
    {
        int bytes = random.Next(VariableChain.HeadBytes, 2000);
        var chain = New(bytes, out byte* start);
        Dictionary<long, byte[]> model = [];
        for (int step = 0; step < 100; step++)
        {
            long key = random.Next(-3, 4);
            if (random.Next(3) == 0)
            {
                Assert.Equal(model.Remove(key), chain.Remove(key));
            }
            else
            {
                byte[] value = new byte[random.Next(300)];
                random.NextBytes(value);
                long room = chain.FreeBytes + (chain.Find(key)?.ChunkBytes ?? 0);
                long missing = chain.Put(key, value);
                Assert.Equal(Math.Max(0, VariableChain.ChunkBytesOf(value.Length) - room), missing);
                model = missing == 0 ? new(model) { [key] = value } : model;
            }

            var again = new VariableChain(start, bytes);
            Assert.Null(again.Damage);
            Assert.Equal(model.Keys.Order(), again.Variables.Select(variable => variable.Key).Order());
            Assert.All(again.Variables, variable => Assert.Equal(model[variable.Key], again.ValueOf(variable)));
            Assert.Equal(bytes - VariableChain.HeadBytes, again.UsedBytes + again.FreeBytes);
            AssertFences(start, bytes);
        }
    });

    /// <summary>One number of the segment that PHP has written, and what it becomes; how many variables are still read.</summary>
    [Theory]
    [InlineData(0, 0, 0)]
    [InlineData(0, 0x4D535F504851, 0)]
    [InlineData(1, 48, 0)]
    [InlineData(1, 32, 0)]
    [InlineData(1, -8, 0)]
    [InlineData(1, long.MaxValue, 0)]
    [InlineData(2, 32, 0)]
    [InlineData(2, 208, 0)]
    [InlineData(2, 120, 0)]
    [InlineData(2, long.MinValue, 0)]
    [InlineData(3, 73, 0)]
    [InlineData(3, -1, 0)]
    [InlineData(4, 201, 0)]
    [InlineData(4, 100, 0)]
    [InlineData(6, -1, 0)]
    [InlineData(6, 25, 0)]
    [InlineData(6, long.MaxValue, 0)]
    [InlineData(7, 0, 0)]
    [InlineData(7, -48, 0)]
    [InlineData(7, 16, 0)]
    [InlineData(7, 49, 0)]
    [InlineData(7, 96, 0)]
    [InlineData(7, long.MaxValue, 0)]
    [InlineData(7, long.MinValue, 0)]
    [InlineData(12, 17, 1)]
    [InlineData(13, 0, 1)]
    [InlineData(13, -40, 1)]
    [InlineData(13, 48, 1)]
    [InlineData(13, 32, 2)]
    public void Damage_is_told_and_not_followed(int index, long value, int readable)
    {
        byte* start = Area(200);
        WrittenByPhp.CopyTo(new Span<long>(start, WrittenByPhp.Length));
        ((long*)start)[index] = value;
        var chain = new VariableChain(start, 200);
        Assert.NotNull(chain.Damage);
        Assert.InRange(chain.Variables.Count, readable, readable);
    }

    /// <summary>PHP finds the first of two, so that a new value must be in the place of both.</summary>
    [Theory]
    [InlineData(3)]
    [InlineData(300)]
    public void Variable_that_is_there_twice_is_stored_once(int valueBytes)
    {
        var chain = New(1000, out byte* start);
        Assert.Equal(0, chain.Put(1, new byte[20]));
        Assert.Equal(0, chain.Put(2, new byte[30]));
        Assert.Equal(0, chain.Put(3, new byte[40]));
        *(long*)(start + chain.Variables[2].Offset) = 1;
        chain = new VariableChain(start, 1000);
        Assert.Equal(0, chain.Put(1, new byte[valueBytes]));
        Assert.Equal([2, 1], chain.Variables.Select(variable => variable.Key));
        Assert.Equal(valueBytes, chain.Find(1)!.Length);
        Assert.True(chain.Remove(1));
        Assert.Null(chain.Find(1));
    }

    [Fact]
    public void Whatever_lies_there_the_walk_ends_inside() => RandomCases.Check(RandomCases.Randomness, random =>
    {
        int bytes = random.Next(1200);
        byte* start = Area(bytes);
        var area = new Span<byte>(start, bytes);
        random.NextBytes(area);
        if (bytes >= VariableChain.HeadBytes && random.Next(4) > 0)
        {
            var chain = new VariableChain(start, bytes);
            chain.Initialize();
            for (int i = 0; i < 5; i++)
            {
                _ = chain.Put(i, new byte[random.Next(200)]);
            }

            for (int count = random.Next(1, 4); count > 0; count--)
            {
                long* number = (long*)start + random.Next(bytes / 8);
                *number = random.Next(4) switch
                {
                    0 => random.NextInt64(long.MinValue, long.MaxValue),
                    1 => random.Next(-100, bytes + 100),
                    2 => *number ^ (1L << random.Next(64)),
                    _ => random.Next(30) * 8,
                };
            }
        }

        var read = new VariableChain(start, bytes);
        long end = VariableChain.HeadBytes;
        foreach (var variable in read.Variables)
        {
            Assert.InRange(variable.Offset, end, bytes);
            Assert.InRange(variable.Offset + variable.ChunkBytes, end, bytes);
            Assert.Equal(variable.Length, read.ValueOf(variable).Length);
            end = variable.Offset + variable.ChunkBytes;
        }

        if (read.Damage is null)
        {
            long missing = read.Put(3, "s:3:\"new\";"u8);
            Assert.True(missing > 0 || read.ValueOf(read.Find(3)!).AsSpan().SequenceEqual("s:3:\"new\";"u8));
            Assert.True(read.Find(3) is null || read.Remove(3));
        }

        AssertFences(start, bytes);
        Free();
    }, 5000);

    public void Dispose() => Free();

    private static long Text(string text)
    {
        Span<byte> bytes = stackalloc byte[8];
        bytes.Clear();
        System.Text.Encoding.ASCII.GetBytes(text, bytes);
        return BinaryPrimitives.ReadInt64LittleEndian(bytes);
    }

    private static void AssertFences(byte* start, int bytes)
    {
        Assert.Equal(-1, new ReadOnlySpan<byte>(start - FenceBytes, FenceBytes).IndexOfAnyExcept(Fence));
        Assert.Equal(-1, new ReadOnlySpan<byte>(start + bytes, FenceBytes).IndexOfAnyExcept(Fence));
    }

    private VariableChain New(int bytes, out byte* start)
    {
        start = Area(bytes);
        var chain = new VariableChain(start, bytes);
        chain.Initialize();
        Assert.Null(chain.Damage);
        return chain;
    }

    private byte* Area(int bytes)
    {
        byte* area = (byte*)NativeMemory.Alloc((nuint)(bytes + (2 * FenceBytes)));
        _areas.Add((nint)area);
        new Span<byte>(area, bytes + (2 * FenceBytes)).Fill(Fence);
        new Span<byte>(area + FenceBytes, bytes).Clear();
        return area + FenceBytes;
    }

    private void Free()
    {
        _areas.ForEach(area => NativeMemory.Free((void*)area));
        _areas.Clear();
    }
}
