using System.Net;
using System.Runtime.InteropServices;
using System.Text;
using Appliance.Loop;
using Appliance.Native;
using Appliance.Protocols.Http;
using Appliance.Protocols.WebSocket;

namespace Appliance.Bench.Peers;

/// <summary>
/// The limit of one way to send: shakes hands, and sends each message it gets to every client that asked for the same room, at once.
/// It knows no slow clients and no frame that comes in pieces.
/// </summary>
public sealed unsafe class BareServer(BareWay way) : IDisposable
{
    private const int ReceiveBytesMax = 64 << 10;

    private readonly Dictionary<string, List<int>> _rooms = new(StringComparer.Ordinal);
    private readonly Dictionary<int, List<int>> _roomOf = [];
    private readonly Sender _sender = new(together: way == BareWay.Uring);
    private readonly SendRequest[] _requests = new SendRequest[Sender.RequestsMax];
    private readonly byte* _received = (byte*)NativeMemory.Alloc(ReceiveBytesMax);
    private readonly byte* _frame = (byte*)NativeMemory.Alloc(ReceiveBytesMax);

    /// <summary>Serves a port of 127.0.0.1 for ever.</summary>
    public void Run(int port)
    {
        _ = Syscall.GetDescriptorLimit(out _, out long hard).OrThrow("getrlimit");
        _ = Syscall.SetDescriptorLimit(hard, hard).OrThrow("setrlimit");
        using var poller = new Poller(1024);
        using var listener = ListenSocket.BindInternet(ListenKind.Chat, IPAddress.Loopback.GetAddressBytes(), port, dual: false, shared: false, "bare");
        _ = poller.Add(listener.Descriptor, 0).OrThrow("epoll_ctl");
        while (true)
        {
            int ready = poller.Wait(-1);
            for (int i = 0; i < ready; i++)
            {
                int fd = poller[i].Descriptor;
                if (fd == listener.Descriptor)
                {
                    Accept(poller, fd);
                }
                else
                {
                    Read(fd);
                }
            }
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _sender.Dispose();
        NativeMemory.Free(_received);
        NativeMemory.Free(_frame);
    }

    private static void Accept(Poller poller, int listener)
    {
        for (var accepted = Syscall.Accept(listener, out _); accepted.Ok; accepted = Syscall.Accept(listener, out _))
        {
            _ = poller.Add(accepted.Value, 1).OrThrow("epoll_ctl");
        }
    }

    private void Read(int fd)
    {
        var result = Syscall.Receive(fd, _received, ReceiveBytesMax);
        if (!result.Ok || result.Value == 0)
        {
            _ = _roomOf.Remove(fd, out var room) && room.Remove(fd);
            _ = Syscall.Close(fd);
            return;
        }

        var bytes = new Span<byte>(_received, result.Value);
        if (bytes[0] == (byte)'G')
        {
            Answer(fd, bytes);
            return;
        }

        while (!bytes.IsEmpty && FrameHeader.TryRead(bytes, out var header))
        {
            int start = FrameLength.HeaderBytes(bytes[1]);
            var payload = bytes.Slice(start, (int)header.PayloadLength);
            _ = Masking.Apply(payload, header.Mask);
            Broadcast(_roomOf[fd], payload);
            bytes = bytes[(start + payload.Length)..];
        }
    }

    private void Answer(int fd, ReadOnlySpan<byte> bytes)
    {
        if (HttpRequestReader.Read(bytes, out var request, out _) == HttpReadStatus.Complete)
        {
            int length = Handshake.WriteResponse(request, protocol: default, new Span<byte>(_frame, ReceiveBytesMax));
            _ = Syscall.Send(fd, _frame, length, 0);
            string room = Encoding.ASCII.GetString(request.Query);
            ref var members = ref CollectionsMarshal.GetValueRefOrAddDefault(_rooms, room, out _);
            members ??= [];
            members.Add(fd);
            _roomOf[fd] = members;
        }
    }

    private void Broadcast(List<int> room, ReadOnlySpan<byte> payload)
    {
        var frame = new Span<byte>(_frame, ReceiveBytesMax);
        int header = FrameHeader.WriteServer(frame, Opcode.Text, payload.Length);
        payload.CopyTo(frame[header..]);
        int length = header + payload.Length;
        if (way == BareWay.Uring)
        {
            SendTogether(room, length);
            return;
        }

        foreach (int fd in CollectionsMarshal.AsSpan(room))
        {
            Send(fd, 0, length);
        }
    }

    private void SendTogether(List<int> room, int length)
    {
        for (int first = 0; first < room.Count; first += _requests.Length)
        {
            var requests = _requests.AsSpan(0, Math.Min(_requests.Length, room.Count - first));
            for (int i = 0; i < requests.Length; i++)
            {
                requests[i] = new SendRequest { Bytes = _frame, Count = length, Descriptor = room[first + i] };
            }

            _sender.Submit(requests);
            foreach (ref readonly var request in requests)
            {
                if (request.Result.Ok || request.Result.WouldBlock)
                {
                    Send(request.Descriptor, request.Result.Ok ? request.Result.Value : 0, length);
                }
            }
        }
    }

    /// <summary>A full socket is tried again until the generator has read from it.</summary>
    private void Send(int fd, int sent, int length)
    {
        while (sent < length)
        {
            var result = Syscall.Send(fd, _frame + sent, length - sent, 0);
            if (!result.Ok && !result.WouldBlock)
            {
                return;
            }

            sent += result.Ok ? result.Value : 0;
        }
    }
}
