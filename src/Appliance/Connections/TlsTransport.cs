using System.Runtime.InteropServices;
using Appliance.Native;
using Appliance.Tls;

namespace Appliance.Connections;

/// <summary>
/// TLS 1.3: handshakes, a few milliseconds of them a turn, and then records. What a connection needs once its handshake is done are the 208 bytes of
/// <see cref="TlsState"/> at the index of its descriptor; they are wiped when it ends or goes to another process. Of one thread.
/// </summary>
public sealed unsafe partial class TlsTransport : Transport, IDisposable
{
    /// <summary>Its place in <see cref="ConnectionTable.Transports"/>, counted from 1.</summary>
    public const byte Number = 1;

    /// <summary>What may come until it is a handshake's turn: its messages, and data behind them.</summary>
    private const int InputBytesMax = 80 << 10;

    /// <summary>The most that is read at once, behind what was left.</summary>
    private const int JoinedBytesMax = InputBytesMax + (64 << 10);

    private readonly RecordLayer _records = new();
    private readonly Dictionary<int, ByteQueue> _rests = [];
    private readonly Stack<ByteQueue> _spare = new();
    private readonly int _capacity;
    private TlsState* _states;
    private byte* _scratch;

    /// <summary>For connections whose descriptors are less than a capacity.</summary>
    public TlsTransport(int capacity) => _capacity = capacity;

    /// <summary>Makes further handshakes with these certificates.</summary>
    /// <exception cref="IOException">OpenSSL is missing or refuses them; the former ones stay in use.</exception>
    public void Use(TlsCredentials credentials)
    {
        if (OpenSsl.WhyMissing() is { } missing)
        {
            throw new IOException(missing);
        }

        if (!TryMap())
        {
            throw new IOException("no memory is left for the keys of TLS connections");
        }

        var contexts = credentials.MakeContexts([]);
        _contexts?.Release();
        _contexts = contexts;
    }

    /// <inheritdoc/>
    public override int SealedBytesMax(int plain) => RecordLayer.SealedBytesOf(plain, 512);

    /// <inheritdoc/>
    public override Span<byte> Open(int fd, Span<byte> received)
    {
        ref var state = ref StateOf(fd);
        if (!state.IsEstablished)
        {
            Collect(fd, received);
            return default;
        }

        if (state.Is(TlsFlags.PeerHasEnded | TlsFlags.IsBroken))
        {
            return default;
        }

        var bytes = received;
        if (_rests.Remove(fd, out var rest))
        {
            bytes = Join(rest.Bytes, received);
            Return(rest);
        }

        var alert = _records.Open(ref state, bytes, out int consumed, out var data);
        if (alert != TlsAlert.None)
        {
            Break(fd, alert);
            return default;
        }

        if (consumed < bytes.Length && !state.Is(TlsFlags.PeerHasEnded))
        {
            RestOf(fd).Append(bytes[consumed..]);
        }

        return bytes[data];
    }

    /// <inheritdoc/>
    public override int Seal(int fd, ReadOnlySpan<byte> plain, Span<byte> to) => _records.SealData(ref StateOf(fd), plain, to);

    /// <inheritdoc/>
    public override PeerEnd EndOf(int fd)
    {
        ref var state = ref StateOf(fd);
        return state.Is(TlsFlags.IsBroken) ? PeerEnd.Broken : state.Is(TlsFlags.PeerHasEnded) ? PeerEnd.Ended : PeerEnd.None;
    }

    /// <summary>Only records go from process to process: a handshake that OpenSSL has begun stays.</summary>
    /// <inheritdoc/>
    public override bool CanMove(int fd) => !_handshakes.ContainsKey(fd);

    /// <inheritdoc/>
    public override bool End(int fd)
    {
        ref var state = ref StateOf(fd);
        if (!state.IsEstablished || state.Is(TlsFlags.HasEnded | TlsFlags.IsBroken))
        {
            return false;
        }

        Say(fd, TlsAlert.CloseNotify);
        state.Flags |= TlsFlags.HasEnded;
        return true;
    }

    /// <inheritdoc/>
    public override int StateBytes(int fd) => TlsState.Bytes + (_rests.TryGetValue(fd, out var rest) ? rest.Count : 0);

    /// <inheritdoc/>
    public override void Save(int fd, Span<byte> state)
    {
        MemoryMarshal.Write(state, StateOf(fd));
        if (_rests.TryGetValue(fd, out var rest))
        {
            rest.Bytes.CopyTo(state[TlsState.Bytes..]);
        }
    }

    /// <inheritdoc/>
    public override bool IsState(ReadOnlySpan<byte> state) =>
        state.Length is >= TlsState.Bytes and <= TlsState.Bytes + RecordLayer.RecordBytesMax
        && MemoryMarshal.Read<TlsState>(state).IsKnown && OpenSsl.TryLoad() && TryMap();

    /// <inheritdoc/>
    public override void Restore(int fd, ReadOnlySpan<byte> state)
    {
        StateOf(fd) = MemoryMarshal.Read<TlsState>(state);
        var rest = state[TlsState.Bytes..];
        if (!rest.IsEmpty)
        {
            RestOf(fd).Append(rest);
            if (!StateOf(fd).IsEstablished && ClientHello.Read(rest) == ClientHelloStatus.Whole)
            {
                _ready.Enqueue(fd);
            }
        }
    }

    /// <inheritdoc/>
    public override void Forget(int fd)
    {
        base.Forget(fd);
        StateOf(fd) = default;
        EndHandshake(fd);
        if (_rests.Remove(fd, out var rest))
        {
            Return(rest);
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (var handshake in _handshakes.Values)
        {
            handshake.Dispose();
        }

        _handshakes.Clear();
        _contexts?.Release();
        _contexts = null;
        _records.Dispose();
        NativeMemory.Free(_scratch);
        _scratch = null;
        if (_states is not null)
        {
            _ = Syscall.Unmap((byte*)_states, StatesBytes);
            _states = null;
        }
    }

    private nuint StatesBytes => (nuint)_capacity * TlsState.Bytes;

    private ref TlsState StateOf(int fd) => ref _states[fd];

    /// <summary>Has memory for the states of all connections, which counts once it is touched.</summary>
    private bool TryMap()
    {
        if (_states is null && Syscall.MapSecret(StatesBytes, out byte* states).Ok)
        {
            _states = (TlsState*)states;
        }

        return _states is not null;
    }

    private ByteQueue RestOf(int fd) =>
        CollectionsMarshal.GetValueRefOrAddDefault(_rests, fd, out _) ??= _spare.TryPop(out var spare) ? spare : new ByteQueue();

    private void Return(ByteQueue rest)
    {
        rest.Clear();
        _spare.Push(rest);
    }

    /// <summary>What was left and what has come, one behind the other.</summary>
    private Span<byte> Join(ReadOnlySpan<byte> rest, ReadOnlySpan<byte> received)
    {
        if (_scratch is null)
        {
            _scratch = (byte*)NativeMemory.Alloc(JoinedBytesMax);
        }

        var joined = new Span<byte>(_scratch, JoinedBytesMax);
        rest.CopyTo(joined);
        received.CopyTo(joined[rest.Length..]);
        return joined[..(rest.Length + received.Length)];
    }

    private void Break(int fd, TlsAlert alert)
    {
        ref var state = ref StateOf(fd);
        Say(fd, alert);
        state.Flags |= TlsFlags.IsBroken;
    }

    /// <summary>Keeps an alert, sealed where there are keys.</summary>
    private void Say(int fd, TlsAlert alert)
    {
        ref var state = ref StateOf(fd);
        if (!state.IsEstablished)
        {
            Keep(fd, RecordLayer.WriteAlert(alert));
            return;
        }

        Span<byte> record = stackalloc byte[RecordLayer.AlertRecordBytes];
        Keep(fd, record[.._records.SealAlert(ref state, alert, record)]);
    }

}
