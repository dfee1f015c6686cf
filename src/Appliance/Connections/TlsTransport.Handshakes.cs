using Appliance.Native;
using Appliance.Protocols.Http;
using Appliance.Tls;

namespace Appliance.Connections;

/// <summary>Is told how handshakes of TLS end.</summary>
public interface ITlsObserver
{
    /// <summary>A handshake is done: a request may come, and this has come behind it already.</summary>
    void OnEstablished(int fd, Span<byte> first);

    /// <summary>A handshake has come to nothing: what the client must be told is kept (<see cref="Transport.Unsent"/>).</summary>
    void OnFailed(int fd, string why);

    /// <summary>Bytes of a handshake are kept, to be sent.</summary>
    void OnKept(int fd);
}

/// <summary>Handshakes of TLS: each has its turn once what the client has sent can bring it on.</summary>
public sealed unsafe partial class TlsTransport
{
    /// <summary>Handshakes under way; each takes some 40 KiB until it is done, and an honest client is done after a round trip.</summary>
    private const int HandshakesMax = 256;

    /// <summary>How long a turn makes handshakes: messages wait for them.</summary>
    private const int TurnNsMax = 4_000_000;

    /// <summary>After so many handshakes their memory goes back to the kernel, once none is under way.</summary>
    private const int TrimAfter = 256;

    private const int OutputBytes = 4096;

    private static readonly byte[] SpeaksTls =
        HttpResponse.Refuse(400, "this port speaks TLS (--listen-tls): use https:// and wss:// here");

    private readonly Dictionary<int, TlsHandshake> _handshakes = [];
    private readonly Queue<(int Descriptor, TlsHandshake Handshake)> _oldest = new();
    private readonly Queue<int> _ready = new();
    private TlsContexts? _contexts;
    private int _sinceTrim;

    /// <summary>Is told how handshakes end.</summary>
    public ITlsObserver? Observer { get; set; }

    /// <summary>Whether handshakes wait for the next turn.</summary>
    public bool HasReady => _ready.Count > 0;

    /// <summary>Handshakes under way.</summary>
    public int HandshakeCount => _handshakes.Count;

    /// <summary>Makes the handshakes that are due, as long as a turn may.</summary>
    public void Turn()
    {
        long untilNs = _ready.Count > 0 ? MonotonicClock.ReadNs() + TurnNsMax : 0;
        while (_ready.TryDequeue(out int fd))
        {
            Shake(fd);
            if (MonotonicClock.ReadNs() >= untilNs)
            {
                return;
            }
        }
    }

    /// <summary>Bytes of a handshake, which is made when it is its turn.</summary>
    private void Collect(int fd, ReadOnlySpan<byte> received)
    {
        ref var state = ref StateOf(fd);
        if (state.Is(TlsFlags.IsBroken))
        {
            return;
        }

        var rest = RestOf(fd);
        bool isReady = _handshakes.ContainsKey(fd) && rest.Count > 0;
        rest.Append(received);
        var status = !_handshakes.ContainsKey(fd) ? ClientHello.Read(rest.Bytes)
            : rest.Count <= InputBytesMax ? ClientHelloStatus.Whole
            : ClientHelloStatus.Malformed;
        switch (status)
        {
            case ClientHelloStatus.Incomplete:
                break;
            case ClientHelloStatus.Whole when !isReady:
                _ready.Enqueue(fd);
                break;
            case ClientHelloStatus.Whole:
                break;
            case ClientHelloStatus.Http:
                Keep(fd, SpeaksTls);
                Fail(fd, "a request without TLS at a port that speaks it: https:// and wss:// are for it");
                break;
            case ClientHelloStatus.Malformed:
                Say(fd, TlsAlert.UnexpectedMessage);
                Fail(fd, "no TLS, at a port that speaks nothing else");
                break;
            default:
                throw new System.Diagnostics.UnreachableException();
        }
    }

    /// <summary>Goes on with a handshake, if there still is something to go on with.</summary>
    private void Shake(int fd)
    {
        if (StateOf(fd) is { IsEstablished: true } or { Flags: not TlsFlags.None } || !_rests.Remove(fd, out var rest))
        {
            return;
        }

        try
        {
            if ((_handshakes.GetValueOrDefault(fd) ?? BeginHandshake(fd)) is { } handshake)
            {
                Continue(fd, handshake, rest.Bytes);
            }
        }
        finally
        {
            Return(rest);
        }
    }

    private TlsHandshake? BeginHandshake(int fd)
    {
        if (_contexts is null)
        {
            Say(fd, TlsAlert.InternalError);
            Fail(fd, "this process has no certificate (--tls-cert)");
            return null;
        }

        while (_oldest.TryPeek(out var oldest))
        {
            bool isUnderWay = _handshakes.GetValueOrDefault(oldest.Descriptor) == oldest.Handshake;
            if (isUnderWay && _handshakes.Count < HandshakesMax)
            {
                break;
            }

            _ = _oldest.Dequeue();
            if (isUnderWay)
            {
                Fail(oldest.Descriptor, $"{HandshakesMax} handshakes are under way, and this one, the oldest, makes room");
            }
        }

        try
        {
            var handshake = new TlsHandshake(_contexts);
            _handshakes[fd] = handshake;
            _oldest.Enqueue((fd, handshake));
            return handshake;
        }
        catch (IOException noMemory)
        {
            Say(fd, TlsAlert.InternalError);
            Fail(fd, noMemory.Message);
            return null;
        }
    }

    private void Continue(int fd, TlsHandshake handshake, ReadOnlySpan<byte> input)
    {
        var status = handshake.Continue(input);
        KeepOutput(fd, handshake);
        switch (status)
        {
            case HandshakeStatus.UnderWay:
                break;
            case HandshakeStatus.Done:
                StateOf(fd) = handshake.State;
                var first = TakeRest(fd, handshake);
                EndHandshake(fd);
                Observer?.OnEstablished(fd, first);
                break;
            case HandshakeStatus.Failed:
                Fail(fd, $"the handshake of TLS failed: {handshake.Failure}");
                break;
            default:
                throw new System.Diagnostics.UnreachableException();
        }
    }

    private void KeepOutput(int fd, TlsHandshake handshake)
    {
        Span<byte> output = stackalloc byte[OutputBytes];
        while (handshake.TakeOutput(output) is > 0 and var count)
        {
            Keep(fd, output[..count]);
        }

        if (HasUnsent(fd))
        {
            Observer?.OnKept(fd);
        }
    }

    /// <summary>What has come behind the handshake are records.</summary>
    private Span<byte> TakeRest(int fd, TlsHandshake handshake)
    {
        Span<byte> bytes = stackalloc byte[OutputBytes];
        var rest = RestOf(fd);
        while (handshake.TakeRest(bytes) is > 0 and var count)
        {
            rest.Append(bytes[..count]);
        }

        return Open(fd, default);
    }

    private void Fail(int fd, string why)
    {
        StateOf(fd).Flags |= TlsFlags.IsBroken;
        EndHandshake(fd);
        Observer?.OnFailed(fd, why);
    }

    private void EndHandshake(int fd)
    {
        if (!_handshakes.Remove(fd, out var handshake))
        {
            return;
        }

        handshake.Dispose();
        if (++_sinceTrim >= TrimAfter && _handshakes.Count == 0)
        {
            _sinceTrim = 0;
            Syscall.TrimHeap();
        }

        if (_handshakes.Count == 0)
        {
            _oldest.Clear();
        }
    }
}
