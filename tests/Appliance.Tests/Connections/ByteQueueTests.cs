using System.Runtime.InteropServices;
using Appliance.Connections;

namespace Appliance.Tests.Connections;

/// <summary>Bytes in at one end, out at the other, against a list.</summary>
public sealed class ByteQueueTests
{
    [Fact]
    public void Any_order_of_appending_and_consuming() => RandomCases.Check(RandomCases.Randomness, random =>
    {
        var queue = new ByteQueue();
        List<byte> model = [];
        for (int operation = 0; operation < 100; operation++)
        {
            switch (random.Next(8))
            {
                case 0:
                    queue.Clear();
                    model.Clear();
                    break;
                case < 4:
                    int taken = random.Next(model.Count + 1);
                    queue.Consume(taken);
                    model.RemoveRange(0, taken);
                    break;
                default:
                    byte[] bytes = new byte[random.Next(random.Next(1, 5000))];
                    random.NextBytes(bytes);
                    bool reserve = random.Next(2) == 0;
                    if (reserve)
                    {
                        bytes.CopyTo(queue.Reserve(bytes.Length));
                    }
                    else
                    {
                        queue.Append(bytes);
                    }

                    model.AddRange(bytes);
                    break;
            }

            Assert.Equal(model.Count, queue.Count);
            Assert.True(queue.Bytes.SequenceEqual(CollectionsMarshal.AsSpan(model)));
        }
    });

    [Fact]
    public void Reserved_bytes_are_exactly_those_asked_for()
    {
        var queue = new ByteQueue();
        Assert.Equal(0, queue.Reserve(0).Length);
        Assert.Equal(7, queue.Reserve(7).Length);
        Assert.Equal(100_000, queue.Reserve(100_000).Length);
        Assert.Equal(100_007, queue.Count);
    }

    [Fact]
    public void Long_stream_through_a_short_queue_keeps_its_buffer()
    {
        var queue = new ByteQueue();
        queue.Append(new byte[300]);
        long before = GC.GetAllocatedBytesForCurrentThread();
        for (int i = 0; i < 10_000; i++)
        {
            queue.Reserve(100).Fill((byte)i);
            queue.Consume(100);
        }

        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 100_000);
        Assert.Equal(300, queue.Count);
    }
}
