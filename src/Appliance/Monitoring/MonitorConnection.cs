using System.Buffers;
using Appliance.Protocols.Http;

namespace Appliance.Monitoring;

/// <summary>What a connection of the monitoring port waits for.</summary>
internal enum MonitorState
{
    /// <summary>A question, or the rest of one.</summary>
    Asking,

    /// <summary>That the client takes the answer; it is not read meanwhile.</summary>
    Answering,

    /// <summary>Waits for the client to close as well: everything has been sent.</summary>
    Lingering,
}

/// <summary>One client of the monitoring port: some question and at most one answer, whose bytes it shares with all who ask the same.</summary>
internal sealed class MonitorConnection(int descriptor, uint generation) : IDisposable
{
    private byte[]? _input;

    /// <summary>Its socket.</summary>
    public int Descriptor { get; } = descriptor;

    /// <summary>Tells this life of the descriptor from others.</summary>
    public uint Generation { get; } = generation;

    /// <summary>What it waits for.</summary>
    public MonitorState State { get; set; }

    /// <summary>When it is closed, in milliseconds of the loop's clock.</summary>
    public long DeadlineMs { get; set; }

    /// <summary>Whether it has had an answer: silence is no slow question any more.</summary>
    public bool IsAnswered { get; set; }

    /// <summary>Whether it is closed behind the answer.</summary>
    public bool ClosesBehind { get; set; }

    /// <summary>What is still to be sent.</summary>
    public ReadOnlyMemory<byte> Answer { get; set; }

    /// <summary>Bytes of the question that are there.</summary>
    public int InputLength { get; private set; }

    /// <summary>What has come in.</summary>
    public ReadOnlySpan<byte> Input => _input.AsSpan(0, InputLength);

    /// <summary>Where more may be received; never empty while a question is awaited, because none is longer.</summary>
    public Span<byte> Free => (_input ??= ArrayPool<byte>.Shared.Rent(HttpRequestReader.HeadBytesMax)).AsSpan(InputLength);

    /// <summary>So many bytes were received.</summary>
    public void Received(int bytes) => InputLength += bytes;

    /// <summary>So many bytes were understood.</summary>
    public void Consume(int bytes)
    {
        _input.AsSpan(bytes, InputLength - bytes).CopyTo(_input);
        InputLength -= bytes;
        if (InputLength == 0)
        {
            Dispose();
        }
    }

    /// <summary>Gives the buffer back.</summary>
    public void Dispose()
    {
        if (_input is not null)
        {
            ArrayPool<byte>.Shared.Return(_input);
        }

        _input = null;
        InputLength = 0;
    }
}
