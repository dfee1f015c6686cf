using System.Text;
using Appliance.Protocols.WebSocket;

namespace Appliance.Tests.Protocols.WebSocket;

/// <summary>Writes down what a reader tells, as text: <c>text(hello) ping() close(1000)</c>.</summary>
internal sealed class MessageRecorder : IMessageHandler
{
    private readonly StringBuilder _events = new();

    /// <summary>The number of the event that is answered with false; 0 for none.</summary>
    public int StopAt { get; init; }

    private int Count { get; set; }

    private bool IsClosed { get; set; }

    /// <summary>Feeds pieces until the reader refuses one or a close comes, and returns what it told and said at the end.</summary>
    /// <param name="pieces">The pieces.</param>
    /// <param name="limits">What messages may be.</param>
    /// <param name="moves">Whether another reader goes on with each piece, from the state of the one before.</param>
    public static string Read(IEnumerable<byte[]> pieces, MessageLimits limits, bool moves = false)
    {
        var recorder = new MessageRecorder();
        var reader = new MessageReader();
        foreach (byte[] piece in pieces)
        {
            if (moves)
            {
                byte[] state = new byte[reader.StateBytes];
                reader.Save(state);
                _ = MessageReader.IsState(state) ? state : throw new InvalidOperationException("what is saved is a state");
                reader.Dispose();
                reader = new MessageReader();
                reader.Restore(state);
            }

            var refused = reader.Read((byte[])piece.Clone(), limits, recorder);
            if (refused != CloseCode.None)
            {
                return recorder.Told($"-> {(int)refused}");
            }

            if (recorder.IsClosed)
            {
                return recorder.Told();
            }
        }

        return recorder.Told(reader.IsIdle ? "" : "...");
    }

    public string Told(string end = "") => _events.Append(end).ToString().TrimEnd();

    public bool OnMessage(Opcode opcode, Span<byte> payload) => Note(
        opcode == Opcode.Text ? $"text({Encoding.UTF8.GetString(payload)})" : $"binary({Convert.ToHexString(payload)})");

    public bool OnPing(ReadOnlySpan<byte> payload) => Note($"ping({Encoding.UTF8.GetString(payload)})");

    public bool OnPong() => Note("pong");

    public void OnClose(int code)
    {
        Note($"close({code})");
        IsClosed = true;
    }

    private bool Note(string text)
    {
        _events.Append(text).Append(' ');
        return ++Count != StopAt;
    }
}
