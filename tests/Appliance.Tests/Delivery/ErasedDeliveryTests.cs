using System.Text;
using Appliance.Connections;
using Appliance.Rooms;
using Appliance.Tests.Connections;
using Appliance.Tests.Rooms;

namespace Appliance.Tests.Delivery;

/// <summary>A message is deleted while clients have a part of it: no stream has a part of the message and a part of what stands in its place.</summary>
public sealed class ErasedDeliveryTests : IDisposable
{
    private const int Records = 180;

    private readonly StreamScene _scene = new(() => new CountedTransport());
    private readonly StringBuilder _read = new();

    private RoomRing Ring => _scene.Workers[0].Context.Log.Ring(0);

    public void Dispose() => _scene.Dispose();

    /// <summary>As served in a list, alone, by another worker, and sealed.</summary>
    [Theory]
    [InlineData("deliver", 0)]
    [InlineData("flush", 0)]
    [InlineData("move", 0)]
    [InlineData("deliver", 1)]
    [InlineData("flush", 1)]
    public void Who_is_inside_of_it_is_cut_off(string how, byte transport)
    {
        (int fd, int client) = _scene.Join(0, transport: transport);
        long id = StandInsideMessage(fd, client);
        string former = Bytes(MemoryRoomLog.FirstId, Ring.NextId);
        _ = Text(client);
        long position = _scene.Workers[0].Table[fd].Position;
        Assert.Equal(ErasureOutcome.Done, Ring.Erase(id));
        if (how == "move")
        {
            _scene.Move(fd, 0, 1);
        }
        else if (how == "flush")
        {
            // What was sealed before goes out first.
            for (int tries = 0; tries < Records && !_scene.Workers[0].Table[fd].Is(ConnectionFlags.ClosePending); tries++)
            {
                _scene.Flush(0, fd);
                _ = transport > 0 ? StreamScene.Receive(client) : "";
            }
        }
        else
        {
            _scene.Deliver(0);
        }

        ref var connection = ref _scene.Workers[how == "move" ? 1 : 0].Table[fd];
        Assert.True(connection.Is(ConnectionFlags.ClosePending) && connection.Is(ConnectionFlags.Torn));
        Assert.Equal(position, connection.Position);

        // What was sealed before goes out or not; it is of the former bytes.
        Assert.True(transport > 0 || (Text(client).Length == 0 && _read.Length == position), $"{_read.Length} bytes, {position}");
        Assert.True(transport > 0 || former.StartsWith(_read.ToString(), StringComparison.Ordinal));
    }

    /// <summary>Another one than that in which they stand: they notice nothing, and get what stands in its place, or have had it.</summary>
    [Theory]
    [InlineData(-1)]
    [InlineData(1)]
    public void Who_is_outside_of_it_goes_on(int direction)
    {
        (int fd, int client) = _scene.Join(0);
        long inside = StandInsideMessage(fd, client);
        string former = Bytes(MemoryRoomLog.FirstId, Ring.NextId);
        long id = inside + direction;
        while (Ring.KindIn(Ring.IndexOf(id)) != RecordKind.Chat)
        {
            id += direction;
        }

        Assert.Equal(ErasureOutcome.Done, Ring.Erase(id));
        string now = Bytes(MemoryRoomLog.FirstId, Ring.NextId);
        Assert.NotEqual(former, now, StringComparer.Ordinal);
        _ = Text(client);
        _ = _read.Append(_scene.Drain(0, fd, client));
        Assert.False(_scene.Workers[0].Table[fd].Is(ConnectionFlags.ClosePending));
        Assert.Equal(direction < 0 ? former : now, _read.ToString());
        Assert.Empty(_scene.Gaps);
    }

    /// <summary>A view has nothing of what it was filled with before: its readers go on with what comes, with a gap.</summary>
    [Fact]
    public void View_forgets_the_text()
    {
        (int fd, int client) = _scene.Join(0, view: 1);
        _scene.Say(5);
        _scene.Deliver(0);
        Assert.Equal(_scene.Shaped(0, 5), StreamScene.Receive(client));
        long id = MemoryRoomLog.FirstId;
        while (Ring.KindIn(Ring.IndexOf(id)) != RecordKind.Chat)
        {
            id++;
        }

        Assert.Equal(ErasureOutcome.Done, Ring.Erase(id));
        _scene.Say(2);
        Assert.Equal(_scene.Shaped(5, 7), _scene.Drain(0, fd, client));
        Assert.Single(_scene.Gaps);
    }

    /// <summary>Says something until a client's socket is full inside of a message; returns that message's id.</summary>
    private long StandInsideMessage(int fd, int client)
    {
        _scene.Say(Records);
        for (int tries = 0; tries < 2 * Records; tries++)
        {
            _scene.Deliver(0);
            _scene.Flush(0, fd);
            ref var connection = ref _scene.Workers[0].Table[fd];
            long position = connection.Position;
            long id = MemoryRoomLog.FirstId;
            while (id < Ring.NextId && Ring.PositionOf(id + 1) <= position)
            {
                id++;
            }

            if (connection.Is(ConnectionFlags.MidFrame) && Ring.KindIn(Ring.IndexOf(id)) == RecordKind.Chat && Ring.PositionOf(id) < position)
            {
                return id;
            }

            Assert.True(position < Ring.Head, "all was sent");
            _ = _read.Append(StreamScene.Receive(client, bytesMax: 777));
        }

        throw new InvalidOperationException("never inside of a message");
    }

    private string Text(int client)
    {
        string text = StreamScene.Receive(client);
        _ = _read.Append(text);
        return text;
    }

    private string Bytes(long from, long to)
    {
        byte[] bytes = new byte[Ring.PositionOf(to) - Ring.PositionOf(from)];
        Ring.Read(Ring.PositionOf(from), bytes);
        return Encoding.Latin1.GetString(bytes);
    }
}
