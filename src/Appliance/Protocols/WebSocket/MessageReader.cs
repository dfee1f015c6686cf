using System.Buffers;
using System.Buffers.Binary;

namespace Appliance.Protocols.WebSocket;

/// <summary>Is told what a client sent. Returning false ends the reading: what follows is not looked at.</summary>
public interface IMessageHandler
{
    /// <summary>A whole message; the bytes are the handler's to change until it returns.</summary>
    bool OnMessage(Opcode opcode, Span<byte> payload);

    /// <summary>A ping, to be answered with the same payload.</summary>
    bool OnPing(ReadOnlySpan<byte> payload);

    /// <summary>A pong.</summary>
    bool OnPong();

    /// <summary>A close frame, with <see cref="CloseCode.NoStatus"/> when it holds no code. Nothing behind it is read.</summary>
    void OnClose(int code);
}

/// <summary>What a connection's messages may be.</summary>
/// <param name="MessageBytesMax">Largest message, fragments together; beyond: 1009.</param>
/// <param name="TakesBinary">Whether binary messages are taken; otherwise: 1003.</param>
public readonly record struct MessageLimits(int MessageBytesMax, bool TakesBinary);

/// <summary>
/// Reads a client's frames (RFC 6455, 5) from bytes in whatever pieces they come, and unmasks them in place. A message that lies
/// whole in one piece is handed on as it lies there; otherwise it is put together in a rented buffer. Text is checked byte by
/// byte as it comes, so that what is not UTF-8 fails at once.
/// </summary>
public sealed class MessageReader : IDisposable
{
    private const int FirstBufferBytes = 1024;
    private const int ControlStateOffset = 40;
    private const int FixedStateBytes = 168;

    private readonly byte[] _header = new byte[FrameLength.ClientHeaderBytesMax];
    private readonly byte[] _control = new byte[FrameLength.ControlPayloadBytesMax];
    private byte[] _message = [];
    private int _headerLength;
    private int _controlLength;
    private int _messageLength;
    private bool _inFrame;
    private FrameHeader _frame;
    private long _remaining;
    private uint _mask;
    private Opcode _messageOpcode;
    private Utf8Validator _text;

    /// <summary>True between messages: the reader keeps nothing and may serve another connection.</summary>
    public bool IsIdle => !_inFrame && _headerLength == 0 && _messageOpcode == Opcode.Continuation;

    /// <summary>
    /// Reads all of a piece. Returns why the connection must be closed, or <see cref="CloseCode.None"/>, also when the handler ended
    /// the reading.
    /// </summary>
    public CloseCode Read<THandler>(Span<byte> piece, in MessageLimits limits, THandler handler)
        where THandler : IMessageHandler
    {
        while (!piece.IsEmpty || (_inFrame && _remaining == 0))
        {
            if (!_inFrame)
            {
                var refused = ReadHeader(ref piece, limits);
                if (refused != CloseCode.None)
                {
                    return refused;
                }

                continue;
            }

            int count = (int)Math.Min(_remaining, piece.Length);
            var part = piece[..count];
            piece = piece[count..];
            _mask = Masking.Apply(part, _mask);
            _remaining -= count;
            var violation = _frame.IsControl ? ReadControl(part, handler, out bool goesOn) : ReadData(part, limits, handler, out goesOn);
            if (violation != CloseCode.None || !goesOn)
            {
                return violation;
            }
        }

        return CloseCode.None;
    }

    /// <summary>Forgets what was begun and gives the buffer back.</summary>
    public void Reset()
    {
        _headerLength = _controlLength = 0;
        _inFrame = false;
        EndMessage();
    }

    /// <summary>How many bytes <see cref="Save"/> writes.</summary>
    public int StateBytes => FixedStateBytes + _messageLength;

    /// <summary>
    /// Writes what was begun, for the reader of another process to go on with; see docs/handover.md, "Reader". Offsets: header bytes 0
    /// (14), their count 14, in a frame 15, opcode of the message 16, UTF-8 state 17 (3), count of control bytes 20, bytes that remain of
    /// the frame 24 (8), mask 32 (4), bytes of the message 36 (4), control bytes 40 (125), and from 168 on the message so far.
    /// </summary>
    public void Save(Span<byte> state)
    {
        state[..FixedStateBytes].Clear();
        _header.CopyTo(state);
        state[14] = (byte)_headerLength;
        state[15] = _inFrame ? (byte)1 : (byte)0;
        state[16] = (byte)_messageOpcode;
        _text.Save(state[17..]);
        state[20] = (byte)_controlLength;
        BinaryPrimitives.WriteInt64LittleEndian(state[24..], _remaining);
        BinaryPrimitives.WriteUInt32LittleEndian(state[32..], _mask);
        BinaryPrimitives.WriteInt32LittleEndian(state[36..], _messageLength);
        _control.CopyTo(state[ControlStateOffset..]);
        _message.AsSpan(0, _messageLength).CopyTo(state[FixedStateBytes..]);
    }

    /// <summary>Whether bytes are what <see cref="Save"/> writes: <see cref="Restore"/> takes nothing else.</summary>
    public static bool IsState(ReadOnlySpan<byte> state)
    {
        if (state.Length < FixedStateBytes || BinaryPrimitives.ReadInt32LittleEndian(state[36..]) != state.Length - FixedStateBytes)
        {
            return false;
        }

        int headerLength = state[14];
        int controlLength = state[20];
        long remaining = BinaryPrimitives.ReadInt64LittleEndian(state[24..]);
        bool isFrame = headerLength == 0 && FrameHeader.IsAllowed(state[0], state[1]) && FrameHeader.TryRead(state, out var frame)
            && remaining >= 0 && remaining <= frame.PayloadLength
            && controlLength == (frame.IsControl ? frame.PayloadLength - remaining : 0)
            && (frame.IsControl || state[16] != (byte)Opcode.Continuation);
        bool isHeader = controlLength == 0
            && (headerLength < 2 || (FrameHeader.IsAllowed(state[0], state[1]) && headerLength < FrameLength.HeaderBytes(state[1])));
        return state[16] <= (byte)Opcode.Binary && (state[15] != 0 ? isFrame : isHeader);
    }

    /// <summary>Goes on where another reader was saved.</summary>
    public void Restore(ReadOnlySpan<byte> state)
    {
        state[..FrameLength.ClientHeaderBytesMax].CopyTo(_header);
        _headerLength = state[14];
        _inFrame = state[15] != 0;
        _messageOpcode = (Opcode)state[16];
        _text = Utf8Validator.Restore(state[17..]);
        _controlLength = state[20];
        _remaining = BinaryPrimitives.ReadInt64LittleEndian(state[24..]);
        _mask = BinaryPrimitives.ReadUInt32LittleEndian(state[32..]);
        state.Slice(ControlStateOffset, _control.Length).CopyTo(_control);
        Store(state.Slice(FixedStateBytes, BinaryPrimitives.ReadInt32LittleEndian(state[36..])));
        if (_inFrame)
        {
            _ = FrameHeader.TryRead(_header, out _frame);
        }
    }

    /// <inheritdoc/>
    public void Dispose() => Reset();

    private CloseCode ReadHeader(ref Span<byte> piece, in MessageLimits limits)
    {
        do
        {
            _header[_headerLength++] = piece[0];
            piece = piece[1..];
            if (_headerLength == 2 && !FrameHeader.IsAllowed(_header[0], _header[1]))
            {
                return CloseCode.ProtocolError;
            }
        }
        while (!piece.IsEmpty && !IsHeaderWhole);

        if (!IsHeaderWhole)
        {
            return CloseCode.None;
        }

        if (!FrameHeader.TryRead(_header.AsSpan(0, _headerLength), out _frame))
        {
            return CloseCode.ProtocolError;
        }

        _headerLength = 0;
        _inFrame = true;
        _remaining = _frame.PayloadLength;
        _mask = _frame.Mask;
        return _frame.IsControl ? CloseCode.None : BeginDataFrame(limits);
    }

    private bool IsHeaderWhole => _headerLength >= 2 && _headerLength == FrameLength.HeaderBytes(_header[1]);

    private CloseCode BeginDataFrame(in MessageLimits limits)
    {
        bool continues = _frame.Opcode == Opcode.Continuation;
        if (continues != (_messageOpcode != Opcode.Continuation))
        {
            return CloseCode.ProtocolError;
        }

        if (!continues)
        {
            _messageOpcode = _frame.Opcode;
            _text = default;
        }

        return _messageOpcode == Opcode.Binary && !limits.TakesBinary ? CloseCode.UnsupportedData
            : _frame.PayloadLength > limits.MessageBytesMax - _messageLength ? CloseCode.MessageTooBig
            : CloseCode.None;
    }

    private CloseCode ReadData<THandler>(Span<byte> part, in MessageLimits limits, THandler handler, out bool goesOn)
        where THandler : IMessageHandler
    {
        goesOn = true;
        if (_messageLength + part.Length + _remaining > limits.MessageBytesMax)
        {
            // The header was within the limit; the limit was lowered since.
            return CloseCode.MessageTooBig;
        }

        if (_messageOpcode == Opcode.Text && !_text.Append(part))
        {
            return CloseCode.InvalidPayload;
        }

        bool ends = _remaining == 0 && _frame.IsFinal;
        bool liesWhole = ends && _messageLength == 0;
        if (!liesWhole)
        {
            Store(part);
        }

        _inFrame = _remaining > 0;
        if (!ends)
        {
            return CloseCode.None;
        }

        if (_messageOpcode == Opcode.Text && !_text.IsComplete)
        {
            return CloseCode.InvalidPayload;
        }

        goesOn = handler.OnMessage(_messageOpcode, liesWhole ? part : _message.AsSpan(0, _messageLength));
        EndMessage();
        return CloseCode.None;
    }

    private CloseCode ReadControl<THandler>(Span<byte> part, THandler handler, out bool goesOn)
        where THandler : IMessageHandler
    {
        goesOn = true;
        part.CopyTo(_control.AsSpan(_controlLength));
        _controlLength += part.Length;
        if (_remaining > 0)
        {
            return CloseCode.None;
        }

        var payload = _control.AsSpan(0, _controlLength);
        _controlLength = 0;
        _inFrame = false;
        switch (_frame.Opcode)
        {
            case Opcode.Ping:
                goesOn = handler.OnPing(payload);
                return CloseCode.None;
            case Opcode.Pong:
                goesOn = handler.OnPong();
                return CloseCode.None;
            case Opcode.Close:
                goesOn = false;
                return ReadClose(payload, handler);
            case Opcode.Continuation:
            case Opcode.Text:
            case Opcode.Binary:
            default:
                throw new System.Diagnostics.UnreachableException();
        }
    }

    /// <summary>A close frame holds nothing, or a code and a reason in UTF-8 (RFC 6455, 5.5.1).</summary>
    private static CloseCode ReadClose<THandler>(ReadOnlySpan<byte> payload, THandler handler)
        where THandler : IMessageHandler
    {
        int code = payload.Length switch
        {
            0 => (int)CloseCode.NoStatus,
            1 => 0,
            _ => BinaryPrimitives.ReadUInt16BigEndian(payload),
        };
        if (payload.Length > 0 && !CloseCodes.MayBeReceived(code))
        {
            return CloseCode.ProtocolError;
        }

        if (payload.Length > 2 && !System.Text.Unicode.Utf8.IsValid(payload[2..]))
        {
            return CloseCode.InvalidPayload;
        }

        handler.OnClose(code);
        return CloseCode.None;
    }

    private void Store(ReadOnlySpan<byte> part)
    {
        int length = _messageLength + part.Length;
        if (length > _message.Length)
        {
            byte[] larger = ArrayPool<byte>.Shared.Rent(Math.Max(FirstBufferBytes, Math.Max(length, 2 * _messageLength)));
            _message.AsSpan(0, _messageLength).CopyTo(larger);
            ReturnBuffer();
            _message = larger;
        }

        part.CopyTo(_message.AsSpan(_messageLength));
        _messageLength = length;
    }

    private void EndMessage()
    {
        ReturnBuffer();
        _message = [];
        _messageLength = 0;
        _messageOpcode = Opcode.Continuation;
    }

    private void ReturnBuffer()
    {
        if (_message.Length > 0)
        {
            ArrayPool<byte>.Shared.Return(_message);
        }
    }
}
