using System.Runtime.InteropServices;
using Appliance.Chat;
using Appliance.Protocols.WebSocket;
using Appliance.Rooms;

namespace Appliance.Delivery;

/// <summary>Records that one turn has produced for one room, one behind the other as they will lie in its log.</summary>
public sealed class RecordBatch
{
    /// <summary>Where it begins to grow: a turn of many small rooms has a batch for each.</summary>
    private const int FirstBytes = 1024;

    private readonly List<LogRecord> _records = [];
    private byte[] _bytes = [];
    private int _length;

    /// <summary>Bytes so far.</summary>
    public Span<byte> Bytes => _bytes.AsSpan(0, _length);

    /// <summary>The records so far.</summary>
    public ReadOnlySpan<LogRecord> Records => CollectionsMarshal.AsSpan(_records);

    /// <summary>How many bytes fit.</summary>
    public int Capacity { get; set; }

    /// <summary>Whether a JSON text of a length fits as a frame.</summary>
    public bool Fits(int jsonLength) => _length + FrameLength.ServerHeaderBytes(jsonLength) + jsonLength <= Capacity;

    /// <summary>Adds a JSON text as a frame.</summary>
    /// <param name="json">The text.</param>
    /// <param name="idOffset">Where in it <see cref="ChatEncoder.IdDigits"/> digits are kept free for the id.</param>
    /// <param name="isMessage">True for what a person said.</param>
    /// <param name="sender">Who that is (<see cref="RecordDetails.Sender"/>); 0 for nobody that is known.</param>
    public void Add(ReadOnlySpan<byte> json, int idOffset, bool isMessage, ulong sender = 0) =>
        Add(json, idOffset, isMessage ? RecordKind.Chat : RecordKind.System, new RecordDetails { Sender = sender });

    /// <summary>Adds a JSON text as a frame, of a kind, with what is known of it.</summary>
    public void Add(ReadOnlySpan<byte> json, int idOffset, RecordKind kind, RecordDetails details)
    {
        int header = FrameLength.ServerHeaderBytes(json.Length);
        int length = header + json.Length;
        if (_length + length > _bytes.Length)
        {
            Array.Resize(ref _bytes, Math.Min(Capacity, Math.Max(_length + length, Math.Max(FirstBytes, 2 * _bytes.Length))));
        }

        var frame = _bytes.AsSpan(_length, length);
        json.CopyTo(frame[FrameHeader.WriteServer(frame, Opcode.Text, json.Length)..]);
        _records.Add(new LogRecord(length, header + idOffset, kind) { Details = details });
        _length += length;
    }

    /// <summary>Makes the batch empty again.</summary>
    public void Clear()
    {
        _records.Clear();
        _length = 0;
    }
}
