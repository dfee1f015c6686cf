using System.Text;
using Appliance.Connections;
using Appliance.Tests.Rooms;

namespace Appliance.Tests.Delivery;

/// <summary>Clients that read a room in another shape get every record once, in order, however slow they are and wherever they go.</summary>
public sealed class ViewDeliveryTests : IDisposable
{
    private readonly StreamScene _scene = new();

    public void Dispose() => _scene.Dispose();

    [Fact]
    public void Each_gets_its_shape()
    {
        _scene.Say(3);
        (int frames, int framesClient) = _scene.Join(0, view: 0);
        (int shaped, int shapedClient) = _scene.Join(0, view: 1);
        (int late, int lateClient) = _scene.Join(0, view: 1, history: 2);
        _scene.Say(4);
        _scene.Deliver(0);
        Assert.Equal(_scene.Frames(3, 7), StreamScene.Receive(framesClient));
        Assert.Equal(_scene.Shaped(3, 7), StreamScene.Receive(shapedClient));
        Assert.EndsWith(_scene.Shaped(3, 7), StreamScene.Receive(lateClient), StringComparison.Ordinal);
        Assert.Equal(3, _scene.Workers[0].Rooms.RoomOf(_scene.Workers[0].Table[frames]).MemberCount);

        // The last one of a shape ends its view; the next one begins another.
        _scene.Workers[0].Rooms.Leave(shaped);
        _scene.Workers[0].Rooms.Leave(late);
        Assert.Null(_scene.Workers[0].Rooms.RoomOf(_scene.Workers[0].Table[frames]).Others![0]);
        _scene.Say(1);
        _scene.Deliver(0);
        (_, int again) = _scene.Join(0, view: 1);
        _scene.Say(1);
        _scene.Deliver(0);
        Assert.Equal(_scene.Shaped(8, 9), StreamScene.Receive(again));
        Assert.Equal(_scene.Frames(7, 9), StreamScene.Receive(framesClient));
        Assert.Empty(_scene.Gaps);
    }

    /// <summary>Whoever is overtaken between two records is told; its stream has no half of one.</summary>
    [Fact]
    public void Slow_client_is_told_what_is_gone()
    {
        (int fd, int client) = _scene.Join(0, view: 1);
        _scene.Workers[0].Table.SetBlocked(ref _scene.Workers[0].Table[fd], true);
        for (int i = 0; i < 10; i++)
        {
            _scene.Say(100);
            _scene.Deliver(0);
        }

        _scene.Workers[0].Table.SetBlocked(ref _scene.Workers[0].Table[fd], false);
        var text = _scene.Drain(0, fd, client);
        long id = Assert.Single(_scene.Gaps);
        Assert.Equal(_scene.Shaped((int)(id + 1 - MemoryRoomLog.FirstId), 1000), text);
    }

    /// <summary>It stands inside a record when it goes, and inside another one when it comes back: its bytes are those of one stream.</summary>
    [Fact]
    public void Stream_goes_on_at_another_worker()
    {
        (int fd, int client) = _scene.Join(0, view: 1);
        var got = new StringBuilder();
        int at = 0;
        int halves = 0;
        for (int moves = 0; moves < 6; moves++)
        {
            _scene.Say(30);
            _scene.Deliver(at);
            _ = got.Append(StreamScene.Receive(client, bytesMax: 7777 * (moves + 1)));
            _scene.Flush(at, fd);
            halves += _scene.Workers[at].Table[fd].Is(ConnectionFlags.MidFrame) ? 1 : 0;
            _scene.Move(fd, at, 1 - at);
            at = 1 - at;
            Assert.Equal(1, _scene.Workers[at].Rooms.RoomOf(_scene.Workers[at].Table[fd]).MemberCount);
        }

        _ = got.Append(_scene.Drain(at, fd, client));
        Assert.Equal(_scene.Shaped(0, 180), got.ToString());
        Assert.True(halves > 0, "it never stood inside a record");
        Assert.Empty(_scene.Gaps);
    }
}
