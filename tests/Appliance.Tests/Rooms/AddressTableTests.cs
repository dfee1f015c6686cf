using System.Runtime.InteropServices;
using Appliance.Rooms;

namespace Appliance.Tests.Rooms;

/// <summary>What addresses have used: counts of connections and rates, of many workers at once.</summary>
public sealed unsafe class AddressTableTests
{
    private const long NowNs = 5_000_000_000_000_000;
    private const int SmallBytes = 1024 + (4 * AddressTable.SetEntries * AddressTable.EntryBytes);
    private const int LargeBytes = 1 << 20;

    [Fact]
    public void Connections_of_all_workers_add_up()
    {
        using var table = AddressTable.InMemory(LargeBytes, slot: new(0));
        int[] slots = [0, 1, 6, 7, 63, 64, 127];
        var sides = Array.ConvertAll(slots, slot => table.SideOf(new(slot)));
        for (int round = 1; round <= 3; round++)
        {
            Assert.All(sides, side => Assert.True(side.TryAdd(Address(1), AddressCount.Connections, NowNs)));
            Assert.Equal(round * sides.Length, table.Sum(Address(1), AddressCount.Connections, RoomLogLayout.WorkerSlots));
        }

        Assert.Equal(9, table.Sum(Address(1), AddressCount.Connections, 7));
        Assert.Equal(0, table.Sum(Address(2), AddressCount.Connections, RoomLogLayout.WorkerSlots));
        Assert.Equal(0, table.Sum(Address(1) with { Bits = 48 }, AddressCount.Connections, RoomLogLayout.WorkerSlots));
        Assert.All(sides, side => side.Remove(Address(1), AddressCount.Connections));
        Assert.Equal(2 * sides.Length, table.Sum(Address(1), AddressCount.Connections, RoomLogLayout.WorkerSlots));
    }

    /// <summary>Neither count changes the other, at whatever slot.</summary>
    [Theory]
    [InlineData(0)]
    [InlineData(7)]
    [InlineData(127)]
    public void Counts_of_an_address_are_apart(int slot)
    {
        using var table = AddressTable.InMemory(LargeBytes, new(slot));
        Assert.True(table.TryAdd(Address(1), AddressCount.Connections, NowNs));
        Assert.True(table.TryAdd(Address(1), AddressCount.Connections, NowNs));
        Assert.True(table.TryAdd(Address(1), AddressCount.Unread, NowNs));
        Assert.Equal((2, 1), (table.Sum(Address(1), AddressCount.Connections, 128), table.Sum(Address(1), AddressCount.Unread, 128)));
        table.Remove(Address(1), AddressCount.Unread);
        table.Remove(Address(1), AddressCount.Unread);
        Assert.Equal((2, 0), (table.Sum(Address(1), AddressCount.Connections, 128), table.Sum(Address(1), AddressCount.Unread, 128)));
    }

    /// <summary>A message pays for itself and its bytes; where neither has a limit it pays nothing.</summary>
    [Theory]
    [InlineData(100, 0, 20)]
    [InlineData(0, 50, 40)]
    [InlineData(100, 50, 20)]
    [InlineData(10, 500, 4)]
    [InlineData(0, 0, 1000)]
    public void Message_and_its_bytes_are_paid_at_once(long messageNs, long bytesNs, int taken)
    {
        using var table = AddressTable.InMemory(LargeBytes, slot: new(0));
        Assert.Equal(taken, Enumerable.Range(0, 1000).Count(_ => table.TryTakeMessage(Address(1), messageNs, bytesNs, burstNs: 2000, NowNs)));
    }

    [Fact]
    public void Model_and_table_agree()
    {
        using var table = AddressTable.InMemory(LargeBytes, slot: new(0));
        AddressTable[] sides = [table, table.SideOf(new(1)), table.SideOf(new(9))];
        var random = new Random(1);
        var model = new int[sides.Length, 200];
        for (int step = 0; step < 50_000; step++)
        {
            var (side, address) = (random.Next(sides.Length), random.Next(200));
            if (model[side, address] > 0 && random.Next(2) == 0)
            {
                sides[side].Remove(Address(address), AddressCount.Connections);
                model[side, address]--;
            }
            else
            {
                Assert.True(sides[side].TryAdd(Address(address), AddressCount.Connections, NowNs));
                model[side, address]++;
            }

            Assert.Equal(model[0, address] + model[1, address] + model[2, address], table.Sum(Address(address), AddressCount.Connections, 128));
        }
    }

    [Fact]
    public void Workers_in_each_others_way_lose_no_count()
    {
        // So few entries that addresses take them from each other all the time.
        using var table = AddressTable.InMemory(SmallBytes, slot: new(0));
        const int Workers = 4;
        const int Addresses = 60;
        var held = new int[Workers, Addresses];
        var threads = Enumerable.Range(0, Workers).Select(worker => new Thread(() =>
        {
            var side = table.SideOf(new(worker));
            var random = new Random(worker);
            for (int step = 0; step < 100_000; step++)
            {
                int address = random.Next(Addresses);
                if (held[worker, address] > 0)
                {
                    side.Remove(Address(address), AddressCount.Connections);
                    held[worker, address]--;
                }
                else if (side.TryAdd(Address(address), AddressCount.Connections, NowNs))
                {
                    held[worker, address]++;
                }

                _ = side.TryTake(Address(1000 + address), AddressRate.Messages, costNs: 1, burstNs: 10, NowNs + (step * 20));
            }

            for (int address = 0; address < Addresses; address++)
            {
                for (; held[worker, address] > 0; held[worker, address]--)
                {
                    side.Remove(Address(address), AddressCount.Connections);
                }
            }
        })).ToList();
        threads.ForEach(thread => thread.Start());
        threads.ForEach(thread => thread.Join());
        Assert.All(Enumerable.Range(0, Addresses), address => Assert.Equal(0, table.Sum(Address(address), AddressCount.Connections, 128)));
    }

    [Theory]
    [InlineData(1, 2)]
    [InlineData(100, 200)]
    [InlineData(1000, 2000)]
    public void Rate_allows_a_burst_and_then_its_pace(int perSecond, int burst)
    {
        using var table = AddressTable.InMemory(LargeBytes, slot: new(0));
        var other = table.SideOf(new(5));
        long cost = 1_000_000_000 / perSecond;
        bool Take(AddressTable side, long nowNs) => side.TryTake(Address(1), AddressRate.Handshakes, cost, 2_000_000_000, nowNs);
        Assert.Equal(burst, Enumerable.Range(0, 3 * burst).Count(i => Take(i % 2 == 0 ? table : other, NowNs)));
        Assert.Equal(perSecond, Enumerable.Range(0, 3 * burst).Count(i => Take(i % 2 == 0 ? table : other, NowNs + 1_000_000_000)));
        Assert.True(table.TryTake(Address(2), AddressRate.Handshakes, cost, 2_000_000_000, NowNs));
        Assert.True(table.TryTake(Address(1), AddressRate.Rooms, cost, 2_000_000_000, NowNs));
        Assert.Equal(burst, Enumerable.Range(0, 3 * burst).Count(_ => Take(table, NowNs + 60_000_000_000)));
    }

    [Fact]
    public void Refusal_is_told_once_in_a_while_with_the_count_of_others()
    {
        using var table = AddressTable.InMemory(LargeBytes, slot: new(0));
        var other = table.SideOf(new(1));
        Assert.True(table.MayTell(Address(1), 1_000_000, NowNs, out long untold));
        Assert.Equal(0, untold);
        Assert.All(Enumerable.Range(0, 7), _ => Assert.False(other.MayTell(Address(1), 1_000_000, NowNs + 999_999, out long none)));
        Assert.True(table.MayTell(Address(2), 1_000_000, NowNs, out untold));
        Assert.True(other.MayTell(Address(1), 1_000_000, NowNs + 1_000_000, out untold));
        Assert.Equal(7, untold);
    }

    [Fact]
    public void Full_table_limits_nothing_and_comes_to_itself()
    {
        using var table = AddressTable.InMemory(SmallBytes, slot: new(0));
        var added = Enumerable.Range(0, 500).Where(i => table.TryAdd(Address(i), AddressCount.Connections, NowNs)).ToList();
        Assert.InRange(added.Count, 2 * AddressTable.SetEntries, 4 * AddressTable.SetEntries);
        Assert.Equal(500 - added.Count, table.Uncounted);
        Assert.All(Enumerable.Range(1000, 100), i => Assert.True(table.TryTake(Address(i), AddressRate.Bytes, costNs: 10, burstNs: 10, NowNs)));
        Assert.All(added, i => Assert.Equal(1, table.Sum(Address(i), AddressCount.Connections, 128)));
        added.ForEach(i => table.Remove(Address(i), AddressCount.Connections));
        Assert.True(table.TryAdd(Address(9999), AddressCount.Connections, NowNs));

        // Rates that are paid make place; those that are not stay.
        Assert.True(table.TryTake(Address(7777), AddressRate.Bytes, costNs: 10, burstNs: 10, NowNs));
        Assert.False(table.TryTake(Address(7777), AddressRate.Bytes, costNs: 10, burstNs: 10, NowNs));
        Assert.All(Enumerable.Range(0, 2000), i => table.TryTake(Address(i), AddressRate.Bytes, costNs: 10, burstNs: 10, NowNs + (i * 20)));
        Assert.Equal(1, table.Sum(Address(9999), AddressCount.Connections, 128));
    }

    [Fact]
    public void Killed_worker_leaves_nothing_behind()
    {
        using var memory = new MemoryRoomLog();
        var (one, other) = (AddressTable.Open(memory.Log, new(0))!, AddressTable.Open(memory.Log, new(1))!);
        for (int i = 0; i < 5; i++)
        {
            Assert.True(one.TryAdd(Address(1), AddressCount.Connections, NowNs));
            Assert.True(other.TryAdd(Address(1), AddressCount.Connections, NowNs));
        }

        memory.Log.ResetWorker(new(1));
        Assert.Equal(5, one.Sum(Address(1), AddressCount.Connections, 128));
        var successor = AddressTable.Open(memory.Log, new(1))!;
        Assert.True(successor.TryAdd(Address(1), AddressCount.Connections, NowNs));
        Assert.Equal(6, one.Sum(Address(1), AddressCount.Connections, 128));
        memory.Log.ResetWorkers();
        Assert.Equal(0u, memory.Log.Header.AreaOf(SegmentAreaKind.Addresses).Version);
        Assert.Equal(0, AddressTable.Open(memory.Log, new(0))!.Sum(Address(1), AddressCount.Connections, 128));
    }

    [Fact]
    public void Area_of_a_later_release_is_left_alone()
    {
        using var memory = new MemoryRoomLog();
        var later = new SegmentArea { Version = AddressTable.Version + 1, EntryBytes = 3, Entries = 4 };
        memory.Log.Header.AreaOf(SegmentAreaKind.Addresses) = later;
        Assert.Null(AddressTable.Open(memory.Log, new(0)));
        memory.Log.ResetWorker(new(0));
        memory.Log.ResetWorkers();
        Assert.Equal(later, memory.Log.Header.AreaOf(SegmentAreaKind.Addresses));
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public void Damage_ends_no_worker_and_locks_nobody_out(int seed)
    {
        using var memory = new MemoryRoomLog();
        byte* area = memory.Log.Address + memory.Log.Layout.AreaOffset(SegmentAreaKind.Addresses);
        _ = AddressTable.Open(memory.Log, new(0));
        var random = new Random(seed);
        random.NextBytes(new Span<byte>(area, (int)SegmentArea.BytesOf(SegmentAreaKind.Addresses)));
        memory.Log.ResetWorker(new(0));
        var table = AddressTable.Open(memory.Log, new(0))!;
        for (int i = 0; i < 10_000; i++)
        {
            var address = Address(random.Next(1000));
            if (table.TryAdd(address, AddressCount.Connections, NowNs))
            {
                Assert.InRange(table.Sum(address, AddressCount.Connections, 128), 1, long.MaxValue);
                table.Remove(address, AddressCount.Connections);
            }

            Assert.True(table.TryTake(Address(100_000 + i), AddressRate.Messages, costNs: 10, burstNs: 10, NowNs));
            _ = table.MayTell(address, 1_000_000, NowNs, out _);
        }
    }

    [Fact]
    public void Every_time_that_is_damage_equals_a_past_one()
    {
        using var memory = new MemoryRoomLog();
        var table = AddressTable.Open(memory.Log, new(0))!;
        Assert.True(table.TryTake(Address(1), AddressRate.Rooms, costNs: 10, burstNs: 10, NowNs));
        var area = MemoryMarshal.Cast<byte, long>(new Span<byte>(
            memory.Log.Address + memory.Log.Layout.AreaOffset(SegmentAreaKind.Addresses), (int)SegmentArea.BytesOf(SegmentAreaKind.Addresses)));
        int place = area.IndexOf(NowNs + 10);
        Assert.All((long[])[long.MaxValue, long.MinValue, -1, 0, NowNs + 86_400_000_000_000], damage =>
        {
            Span<long> words = new(memory.Log.Address + memory.Log.Layout.AreaOffset(SegmentAreaKind.Addresses), place + 1);
            words[place] = damage;
            Assert.True(table.TryTake(Address(1), AddressRate.Rooms, costNs: 10, burstNs: 10, NowNs));
        });
    }

    private static AddressPrefix Address(int number) => new(0x0123, ((ulong)number << 32) | 0xFFFF0000, 128);
}
