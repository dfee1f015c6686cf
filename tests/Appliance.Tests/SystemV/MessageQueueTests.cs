using System.Text;
using Appliance.Native;
using Appliance.SystemV;
using Appliance.Tests.Rooms;

namespace Appliance.Tests.SystemV;

/// <summary>Message queues of the kernel.</summary>
public sealed class MessageQueueTests : IDisposable
{
    private readonly StateDirectory _directory = new();
    private readonly MessageQueue _queue;

    public MessageQueueTests() => _queue = MessageQueue.Open(Key, 0x1B0);

    private SystemVKey Key => SystemVKey.OfPath(_directory.Path, '~');

    public void Dispose()
    {
        _ = _queue.Remove();
        _directory.Dispose();
    }

    [Theory]
    [InlineData(0, false, "3c 1a 2b 1d")]
    [InlineData(1, false, "1a 1d")]
    [InlineData(2, false, "2b")]
    [InlineData(-2, false, "1a 1d 2b")]
    [InlineData(-9, false, "1a 1d 2b 3c")]
    [InlineData(1, true, "3c 2b")]
    [InlineData(7, false, "")]
    public void Types_choose_what_is_received(long type, bool except, string expected)
    {
        foreach (string message in (string[])["3c", "1a", "2b", "1d"])
        {
            Assert.True(_queue.Send(message[0] - '0', Encoding.ASCII.GetBytes(message), wait: false).Ok);
        }

        List<string> received = [];
        while (_queue.Receive(type, except, wait: false, out var message).Ok)
        {
            Assert.Equal(message.Text[0] - '0', message.Type);
            received.Add(Encoding.ASCII.GetString(message.Text));
        }

        Assert.Equal(expected, string.Join(' ', received));
    }

    [Fact]
    public void Empty_and_largest_messages_pass_whole()
    {
        byte[] largest = new byte[MessageQueue.Limits.MessageBytesMax];
        new Random(1).NextBytes(largest);
        foreach (byte[] text in (byte[][])[[], largest])
        {
            Assert.True(_queue.Send(1, text, wait: false).Ok);
            Assert.True(MessageQueue.Of(_queue.Id).Receive(0, except: false, wait: false, out var message).Ok);
            Assert.Equal(text, message.Text);
        }
    }

    [Fact]
    public void Refusals_are_told_apart()
    {
        Assert.Equal(Errno.ENOMSG, _queue.Receive(0, except: false, wait: false, out _).Error);
        Assert.Equal(Errno.EINVAL, _queue.Send(1, new byte[MessageQueue.Limits.MessageBytesMax + 1], wait: false).Error);
        Assert.Equal(Errno.EINVAL, _queue.Send(0, [], wait: false).Error);
        while (_queue.Send(1, new byte[1000], wait: false).Ok)
        {
        }

        Assert.Equal(Errno.EAGAIN, _queue.Send(1, new byte[1000], wait: false).Error);
        Assert.True(_queue.Remove().Ok);
        Assert.Equal(Errno.EINVAL, _queue.Send(1, [], wait: false).Error);
        Assert.Null(MessageQueue.Find(Key));
    }

    [Fact]
    public void Status_counts_messages_and_bytes()
    {
        Assert.True(_queue.Send(5, "hello"u8, wait: false).Ok);
        Assert.True(_queue.Send(6, "you"u8, wait: false).Ok);
        var status = _queue.ReadStatus();
        Assert.Equal((Key.Value, 2L, 8L, 0x1B0u), (status.msg_perm_key, status.msg_qnum, status.msg_cbytes, status.msg_perm_mode & 0x1FF));
        Assert.Equal((Environment.ProcessId, 0, MessageQueue.Limits.QueueBytesMax), (status.msg_lspid, status.msg_lrpid, (int)status.msg_qbytes));
    }

    [Fact]
    public void Discard_takes_one_type_or_spares_it()
    {
        foreach (long type in (long[])[1, 2, 2, 3])
        {
            Assert.True(_queue.Send(type, new byte[100], wait: false).Ok);
        }

        Assert.Equal((2, 1, 0), (_queue.Discard(2), _queue.Discard(1, except: true, messagesMax: 5), _queue.Discard(9)));
        Assert.Equal(1, _queue.ReadStatus().msg_qnum);
    }
}
