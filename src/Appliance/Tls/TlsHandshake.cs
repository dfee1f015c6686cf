using System.Globalization;
using System.Runtime.InteropServices;

namespace Appliance.Tls;

/// <summary>How far a handshake has come.</summary>
internal enum HandshakeStatus
{
    /// <summary>More must come from the client.</summary>
    UnderWay,

    /// <summary>There are keys; what is left of the input is the first records with them.</summary>
    Done,

    /// <summary>It has failed; an alert may be in the output.</summary>
    Failed,
}

/// <summary>
/// One handshake, made by OpenSSL in memory. It tells the traffic secrets as to a key log; with these our own records go on, and the object ends.
/// </summary>
internal sealed unsafe class TlsHandshake : IDisposable
{
    private const int WantsRead = 2;

    [ThreadStatic]
    private static TlsHandshake? _current;

    private readonly nint _connection;
    private readonly nint _input;
    private readonly nint _output;
    private TlsState* _state;
    private int _secrets;

    /// <summary>A handshake that has got nothing yet.</summary>
    /// <exception cref="IOException">OpenSSL has no memory for it.</exception>
    public TlsHandshake(TlsContexts contexts)
    {
        var crypto = OpenSsl.Crypto;
        Contexts = contexts;
        _connection = contexts.NewConnection();
        _input = crypto.BioNew(crypto.BioMemory());
        _output = crypto.BioNew(crypto.BioMemory());
        if (_connection == 0 || _input == 0 || _output == 0)
        {
            throw new IOException("OpenSSL has no memory for a handshake");
        }

        OpenSsl.Ssl.SetBios(_connection, _input, _output);
        OpenSsl.Ssl.SetAccepting(_connection);
        _state = (TlsState*)NativeMemory.AllocZeroed((nuint)sizeof(TlsState));
    }

    /// <summary>The one that OpenSSL is at work on, on this thread.</summary>
    public static TlsHandshake? Current => _current;

    /// <summary>What it is made with.</summary>
    public TlsContexts Contexts { get; }

    /// <summary>What went wrong.</summary>
    public string Failure { get; private set; } = "";

    /// <summary>What records go on with, once it is done; wiped at the end of the object.</summary>
    public ref readonly TlsState State => ref *_state;

    /// <summary>Goes on with what has come from the client.</summary>
    public HandshakeStatus Continue(ReadOnlySpan<byte> input)
    {
        var (crypto, ssl) = (OpenSsl.Crypto, OpenSsl.Ssl);
        crypto.ClearErrors();
        fixed (byte* bytes = input)
        {
            _ = crypto.BioWrite(_input, bytes, input.Length);
        }

        _current = this;
        int result = ssl.Handshake(_connection);
        _current = null;
        if (result == 1)
        {
            return Finish() ? HandshakeStatus.Done : HandshakeStatus.Failed;
        }

        if (ssl.GetError(_connection, result) == WantsRead)
        {
            return HandshakeStatus.UnderWay;
        }

        Failure = OpenSsl.TakeError();
        return HandshakeStatus.Failed;
    }

    /// <summary>Takes bytes for the client; returns how many.</summary>
    public int TakeOutput(Span<byte> to) => Read(_output, to);

    /// <summary>Takes bytes of the client that lie behind the handshake; returns how many.</summary>
    public int TakeRest(Span<byte> to) => Read(_input, to);

    /// <inheritdoc/>
    public void Dispose()
    {
        if (_state is not null)
        {
            OpenSsl.Ssl.Free(_connection);
            OpenSsl.Crypto.Cleanse(_state, (nuint)sizeof(TlsState));
            NativeMemory.Free(_state);
            _state = null;
            Contexts.Release();
        }
    }

    /// <summary>Takes lines of a key log: a label, the client's random, and the secret, both in hexadecimal. They go nowhere else.</summary>
    [UnmanagedCallersOnly]
    internal static void OnKeyLog(nint connection, byte* line)
    {
        var text = MemoryMarshal.CreateReadOnlySpanFromNullTerminated(line);
        if (_current is { } handshake)
        {
            handshake.TakeSecret(text, "CLIENT_TRAFFIC_SECRET_0 "u8, handshake._state->Peer.Secret);
            handshake.TakeSecret(text, "SERVER_TRAFFIC_SECRET_0 "u8, handshake._state->Own.Secret);
        }
    }

    private static int Read(nint bio, Span<byte> to)
    {
        fixed (byte* bytes = to)
        {
            return Math.Max(0, OpenSsl.Crypto.BioRead(bio, bytes, to.Length));
        }
    }

    private void TakeSecret(ReadOnlySpan<byte> line, ReadOnlySpan<byte> label, byte* secret)
    {
        int hex = line.LastIndexOf((byte)' ') + 1;
        if (line.StartsWith(label) && Convert.FromHexString(line[hex..], new Span<byte>(secret, TrafficKeys.SecretBytesMax), out _, out _)
            == System.Buffers.OperationStatus.Done)
        {
            _secrets++;
        }
    }

    /// <summary>The keys of both directions; false when something is not as records of our own need it.</summary>
    private bool Finish()
    {
        var ssl = OpenSsl.Ssl;
        ushort number = ssl.SuiteNumber(ssl.CurrentSuite(_connection));
        if (CipherSuite.Find(number) is not { } suite || _secrets != 2 || ssl.HasPending(_connection) != 0)
        {
            Failure = string.Create(CultureInfo.InvariantCulture, $"suite {number:x4} with {_secrets} secrets cannot go on");
            return false;
        }

        KeySchedule.SetKeys(suite, &_state->Peer);
        KeySchedule.SetKeys(suite, &_state->Own);
        byte code = ssl.FragmentLength(ssl.Session(_connection));
        _state->FragmentBytesMax = (ushort)(code is >= 1 and <= 4 ? 256 << code : TlsState.DataBytesMax);
        _state->Suite = number;
        return true;
    }
}
