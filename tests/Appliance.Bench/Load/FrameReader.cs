using System.Buffers.Binary;
using System.Globalization;
using System.Text;
using Appliance.Native;
using Appliance.WebSocket;

namespace Appliance.Bench.Load;

/// <summary>Counts and checks the frames of a generator's clients, and lets its publishers send.</summary>
public sealed unsafe class FrameReader(Client[] clients)
{
    /// <summary>Connections on which every message is checked.</summary>
    public const int SamplesMax = 20;

    private const byte TextFrame = 0x80 | (byte)Opcode.Text;
    private const byte PingFrame = 0x80 | (byte)Opcode.Ping;

    private readonly byte[] _frame = new byte[BenchMessage.FrameBytes];
    private long[] _sent = [];
    private SequenceCheck[] _samples = [];
    private bool _publishing;
    private long _messages;
    private uint _key = 0x9E3779B9;

    /// <summary>Text frames received by all clients.</summary>
    public long TextFrames { get; private set; }

    /// <summary>Times from the sending of a message to its reading by a sampled client.</summary>
    public LatencyHistogram Latencies { get; } = new();

    /// <summary>Text frames that clients still have to get.</summary>
    public long Outstanding => (_messages * clients.Length) - TextFrames;

    /// <summary>Makes some clients publishers, others sampled, and sends each publisher's first message.</summary>
    public void StartPublishing(int publishers)
    {
        int samples = Math.Min(SamplesMax, clients.Length);
        _sent = new long[publishers];
        _samples = [.. Enumerable.Range(0, samples).Select(_ => new SequenceCheck(publishers))];
        for (int i = 0; i < samples; i++)
        {
            clients[Spread(i, samples)].Sample = i;
        }

        for (int i = 0; i < publishers; i++)
        {
            clients[Spread(i, publishers)].Publisher = i;
        }

        _publishing = true;
        for (int i = 0; i < publishers; i++)
        {
            Publish(ref clients[Spread(i, publishers)]);
        }
    }

    /// <summary>From now on a message that comes back is not followed by another.</summary>
    public void StopPublishing() => _publishing = false;

    /// <summary>Takes the whole frames at the start of what a client has received and returns their length.</summary>
    /// <exception cref="LoadException">There is something that no server may send here.</exception>
    public int Read(int index, ReadOnlySpan<byte> bytes)
    {
        ref var client = ref clients[index];
        bool read = client.IsRead;
        long nowUs = read ? BenchMessage.NowUs : 0;
        int used = 0;
        while (TryReadHeader(bytes[used..], out int header, out int payload))
        {
            if (bytes[used] != TextFrame)
            {
                OnControl(ref client, bytes[used]);
            }
            else
            {
                TextFrames++;
                if (read)
                {
                    OnMessage(ref client, bytes.Slice(used + header, payload), nowUs);
                }
            }

            used += header + payload;
        }

        return used;
    }

    /// <summary>What was wrong so far, in words; empty when nothing was.</summary>
    public string Faults()
    {
        (long Count, string What)[] faults =
        [
            (Math.Max(0, Outstanding), "not delivered"),
            (Math.Max(0, -Outstanding), "delivered too often"),
            (_samples.Sum(sample => sample.Missing), "missing on sampled connections"),
            (_samples.Sum(sample => sample.Repeated), "repeated on sampled connections"),
            (_samples.Sum(sample => sample.Reordered), "reordered on sampled connections"),
            (_samples.Count(sample => sample.Order != _samples[0].Order), "sampled connections with another order"),
        ];
        return string.Join(", ", faults.Where(fault => fault.Count > 0)
            .Select(fault => string.Create(CultureInfo.InvariantCulture, $"{fault.Count} {fault.What}")));
    }

    /// <summary>False when the frame is not whole. A server's frame has no mask.</summary>
    private static bool TryReadHeader(ReadOnlySpan<byte> bytes, out int header, out int payload)
    {
        header = 2;
        payload = 0;
        if (bytes.Length < 2)
        {
            return false;
        }

        payload = bytes[1];
        if (payload == 126)
        {
            header = 4;
            payload = bytes.Length < header ? int.MaxValue - header : BinaryPrimitives.ReadUInt16BigEndian(bytes[2..]);
        }
        else if (payload > 126)
        {
            throw new LoadException("a masked frame, or one of more than 64 KiB");
        }

        return bytes.Length >= header + payload;
    }

    private void OnMessage(ref Client client, ReadOnlySpan<byte> payload, long nowUs)
    {
        if (!BenchMessage.TryRead(payload, out var message) || message.Publisher >= _sent.Length)
        {
            throw new LoadException($"a message that nobody sent: {Encoding.UTF8.GetString(payload)}");
        }

        if (client.Sample >= 0)
        {
            _samples[client.Sample].Note(message);
            Latencies.Add(nowUs - message.SentUs);
        }

        if (client.Publisher == message.Publisher && _publishing && message.Sequence == _sent[client.Publisher])
        {
            Publish(ref client);
        }
    }

    private static void OnControl(ref Client client, byte first)
    {
        if (first != PingFrame)
        {
            throw new LoadException(string.Create(CultureInfo.InvariantCulture, $"a frame that begins with 0x{first:x2}"));
        }

        ReadOnlySpan<byte> pong = [0x80 | (byte)Opcode.Pong, 0x80, 0, 0, 0, 0];
        fixed (byte* bytes = pong)
        {
            _ = Syscall.Send(client.Descriptor, bytes, pong.Length, 0).OrThrow("send");
        }
    }

    private void Publish(ref Client client)
    {
        long sequence = ++_sent[client.Publisher];
        _messages++;
        _key = (_key * 1664525) + 1013904223;
        new BenchMessage(client.Publisher, sequence, BenchMessage.NowUs).WriteFrame(_frame, _key);
        fixed (byte* bytes = _frame)
        {
            _ = Syscall.Send(client.Descriptor, bytes, _frame.Length, 0).OrThrow("send");
        }
    }

    /// <summary>The place of one of <paramref name="count"/> that are spread evenly.</summary>
    private int Spread(int number, int count) => (int)(((2L * number) + 1) * clients.Length / (2L * count));
}
