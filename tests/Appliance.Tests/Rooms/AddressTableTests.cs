using System.Runtime.InteropServices;
using Appliance.Rooms;

namespace Appliance.Tests.Rooms;

/// <summary>What addresses have used: counts of connections and rates, of many workers at once.</summary>
public sealed unsafe class AddressTableTests
{
    private const long NowUs = 5_000_000_000_000;
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
            Assert.All(sides, side => Assert.True(side.TryAdd(Address(1), NowUs)));
            Assert.Equal(round * sides.Length, table.Connections(Address(1), RoomLogLayout.WorkerSlots));
        }

        Assert.Equal(9, table.Connections(Address(1), 7));
        Assert.Equal(0, table.Connections(Address(2), RoomLogLayout.WorkerSlots));
        Assert.Equal(0, table.Connections(Address(1) with { Bits = 48 }, RoomLogLayout.WorkerSlots));
        Assert.All(sides, side => side.Remove(Address(1)));
        Assert.Equal(2 * sides.Length, table.Connections(Address(1), RoomLogLayout.WorkerSlots));
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
                sides[side].Remove(Address(address));
                model[side, address]--;
            }
            else
            {
                Assert.True(sides[side].TryAdd(Address(address), NowUs));
                model[side, address]++;
            }

            Assert.Equal(model[0, address] + model[1, address] + model[2, address], table.Connections(Address(address), 128));
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
                    side.Remove(Address(address));
                    held[worker, address]--;
                }
                else if (side.TryAdd(Address(address), NowUs))
                {
                    held[worker, address]++;
                }

                _ = side.TryTake(Address(1000 + address), AddressRate.Messages, costUs: 1, burstUs: 10, NowUs + (step * 20));
            }

            for (int address = 0; address < Addresses; address++)
            {
                for (; held[worker, address] > 0; held[worker, address]--)
                {
                    side.Remove(Address(address));
                }
            }
        })).ToList();
        threads.ForEach(thread => thread.Start());
        threads.ForEach(thread => thread.Join());
        Assert.All(Enumerable.Range(0, Addresses), address => Assert.Equal(0, table.Connections(Address(address), 128)));
    }

    [Theory]
    [InlineData(1, 2)]
    [InlineData(100, 200)]
    [InlineData(1000, 2000)]
    public void Rate_allows_a_burst_and_then_its_pace(int perSecond, int burst)
    {
        using var table = AddressTable.InMemory(LargeBytes, slot: new(0));
        var other = table.SideOf(new(5));
        long cost = 1_000_000 / perSecond;
        bool Take(AddressTable side, long nowUs) => side.TryTake(Address(1), AddressRate.Handshakes, cost, 2_000_000, nowUs);
        Assert.Equal(burst, Enumerable.Range(0, 3 * burst).Count(i => Take(i % 2 == 0 ? table : other, NowUs)));
        Assert.Equal(perSecond, Enumerable.Range(0, 3 * burst).Count(i => Take(i % 2 == 0 ? table : other, NowUs + 1_000_000)));
        Assert.True(table.TryTake(Address(2), AddressRate.Handshakes, cost, 2_000_000, NowUs));
        Assert.True(table.TryTake(Address(1), AddressRate.Rooms, cost, 2_000_000, NowUs));
        Assert.Equal(burst, Enumerable.Range(0, 3 * burst).Count(_ => Take(table, NowUs + 60_000_000)));
    }

    [Fact]
    public void Refusal_is_told_once_in_a_while_with_the_count_of_others()
    {
        using var table = AddressTable.InMemory(LargeBytes, slot: new(0));
        var other = table.SideOf(new(1));
        Assert.True(table.MayTell(Address(1), 1_000_000, NowUs, out long untold));
        Assert.Equal(0, untold);
        Assert.All(Enumerable.Range(0, 7), _ => Assert.False(other.MayTell(Address(1), 1_000_000, NowUs + 999_999, out long none)));
        Assert.True(table.MayTell(Address(2), 1_000_000, NowUs, out untold));
        Assert.True(other.MayTell(Address(1), 1_000_000, NowUs + 1_000_000, out untold));
        Assert.Equal(7, untold);
    }

    [Fact]
    public void Full_table_limits_nothing_and_comes_to_itself()
    {
        using var table = AddressTable.InMemory(SmallBytes, slot: new(0));
        var added = Enumerable.Range(0, 500).Where(i => table.TryAdd(Address(i), NowUs)).ToList();
        Assert.InRange(added.Count, 2 * AddressTable.SetEntries, 4 * AddressTable.SetEntries);
        Assert.Equal(500 - added.Count, table.Uncounted);
        Assert.All(Enumerable.Range(1000, 100), i => Assert.True(table.TryTake(Address(i), AddressRate.Bytes, costUs: 10, burstUs: 10, NowUs)));
        Assert.All(added, i => Assert.Equal(1, table.Connections(Address(i), 128)));
        added.ForEach(i => table.Remove(Address(i)));
        Assert.True(table.TryAdd(Address(9999), NowUs));

        // Rates that are paid make place; those that are not stay.
        Assert.True(table.TryTake(Address(7777), AddressRate.Bytes, costUs: 10, burstUs: 10, NowUs));
        Assert.False(table.TryTake(Address(7777), AddressRate.Bytes, costUs: 10, burstUs: 10, NowUs));
        Assert.All(Enumerable.Range(0, 2000), i => table.TryTake(Address(i), AddressRate.Bytes, costUs: 10, burstUs: 10, NowUs + (i * 20)));
        Assert.Equal(1, table.Connections(Address(9999), 128));
    }

    [Fact]
    public void Killed_worker_leaves_nothing_behind()
    {
        using var memory = new MemoryRoomLog();
        var (one, other) = (AddressTable.Open(memory.Log, new(0))!, AddressTable.Open(memory.Log, new(1))!);
        for (int i = 0; i < 5; i++)
        {
            Assert.True(one.TryAdd(Address(1), NowUs));
            Assert.True(other.TryAdd(Address(1), NowUs));
        }

        memory.Log.ResetWorker(new(1));
        Assert.Equal(5, one.Connections(Address(1), 128));
        var successor = AddressTable.Open(memory.Log, new(1))!;
        Assert.True(successor.TryAdd(Address(1), NowUs));
        Assert.Equal(6, one.Connections(Address(1), 128));
        memory.Log.ResetWorkers();
        Assert.Equal(0u, memory.Log.Header.AreaOf(SegmentAreaKind.Addresses).Version);
        Assert.Equal(0, AddressTable.Open(memory.Log, new(0))!.Connections(Address(1), 128));
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
            if (table.TryAdd(address, NowUs))
            {
                Assert.InRange(table.Connections(address, 128), 1, long.MaxValue);
                table.Remove(address);
            }

            Assert.True(table.TryTake(Address(100_000 + i), AddressRate.Messages, costUs: 10, burstUs: 10, NowUs));
            _ = table.MayTell(address, 1_000_000, NowUs, out _);
        }
    }

    [Fact]
    public void Every_time_that_is_damage_equals_a_past_one()
    {
        using var memory = new MemoryRoomLog();
        var table = AddressTable.Open(memory.Log, new(0))!;
        Assert.True(table.TryTake(Address(1), AddressRate.Rooms, costUs: 10, burstUs: 10, NowUs));
        var area = MemoryMarshal.Cast<byte, long>(new Span<byte>(
            memory.Log.Address + memory.Log.Layout.AreaOffset(SegmentAreaKind.Addresses), (int)SegmentArea.BytesOf(SegmentAreaKind.Addresses)));
        int place = area.IndexOf(NowUs + 10);
        Assert.All((long[])[long.MaxValue, long.MinValue, -1, 0, NowUs + 86_400_000_000], damage =>
        {
            Span<long> words = new(memory.Log.Address + memory.Log.Layout.AreaOffset(SegmentAreaKind.Addresses), place + 1);
            words[place] = damage;
            Assert.True(table.TryTake(Address(1), AddressRate.Rooms, costUs: 10, burstUs: 10, NowUs));
        });
    }

    private static AddressPrefix Address(int number) => new(0x0123, ((ulong)number << 32) | 0xFFFF0000, 128);
}
