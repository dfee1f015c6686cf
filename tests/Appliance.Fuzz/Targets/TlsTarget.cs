using System.Runtime.InteropServices;
using Appliance.Fuzz.Driver;
using Appliance.Tls;
using static Appliance.Fuzz.Driver.FuzzException;

namespace Appliance.Fuzz.Targets;

/// <summary>
/// What a client of TLS begins with, and what a client with the right keys puts into its records: two bytes of length and the content with its type,
/// one behind the other.
/// </summary>
internal sealed class TlsTarget : IFuzzTarget
{
    private readonly RecordLayer _records = new();
    private readonly byte[] _stream = new byte[64 << 10];
    private readonly byte[] _whole = new byte[64 << 10];
    private readonly byte[] _pieces = new byte[64 << 10];

    private TlsTarget() => Require(OpenSsl.TryLoad(), "OpenSSL is there");

    public static FuzzTarget Row { get; } = new("tls", "beginnings and records of TLS: the same in pieces, and a state that can go on", () => new TlsTarget())
    {
        BytesMax = 4096,
        Words =
        [
            "\u0016\u0003\u0001\0", "\u0001\0\0", "GET ",
            "\0\u0006\u0018\0\0\u0001\u0001\u0016", "\0\u0003\u0001\0\u0015", "\0\u0002a\u0017", "\0\u0001\u0017",
        ],
    };

    public void Run(ReadOnlySpan<byte> input)
    {
        var status = ClientHello.Read(input);
        var half = ClientHello.Read(input[..(input.Length / 2)]);
        Require(half == ClientHelloStatus.Incomplete || half == status || status == ClientHelloStatus.Malformed, "a part means nothing else than the whole");

        var client = StateOf(own: 1, peer: 2);
        int length = SealAll(ref client, input);
        var (one, two) = (StateOf(own: 2, peer: 1), StateOf(own: 2, peer: 1));
        _stream.AsSpan(0, length).CopyTo(_whole);
        var alert = _records.Open(ref one, _whole.AsSpan(0, length), out int consumed, out var data);
        int first = length / 2;
        _stream.AsSpan(0, first).CopyTo(_pieces);
        var firstAlert = _records.Open(ref two, _pieces.AsSpan(0, first), out int firstConsumed, out var firstData);
        byte[] opened = _pieces.AsSpan(firstData).ToArray();
        if (firstAlert == TlsAlert.None)
        {
            _stream.AsSpan(firstConsumed, length - firstConsumed).CopyTo(_pieces);
            firstAlert = _records.Open(ref two, _pieces.AsSpan(0, length - firstConsumed), out int lastConsumed, out var lastData);
            opened = [.. opened, .. _pieces.AsSpan(lastData)];
            firstConsumed += lastConsumed;
        }

        Require(alert == firstAlert && consumed == firstConsumed, "pieces end as the whole does");
        Require(opened.AsSpan().SequenceEqual(_whole.AsSpan(data)), "pieces say what the whole says");
        Require(one.IsKnown && BytesOf(one).SequenceEqual(BytesOf(two)), "the state is the same and can go on");
    }

    public void Dispose() => _records.Dispose();

    private static unsafe TlsState StateOf(byte own, byte peer)
    {
        var state = new TlsState { Suite = 0x1301, FragmentBytesMax = TlsState.DataBytesMax };
        state.Own.Secret[0] = own;
        state.Peer.Secret[0] = peer;
        KeySchedule.SetKeys(CipherSuite.Find(state.Suite)!, &state.Own);
        KeySchedule.SetKeys(CipherSuite.Find(state.Suite)!, &state.Peer);
        return state;
    }

    private static ReadOnlySpan<byte> BytesOf(in TlsState state) => MemoryMarshal.AsBytes(new ReadOnlySpan<TlsState>(in state));

    /// <summary>Seals what the input has as records, with the key that the client has by then.</summary>
    private unsafe int SealAll(ref TlsState client, ReadOnlySpan<byte> input)
    {
        int length = 0;
        while (input.Length > 2 && length < _stream.Length / 2)
        {
            int count = Math.Min((input[0] << 8) + input[1], input.Length - 2);
            var inner = input.Slice(2, Math.Max(1, count));
            length += _records.Seal(ref client, inner[^1], inner[..^1], _stream.AsSpan(length));
            input = input[(2 + inner.Length)..];
            if (inner is [24, 0, 0, 1, <= 1, 22])
            {
                fixed (TrafficKeys* keys = &client.Own)
                {
                    KeySchedule.Update(CipherSuite.Find(client.Suite)!, keys);
                }
            }
        }

        return length;
    }
}
