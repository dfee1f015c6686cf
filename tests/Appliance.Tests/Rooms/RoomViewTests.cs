using System.Text;
using Appliance.Rooms;

namespace Appliance.Tests.Rooms;

/// <summary>A view has what the log has, record for record, in another shape, and cursors go from one to the other and back.</summary>
public sealed class RoomViewTests
{
    /// <summary>As server-sent events have it: the id, then the frame without its header, here in hexadecimal digits and filled up to a length.</summary>
    internal static int Shape(in FoundRecord record, ReadOnlySpan<byte> frame, Span<byte> shaped)
    {
        string text = $"id: {record.Id}\ndata: {Encoding.ASCII.GetString(frame[4..])}\n\n";
        return Encoding.ASCII.GetBytes(text.PadLeft(RoomLogLayout.RecordBytesMin, ':'), shaped);
    }

    [Fact]
    public void View_follows_its_log() => RandomCases.Check(
        RandomCases.Randomness,
        random =>
        {
            using var memory = new MemoryRoomLog();
            var model = new RingModel(memory.Ring);
            var views = new RoomViews(memory.Log.Layout, Shape);
            Append(model, random, random.Next(300));
            var view = views.TryOpen(0, memory.Ring)!;
            for (int i = 0; i < 30; i++)
            {
                Append(model, random, random.Next(40));
                view.Fill();
                AssertFollows(view, memory.Ring, model);
            }
        },
        20);

    /// <summary>Who stands behind it finds that records are gone, and then all that is there.</summary>
    [Fact]
    public void View_that_was_overtaken_goes_on_at_the_oldest_record()
    {
        var random = new Random(5);
        using var memory = new MemoryRoomLog();
        var model = new RingModel(memory.Ring);
        var view = new RoomViews(memory.Log.Layout, Shape).TryOpen(0, memory.Ring)!;
        Append(model, random, 10);
        view.Fill();
        long before = view.Ring.Head;
        Append(model, random, 2000);
        view.Fill();
        Assert.True(before < view.Ring.Tail, "the reader is told nothing");
        Assert.Equal(memory.Ring.IdBefore(memory.Ring.Tail), view.Ring.IdBefore(view.Ring.Tail));
        Assert.Equal(RoomView.Gone, view.ToLog(before));
        AssertFollows(view, memory.Ring, model);
    }

    /// <summary>What the log has given up is gone for a reader that comes from it.</summary>
    [Fact]
    public void Position_that_is_gone_stays_gone()
    {
        using var memory = new MemoryRoomLog();
        var model = new RingModel(memory.Ring);
        Append(model, new Random(1), 2000);
        var view = new RoomViews(memory.Log.Layout, Shape).TryOpen(0, memory.Ring)!;
        Assert.True(memory.Ring.Tail > 0);
        Assert.Equal(RoomView.Gone, view.FromLog(memory.Ring.Tail - 1));
        Assert.Equal(RoomView.Gone, view.FromLog(RoomView.Gone));
        Assert.Equal(view.Ring.Tail, view.FromLog(memory.Ring.Tail));
        Assert.Equal(view.Ring.Head, view.FromLog(memory.Ring.Head));
    }

    /// <summary>Clients that wait for the journal get no shape of what it does not have yet.</summary>
    [Fact]
    public void View_has_what_is_published()
    {
        using var memory = new MemoryRoomLog();
        var model = new RingModel(memory.Ring);
        memory.Log.Header.Journal = JournalState.Awaited;
        var view = new RoomViews(memory.Log.Layout, Shape).TryOpen(0, memory.Ring)!;
        Append(model, new Random(1), 3);
        view.Fill();
        Assert.Equal(0, view.Ring.RecordCount);
        unsafe
        {
            (memory.Ring.Header->Synced, memory.Ring.Header->SyncedId) = (memory.Ring.BoundaryFrom(1), MemoryRoomLog.FirstId + 1);
        }

        view.Fill();
        Assert.Equal(1, view.Ring.RecordCount);
    }

    [Fact]
    public void View_that_is_closed_and_opened_again_begins_anew()
    {
        using var memory = new MemoryRoomLog();
        var model = new RingModel(memory.Ring);
        var views = new RoomViews(memory.Log.Layout, Shape);
        var first = views.TryOpen(0, memory.Ring)!;
        Append(model, new Random(1), 100);
        first.Fill();
        first.Close();
        Append(model, new Random(2), 100);
        first.Fill();
        var second = views.TryOpen(0, memory.Ring)!;
        first.Fill();
        AssertFollows(second, memory.Ring, model);
    }


    private static void Append(RingModel model, Random random, int records)
    {
        for (int i = 0; i < records; i++)
        {
            model.Append(random, [.. Enumerable.Range(0, 1 + random.Next(3)).Select(_ => random.Next(RoomLogLayout.RecordBytesMin, 600))]);
        }
    }

    private static void AssertFollows(RoomView view, RoomRing log, RingModel model)
    {
        Assert.Equal(log.NextId, view.Ring.NextId);
        var expected = new StringBuilder();
        foreach (var record in model.Records.Where(record => record.Position >= log.Tail))
        {
            byte[] frame = new byte[record.Length];
            log.Read(record.Position, frame);
            byte[] shaped = new byte[RoomViews.ShapedBytesMax(frame.Length)];
            int length = Shape(new FoundRecord(record.Id, 0, record.Length, record.IsMessage), frame, shaped);
            _ = expected.Append(Encoding.ASCII.GetString(shaped, 0, length));

            long position = view.FromLog(record.Position);
            Assert.Equal(record.Position, view.ToLog(position));
            Assert.Equal(record.Id - 1, view.Ring.IdBefore(position));
        }

        byte[] there = new byte[view.Ring.Head - view.FromLog(log.Tail)];
        view.Ring.Read(view.FromLog(log.Tail), there);
        Assert.Equal(expected.ToString(), Encoding.ASCII.GetString(there));
        Assert.Equal(log.Head, view.ToLog(view.Ring.Head));
    }
}
