using Appliance.Connections;
using Appliance.Native;

namespace Appliance.Worker;

/// <summary>What comes in from clients.</summary>
public sealed unsafe partial class ClientServer
{
    private void Read(int fd)
    {
        var result = Syscall.Receive(fd, _received, ReadBytesMax);
        if (result.WouldBlock)
        {
            return;
        }

        if (!result.Ok || result.Value == 0)
        {
            OnEnd(fd);
            return;
        }

        _turnBytes += result.Value;
        _context.Counters.Figures.ReceivedBytes += result.Value;
        var bytes = new Span<byte>(_received, result.Value);
        if (_table.TransportOf(_table[fd]) is { } transport)
        {
            bytes = transport.Open(fd, bytes);
            OnOpened(fd, transport, bytes);
        }
        else
        {
            _endpoints.OnBytes(fd, bytes);
        }
    }

    /// <summary>What a transport has made of bytes, and what it has heard beside them.</summary>
    private void OnOpened(int fd, Transport transport, Span<byte> bytes)
    {
        if (!bytes.IsEmpty)
        {
            _endpoints.OnBytes(fd, bytes);
        }

        switch (transport.EndOf(fd))
        {
            case PeerEnd.None when transport.HasUnsent(fd):
                _table.QueueFlush(fd);
                break;
            case PeerEnd.None:
                break;
            case PeerEnd.Ended:
                OnEnd(fd);
                break;
            case PeerEnd.Broken:
                _delivery.SendLast(fd);
                _ = Syscall.Shutdown(fd, Syscall.SHUT_WR);
                _table.MarkForClose(fd);
                break;
            default:
                throw new System.Diagnostics.UnreachableException();
        }
    }

    /// <summary>The peer has closed its side. What is already on its way to it goes out; nothing else is owed.</summary>
    private void OnEnd(int fd)
    {
        _delivery.Flush(fd);
        _table.MarkForClose(fd);
    }

    /// <summary>Where a transport tells a whole stream from a cut one, it says that this one is whole, if the kernel takes it at once.</summary>
    private void SayEnd(int fd, in Connection connection)
    {
        if (_table.TransportOf(connection) is { } transport
            && !connection.Is(ConnectionFlags.Torn | ConnectionFlags.MidFrame) && !transport.HasUnsent(fd) && transport.End(fd))
        {
            _delivery.SendLast(fd);
        }
    }
}
