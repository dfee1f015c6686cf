using System.Text;
using Appliance.Connections;
using Appliance.Moving;
using Appliance.Tests.Connections;

namespace Appliance.Tests.Delivery;

/// <summary>
/// A transport seals what goes out: each byte once, in order, whatever the kernel takes of it, wherever the connection goes, and never anything
/// that was overwritten.
/// </summary>
public sealed class TransportTests : IDisposable
{
    private const byte Counted = 1;

    private readonly StreamScene _scene = new(() => new CountedTransport());
    private uint _opened;
    private readonly List<byte> _unopened = [];

    public void Dispose() => _scene.Dispose();

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    public void Each_gets_what_is_said_and_what_is_for_it_alone(byte view)
    {
        (int fd, int client) = _scene.Join(0, view, Counted);
        (_, int plain) = _scene.Join(0, view);
        _scene.Say(3);
        _scene.Deliver(0);
        _scene.Workers[0].Table.OutboxOf(fd).Append("for you alone"u8);
        _scene.Deliver(0);
        _scene.Say(2);
        _scene.Deliver(0);
        string first = view == 0 ? _scene.Frames(0, 3) : _scene.Shaped(0, 3);
        string second = view == 0 ? _scene.Frames(3, 5) : _scene.Shaped(3, 5);
        Assert.Equal(first + "for you alone" + second, Open(StreamScene.Receive(client)));
        Assert.Equal(first + second, StreamScene.Receive(plain));
    }

    /// <summary>More than a list takes, to many who read nothing at first.</summary>
    [Fact]
    public void Slow_clients_get_the_same_bytes()
    {
        var clients = Enumerable.Range(0, 12).Select(_ => _scene.Join(0, transport: Counted)).ToArray();
        _scene.Say(200);
        _scene.Deliver(0);
        _scene.Deliver(0);
        foreach ((int fd, int client) in clients)
        {
            _opened = 0;
            _unopened.Clear();
            Assert.Equal(_scene.Frames(0, 200), Open(_scene.Drain(0, fd, client)));
        }

        Assert.Empty(_scene.Gaps);
    }

    /// <summary>Sealed bytes that wait go along, and so do the transport's numbers; the giver knows nothing of the connection any more.</summary>
    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    public void Stream_goes_on_at_another_worker(byte view)
    {
        (int fd, int client) = _scene.Join(0, view, Counted);
        var got = new StringBuilder();
        int at = 0;
        int halves = 0;
        for (int moves = 0; moves < 6; moves++)
        {
            _scene.Say(30);
            _scene.Deliver(at);
            _ = got.Append(StreamScene.Receive(client, bytesMax: 7777 * (moves + 1)));
            _scene.Flush(at, fd);
            var transport = (CountedTransport)_scene.Workers[at].Table.Transports[0];
            halves += transport.HasUnsent(fd) ? 1 : 0;
            _scene.Move(fd, at, 1 - at);
            Assert.Equal((0, false), (transport.Count, transport.HasUnsent(fd)));
            at = 1 - at;
        }

        _ = got.Append(_scene.Drain(at, fd, client));
        Assert.Equal(view == 0 ? _scene.Frames(0, 180) : _scene.Shaped(0, 180), Open(got.ToString()));
        Assert.True(halves > 0, "nothing ever waited");
        Assert.Empty(_scene.Gaps);
    }

    /// <summary>What the transport says for itself goes out in its place, behind what was sealed before.</summary>
    [Fact]
    public void Words_of_the_transport_wait_for_their_turn()
    {
        (int fd, int client) = _scene.Join(0, transport: Counted);
        var transport = (CountedTransport)_scene.Workers[0].Table.Transports[0];
        _scene.Say(60);
        _scene.Deliver(0);
        transport.Say(fd);
        _scene.Say(1);
        string text = Open(_scene.Drain(0, fd, client));
        Assert.Equal(_scene.Frames(0, 61), text);

        _scene.Workers[0].Table[fd].Set(ConnectionFlags.ShutWhenFlushed, true);
        _scene.Flush(0, fd);
        uint before = _opened;
        Assert.Equal("", Open(StreamScene.Receive(client)));
        Assert.Equal(before + 1, _opened);
        Assert.Equal(ConnectionState.Lingering, _scene.Workers[0].Table[fd].State);
        _scene.Flush(0, fd);
        Assert.Equal("", StreamScene.Receive(client));
    }

    /// <summary>A batch that this worker cannot go on with is refused whole.</summary>
    [Theory]
    [InlineData(0, 1)]
    [InlineData(1, 0)]
    public void Connection_of_an_unknown_transport_or_view_is_not_taken(byte transport, byte view)
    {
        using var other = new StreamScene();
        using var giving = new StreamScene(() => new CountedTransport());
        (int fd, _) = giving.Join(0, view, transport);
        var batch = new HandoverBatch();
        giving.Workers[0].Packing.Pack(batch, fd);
        batch.Records[0].View += view;
        Assert.False(other.Workers[0].Packing.TryWatch(batch));
        batch.Records[0].View = view;
        giving.Workers[0].Packing.TakeBack(batch);
        other.Workers[0].Context.Poller.Remove(fd);
    }

    private string Open(string sealedText)
    {
        _unopened.AddRange(Encoding.Latin1.GetBytes(sealedText));
        var text = new StringBuilder();
        while (CountedTransport.TryOpen(_unopened, ref _opened, out byte[] plain))
        {
            _ = text.Append(Encoding.Latin1.GetString(plain));
        }

        return text.ToString();
    }
}
