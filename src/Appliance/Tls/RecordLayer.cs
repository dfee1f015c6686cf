using System.Buffers.Binary;
using System.Runtime.CompilerServices;
using Appliance.Native;

namespace Appliance.Tls;

/// <summary>
/// Records of TLS 1.3 behind the handshake (RFC 8446, 5): sealed and opened by libcrypto, one context for each cipher and direction, whose key is
/// set anew for each record. Of one thread.
/// </summary>
public sealed unsafe class RecordLayer : IDisposable
{
    /// <summary>Type (1 byte), version (2), length (2).</summary>
    public const int HeaderBytes = 5;

    /// <summary>What seals a record.</summary>
    public const int TagBytes = 16;

    /// <summary>What a record has beside its data: header, true type, tag.</summary>
    public const int OverheadBytes = HeaderBytes + 1 + TagBytes;

    /// <summary>Behind the header at most (RFC 8446, 5.2).</summary>
    public const int SealedBytesMax = TlsState.DataBytesMax + 256;

    /// <summary>A whole record at most.</summary>
    public const int RecordBytesMax = HeaderBytes + SealedBytesMax;

    /// <summary>A key update as it travels.</summary>
    public const int UpdateRecordBytes = OverheadBytes + 5;

    /// <summary>An alert as it travels.</summary>
    public const int AlertRecordBytes = OverheadBytes + 2;

    /// <summary>Records without data, or key updates, that may come in a row: an honest peer sends none or one.</summary>
    private const int InRowMax = 32;

    private const byte AlertType = 21;
    private const byte HandshakeType = 22;
    private const byte DataType = 23;
    private const byte KeyUpdateMessage = 24;
    private const byte Warning = 1;
    private const byte Fatal = 2;
    private const int GetTag = 0x10;
    private const int SetTag = 0x11;

    private readonly nint[] _ciphers = new nint[CipherSuite.Count];
    private readonly nint[] _contexts = new nint[2 * CipherSuite.Count];

    /// <summary>
    /// Records that one key seals before it is updated: far below what AES-GCM allows (2^24.5 full ones, RFC 8446, 5.5).
    /// </summary>
    public ulong RecordsMax { get; init; } = 1 << 23;

    /// <summary>The most that so many bytes of data take, a key update before them included.</summary>
    /// <param name="plain">How many.</param>
    /// <param name="fragment">Bytes of data in a record at most.</param>
    public static int SealedBytesOf(int plain, int fragment) => plain + (OverheadBytes * (((plain + fragment - 1) / fragment) + 1)) + UpdateRecordBytes;

    /// <summary>Seals data, behind a key update where one is due; returns the length.</summary>
    public int SealData(ref TlsState state, ReadOnlySpan<byte> plain, Span<byte> to)
    {
        int length = 0;
        if (state.Is(TlsFlags.OwesUpdate) || state.Own.Number >= RecordsMax)
        {
            length = SealUpdate(ref state, to);
        }

        while (!plain.IsEmpty)
        {
            var piece = plain[..Math.Min(plain.Length, state.FragmentBytesMax)];
            length += Seal(ref state, DataType, piece, to[length..]);
            plain = plain[piece.Length..];
        }

        return length;
    }

    /// <summary>Seals an alert; returns the length.</summary>
    public int SealAlert(ref TlsState state, TlsAlert alert, Span<byte> to) =>
        Seal(ref state, AlertType, [alert == TlsAlert.CloseNotify ? Warning : Fatal, (byte)alert], to);

    /// <summary>An alert before there are keys.</summary>
    public static byte[] WriteAlert(TlsAlert alert) => [AlertType, 3, 3, 0, 2, Fatal, (byte)alert];

    /// <summary>
    /// Opens the whole records at the beginning of some bytes, in place. Of what was opened before an alert or the peer's end nothing is lost, and
    /// nothing behind it is looked at.
    /// </summary>
    /// <param name="state">The connection's.</param>
    /// <param name="bytes">What has come.</param>
    /// <param name="consumed">How many of them are done with.</param>
    /// <param name="data">Where the data lies then.</param>
    /// <returns>What the peer must be told, or none.</returns>
    public TlsAlert Open(ref TlsState state, Span<byte> bytes, out int consumed, out Range data)
    {
        consumed = 0;
        int start = HeaderBytes;
        int end = HeaderBytes;
        var alert = TlsAlert.None;
        while (alert == TlsAlert.None && !state.Is(TlsFlags.PeerHasEnded) && bytes.Length - consumed >= HeaderBytes)
        {
            var record = bytes[consumed..];
            int length = BinaryPrimitives.ReadUInt16BigEndian(record[(HeaderBytes - sizeof(ushort))..]);
            alert = record[0] != DataType ? TlsAlert.UnexpectedMessage
                : length > SealedBytesMax ? TlsAlert.RecordOverflow
                : TlsAlert.None;
            if (alert != TlsAlert.None || record.Length < HeaderBytes + length)
            {
                break;
            }

            record = record[..(HeaderBytes + length)];
            consumed += record.Length;
            alert = OpenRecord(ref state, record, out byte type, out var content);
            if (alert == TlsAlert.None)
            {
                alert = Take(ref state, type, content);
            }

            if (alert == TlsAlert.None && type == DataType)
            {
                content.CopyTo(bytes[end..]);
                end += content.Length;
            }
        }

        data = start..Math.Max(start, end);
        if (end == start)
        {
            data = ..0;
        }

        return alert;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (nint context in _contexts)
        {
            if (context != 0)
            {
                OpenSsl.Crypto.CipherContextFree(context);
            }
        }

        Array.Clear(_contexts);
    }

    /// <summary>Seals a key update, and goes on to the next key.</summary>
    internal int SealUpdate(ref TlsState state, Span<byte> to)
    {
        int length = Seal(ref state, HandshakeType, [KeyUpdateMessage, 0, 0, 1, 0], to);
        fixed (TrafficKeys* keys = &state.Own)
        {
            KeySchedule.Update(CipherSuite.Find(state.Suite)!, keys);
        }

        state.Flags &= ~TlsFlags.OwesUpdate;
        return length;
    }

    /// <summary>Seals one record of any type. The only place where a number of ours is taken, and it is taken whatever becomes of the record.</summary>
    internal int Seal(ref TlsState state, byte type, ReadOnlySpan<byte> content, Span<byte> to)
    {
        int length = content.Length + 1 + TagBytes;
        to = to[..(HeaderBytes + length)];
        (to[0], to[1], to[2]) = (DataType, 3, 3);
        BinaryPrimitives.WriteUInt16BigEndian(to[3..], (ushort)length);
        ulong number = state.Own.Number++;
        bool isSealed;
        content.CopyTo(to[HeaderBytes..]);
        to[HeaderBytes + content.Length] = type;
        fixed (TrafficKeys* keys = &state.Own)
        fixed (byte* sealedBytes = to)
        {
            byte* inner = sealedBytes + HeaderBytes;
            byte* tag = inner + content.Length + 1;
            int count;
            var crypto = OpenSsl.Crypto;
            nint context = Begin(state.Suite, keys, number, isSealing: true);
            isSealed = context != 0
                && crypto.CipherUpdate(context, null, &count, sealedBytes, HeaderBytes) == 1
                && crypto.CipherUpdate(context, inner, &count, inner, content.Length + 1) == 1
                && crypto.CipherFinal(context, tag, &count) == 1
                && crypto.CipherControl(context, GetTag, TagBytes, tag) == 1;
        }

        Invariant.Hold(isSealed, "record to seal against libcrypto", "suite {0}, number {1}, {2} bytes", state.Suite, (long)number, content.Length);
        return to.Length;
    }

    /// <summary>Opens one record in place: its true type and its content.</summary>
    private TlsAlert OpenRecord(ref TlsState state, Span<byte> record, out byte type, out Span<byte> content)
    {
        type = 0;
        content = default;
        int length = record.Length - HeaderBytes - TagBytes;
        if (length < 0)
        {
            return TlsAlert.BadRecordMac;
        }

        bool isOpen;
        fixed (TrafficKeys* keys = &state.Peer)
        fixed (byte* bytes = record)
        {
            byte* inner = bytes + HeaderBytes;
            int count;
            var crypto = OpenSsl.Crypto;
            nint context = Begin(state.Suite, keys, state.Peer.Number, isSealing: false);
            isOpen = context != 0
                && crypto.CipherUpdate(context, null, &count, bytes, HeaderBytes) == 1
                && (length == 0 || crypto.CipherUpdate(context, inner, &count, inner, length) == 1)
                && crypto.CipherControl(context, SetTag, TagBytes, inner + length) == 1
                && crypto.CipherFinal(context, inner + length, &count) == 1;
        }

        if (!isOpen)
        {
            return TlsAlert.BadRecordMac;
        }

        state.Peer.Number++;
        var plain = record.Slice(HeaderBytes, length);
        int last = plain.LastIndexOfAnyExcept((byte)0);
        if (length > TlsState.DataBytesMax + 1 || last > state.FragmentBytesMax)
        {
            return TlsAlert.RecordOverflow;
        }

        if (last < 0)
        {
            return TlsAlert.UnexpectedMessage;
        }

        type = plain[last];
        content = plain[..last];
        return TlsAlert.None;
    }

    /// <summary>Looks what a record means; what is no data is done with by that.</summary>
    private static TlsAlert Take(ref TlsState state, byte type, ReadOnlySpan<byte> content)
    {
        switch (type)
        {
            case DataType when !content.IsEmpty:
                (state.EmptyRecords, state.Updates) = (0, 0);
                return TlsAlert.None;
            case DataType:
                return ++state.EmptyRecords > InRowMax ? TlsAlert.UnexpectedMessage : TlsAlert.None;
            case AlertType when content.Length != 2:
                return TlsAlert.DecodeError;
            case AlertType when content[1] == (byte)TlsAlert.UserCanceled:
                return ++state.EmptyRecords > InRowMax ? TlsAlert.UnexpectedMessage : TlsAlert.None;
            case AlertType:
                // Whatever else it says, it is an end: nothing is answered (RFC 8446, 6.2).
                state.Flags |= content[1] == (byte)TlsAlert.CloseNotify ? TlsFlags.PeerHasEnded : TlsFlags.PeerHasEnded | TlsFlags.IsBroken;
                return TlsAlert.None;
            case HandshakeType:
                return TakeMessage(ref state, content);
            default:
                return TlsAlert.UnexpectedMessage;
        }
    }

    /// <summary>
    /// A key update is the only message that may come behind the handshake, because no ticket is given and no certificate asked for (RFC 8446,
    /// 4.6). It must end its record (5.1); that it may begin in another one no peer makes use of.
    /// </summary>
    private static TlsAlert TakeMessage(ref TlsState state, ReadOnlySpan<byte> message)
    {
        if (message.IsEmpty || message[0] != KeyUpdateMessage)
        {
            return TlsAlert.UnexpectedMessage;
        }

        if (!message[1..].StartsWith("\0\0\u0001"u8) || message.Length != 5)
        {
            return message.Length > 5 ? TlsAlert.UnexpectedMessage : TlsAlert.DecodeError;
        }

        if (message[^1] > 1)
        {
            return TlsAlert.IllegalParameter;
        }

        if (++state.Updates > InRowMax)
        {
            return TlsAlert.UnexpectedMessage;
        }

        fixed (TrafficKeys* keys = &state.Peer)
        {
            KeySchedule.Update(CipherSuite.Find(state.Suite)!, keys);
        }

        state.Flags |= message[^1] == 1 ? TlsFlags.OwesUpdate : TlsFlags.None;
        return TlsAlert.None;
    }

    /// <summary>A context with a key, and the nonce of a record's number (RFC 8446, 5.3); 0 when libcrypto refuses.</summary>
    private nint Begin(ushort number, TrafficKeys* keys, ulong record, bool isSealing)
    {
        if (CipherSuite.Find(number) is not { } suite)
        {
            return 0;
        }

        var crypto = OpenSsl.Crypto;
        ref nint context = ref _contexts[(2 * suite.Place) + (isSealing ? 1 : 0)];
        if (context == 0)
        {
            context = MakeContext(suite, isSealing);
        }

        byte* nonce = stackalloc byte[TrafficKeys.IvBytes];
        Unsafe.CopyBlockUnaligned(nonce, keys->Iv, TrafficKeys.IvBytes);
        Unsafe.WriteUnaligned(nonce + 4, Unsafe.ReadUnaligned<ulong>(nonce + 4) ^ BinaryPrimitives.ReverseEndianness(record));
        return crypto.CipherInit(context, 0, keys->Key, nonce, isSealing ? 1 : 0, 0) == 1 ? context : 0;
    }

    private nint MakeContext(CipherSuite suite, bool isSealing)
    {
        var crypto = OpenSsl.Crypto;
        ref nint cipher = ref _ciphers[suite.Place];
        if (cipher == 0)
        {
            fixed (byte* name = suite.CipherName())
            {
                cipher = crypto.CipherFetch(0, name, 0);
            }
        }

        nint context = crypto.CipherContextNew();
        if (cipher == 0 || context == 0 || crypto.CipherInit(context, cipher, null, null, isSealing ? 1 : 0, 0) != 1)
        {
            throw new InvalidOperationException($"{suite.Cipher}: {OpenSsl.TakeError()}");
        }

        return context;
    }
}
