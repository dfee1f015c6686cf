using System.Runtime.InteropServices;
using System.Security.Cryptography;
using Appliance.Tls;

namespace Appliance.Tests.Tls;

/// <summary>A server's side of a connection and its peer's, with keys of their own; and another implementation of what they do.</summary>
internal sealed unsafe class RecordScene : IDisposable
{
    public const ushort Aes128 = 0x1301;
    public const ushort Aes256 = 0x1302;
    public const ushort ChaCha = 0x1303;
    public const byte AlertType = 21;
    public const byte HandshakeType = 22;
    public const byte DataType = 23;

    public TlsState Server;
    public TlsState Client;

    public RecordScene(ushort suite = Aes128, int seed = 1, int fragment = TlsState.DataBytesMax, ulong recordsMax = 1 << 23)
    {
        Assert.Null(OpenSsl.WhyMissing());
        Records = new RecordLayer { RecordsMax = recordsMax };
        var random = new Random(seed);
        byte[] own = new byte[TrafficKeys.SecretBytesMax];
        byte[] peer = new byte[TrafficKeys.SecretBytesMax];
        random.NextBytes(own);
        random.NextBytes(peer);
        Server = Make(suite, own, peer, fragment);
        Client = Make(suite, peer, own, fragment);
    }

    public RecordLayer Records { get; }

    public static TlsState Make(ushort suite, ReadOnlySpan<byte> own, ReadOnlySpan<byte> peer, int fragment = TlsState.DataBytesMax)
    {
        var row = CipherSuite.Find(suite)!;
        var state = new TlsState { Suite = suite, FragmentBytesMax = (ushort)fragment };
        own[..row.HashBytes].CopyTo(new Span<byte>(state.Own.Secret, row.HashBytes));
        peer[..row.HashBytes].CopyTo(new Span<byte>(state.Peer.Secret, row.HashBytes));
        KeySchedule.SetKeys(row, &state.Own);
        KeySchedule.SetKeys(row, &state.Peer);
        return state;
    }

    public void Dispose() => Records.Dispose();

    public byte[] Seal(ref TlsState state, byte type, ReadOnlySpan<byte> content)
    {
        byte[] record = new byte[content.Length + RecordLayer.OverheadBytes];
        Assert.Equal(record.Length, Records.Seal(ref state, type, content, record));
        return record;
    }

    public byte[] SealData(ref TlsState state, ReadOnlySpan<byte> plain)
    {
        byte[] to = new byte[RecordLayer.SealedBytesOf(plain.Length, state.FragmentBytesMax)];
        return to[..Records.SealData(ref state, plain, to)];
    }

    /// <summary>A record with any type, padding and number, made by the runtime's cipher from the state's key.</summary>
    public static byte[] SealOtherwise(in TlsState state, ulong number, byte[] inner)
    {
        var keys = state.Own;
        byte[] nonce = new ReadOnlySpan<byte>(keys.Iv, TrafficKeys.IvBytes).ToArray();
        for (int i = 0; i < sizeof(ulong); i++)
        {
            nonce[^(i + 1)] ^= (byte)(number >> (8 * i));
        }

        int length = inner.Length + RecordLayer.TagBytes;
        byte[] record = [DataType, 3, 3, (byte)(length >> 8), (byte)length, .. new byte[length]];
        var header = record.AsSpan(0, RecordLayer.HeaderBytes);
        var text = record.AsSpan(RecordLayer.HeaderBytes, inner.Length);
        var tag = record.AsSpan(RecordLayer.HeaderBytes + inner.Length);
        byte[] key = new ReadOnlySpan<byte>(keys.Key, CipherSuite.Find(state.Suite)!.KeyBytes).ToArray();
        if (state.Suite == ChaCha)
        {
            using var cipher = new ChaCha20Poly1305(key);
            cipher.Encrypt(nonce, inner, text, tag, header);
        }
        else
        {
            using var cipher = new AesGcm(key, RecordLayer.TagBytes);
            cipher.Encrypt(nonce, inner, text, tag, header);
        }

        return record;
    }

    /// <summary>Opens bytes as the server: what the peer has said, the alert, and how many bytes are left.</summary>
    public (byte[] Data, TlsAlert Alert, int Left) Open(ref TlsState state, ReadOnlySpan<byte> bytes)
    {
        byte[] copy = bytes.ToArray();
        var alert = Records.Open(ref state, copy, out int consumed, out var data);
        return (copy[data], alert, copy.Length - consumed);
    }

    public static byte[] BytesOf(TlsState state) => MemoryMarshal.AsBytes(new ReadOnlySpan<TlsState>(in state)).ToArray();
}
