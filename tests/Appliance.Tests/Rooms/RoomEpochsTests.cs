using Appliance.Rooms;

namespace Appliance.Tests.Rooms;

/// <summary>Records keep their ids where ids jump, and every id leads to the record behind it, with a gap if something may be missing.</summary>
public sealed class RoomEpochsTests
{
    private const int RecordBytes = 100;

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(4)]
    public unsafe void Every_id_leads_behind_its_record(int seed)
    {
        var random = new Random(seed);
        using var memory = new MemoryRoomLog();
        var ring = memory.Ring;
        List<long> ids = [];
        long next = MemoryRoomLog.FirstId;
        for (int epoch = 0; epoch < 12; epoch++)
        {
            RoomFilling.RaiseNextId(ring, next);
            int count = random.Next(seed == 1 ? 200 : 5);
            for (int i = 0; i < count; i++)
            {
                Assert.True(RoomFilling.TryAppend(ring, next, isMessage: true, RingModel.Frame(RecordBytes, random)));
                ids.Add(next++);
                Assert.False(RoomFilling.TryAppend(ring, next - 1, isMessage: true, RingModel.Frame(RecordBytes, random)));
            }

            next += random.Next(1, 1000);
            AssertLeads(ring, ids);
        }

        using var other = new MemoryRoomLog(2 * RoomLogLayout.RingBytesMin);
        other.Ring.CopyFrom(ring);
        AssertLeads(other.Ring, ids);
        Assert.Equal(ring.LastId, other.Ring.LastId);
    }

    private static unsafe void AssertLeads(RoomRing ring, List<long> ids)
    {
        long there = ring.Header->NextId - ring.Header->FirstId;
        Assert.InRange(there, Math.Min(ids.Count, 1), ids.Count);
        var kept = ids[^(int)there..];
        var epochs = new RoomEpochs(ring.Header);
        for (int i = 0; i < kept.Count; i++)
        {
            Assert.Equal(kept[i], epochs.IdOf(ring.Header->FirstId + i));
            var start = ring.StartAfter(kept[i], 5);
            Assert.Equal(ring.Tail + ((i + 1) * RecordBytes), start.Position);

            // Behind the last record before a jump, and before it, something may be missing.
            bool jumps = kept[i] < ring.Header->EpochId;
            Assert.Equal(jumps, start.Gap);
            Assert.Equal(start.Position, ring.StartAfter(kept[i] + (jumps && (i + 1 == kept.Count || kept[i + 1] > kept[i] + 1) ? 1 : 0), 5).Position);
        }

        Assert.Equal(ring.Head, ring.Tail + (there * RecordBytes));
    }
}
