using Appliance.Loop;

namespace Appliance.Tests.Loop;

/// <summary>Wake-ups through epoll, with the generation that tells one life of a descriptor from the next.</summary>
public sealed class PollerTests
{
    [Fact]
    public void Wakeup_is_an_event_until_it_is_cleared()
    {
        using var poller = new Poller(8);
        using var wakeup = new Wakeup();
        Assert.True(poller.Add(wakeup.Descriptor, generation: uint.MaxValue).Ok);
        Assert.Equal(0, poller.Wait(0));

        wakeup.Set();
        wakeup.Set();
        Assert.Equal(1, poller.Wait(-1));
        Assert.Equal((wakeup.Descriptor, uint.MaxValue, true, false), (poller[0].Descriptor, poller[0].Generation, poller[0].Readable, poller[0].Writable));

        wakeup.Clear();
        Assert.Equal(0, poller.Wait(0));
    }

    [Fact]
    public void Wakeup_comes_from_another_thread()
    {
        using var poller = new Poller(1);
        using var wakeup = new Wakeup();
        Assert.True(poller.Add(wakeup.Descriptor, 1).Ok);
        var thread = new Thread(wakeup.Set);
        thread.Start();
        Assert.Equal(1, poller.Wait(-1));
        thread.Join();
    }

    [Fact]
    public void Watch_is_for_what_was_asked()
    {
        using var poller = new Poller(8);
        using var wakeup = new Wakeup();
        Assert.True(poller.Add(wakeup.Descriptor, 1).Ok);
        wakeup.Set();
        poller.Watch(wakeup.Descriptor, 2, read: false, write: false);
        Assert.Equal(0, poller.Wait(0));
        poller.Watch(wakeup.Descriptor, 3, read: false, write: true);
        Assert.Equal(1, poller.Wait(0));
        Assert.Equal((3u, false, true), (poller[0].Generation, poller[0].Readable, poller[0].Writable));
        poller.Remove(wakeup.Descriptor);
        Assert.Equal(0, poller.Wait(0));
    }
}
