using System.Buffers.Binary;
using System.Globalization;
using System.Text;
using Appliance.Native;
using Appliance.Protocols.WebSocket;

namespace Appliance.Bench.Load;

/// <summary>Counts and checks the frames of a generator's clients, and lets its publishers send.</summary>
/// <param name="clients">The clients, room by room.</param>
/// <param name="rooms">How many rooms they are spread over.</param>
public sealed unsafe class FrameReader(Client[] clients, int rooms)
{
    /// <summary>Connections on which every message is checked, when there is one room.</summary>
    public const int SamplesMax = 20;

    /// <summary>Rooms of many on all of whose connections every message is checked.</summary>
    private const int SampledRoomsMax = 20;

    private const byte TextFrame = 0x80 | (byte)Opcode.Text;
    private const byte PingFrame = 0x80 | (byte)Opcode.Ping;

    private readonly byte[] _frame = new byte[BenchMessage.FrameBytes];
    private readonly int _members = clients.Length / rooms;
    private Traffic _traffic = Traffic.Waiting(0);
    private long[] _sent = [];
    private int[] _publishers = [];
    private SequenceCheck[] _samples = [];
    private int _samplesOfARoom = 1;
    private long _startUs;
    private long _paced;
    private bool _publishing;
    private uint _key = 0x9E3779B9;

    /// <summary>Text frames received by all clients.</summary>
    public long TextFrames { get; private set; }

    /// <summary>Messages sent.</summary>
    public long Messages { get; private set; }

    /// <summary>Times from the sending of a message to its reading by a sampled client.</summary>
    public LatencyHistogram Latencies { get; } = new();

    /// <summary>Text frames that clients still have to get, when all who are in their rooms are clients of this generator.</summary>
    public long Outstanding => (Messages * _members) - TextFrames;

    /// <summary>Makes some clients publishers, others sampled, and sends the first messages.</summary>
    public void StartPublishing(Traffic traffic)
    {
        int publishers = rooms == 1 ? traffic.Publishers : rooms;
        _traffic = traffic;
        _sent = new long[publishers];
        _publishers = traffic.IsHere ? [.. Enumerable.Range(0, publishers).Select(i => rooms == 1 ? Spread(i, publishers) : i * _members)] : [];
        for (int i = 0; i < _publishers.Length; i++)
        {
            clients[_publishers[i]].Publisher = i;
        }

        Sample(publishers);
        _startUs = BenchMessage.NowUs;
        _publishing = traffic.IsHere;
        for (int i = 0; i < traffic.InFlight && _publishing; i++)
        {
            Publish(i);
        }
    }

    /// <summary>Sends what is due when messages come at a pace, and tells how many milliseconds it is to the next, a whole one at most.</summary>
    public int Pace()
    {
        if (!_publishing || _traffic.PerSecond == 0)
        {
            return 10;
        }

        long due = (BenchMessage.NowUs - _startUs) * _traffic.PerSecond / 1_000_000;
        for (; _paced < due; _paced++)
        {
            Publish((int)(_paced % _publishers.Length));
        }

        return 1;
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

    /// <summary>What was wrong so far on sampled connections, in words; empty when nothing was.</summary>
    public string Faults()
    {
        (long Count, string What)[] faults =
        [
            (_samples.Sum(sample => sample.Missing), "missing on sampled connections"),
            (_samples.Sum(sample => sample.Repeated), "repeated on sampled connections"),
            (_samples.Sum(sample => sample.Reordered), "reordered on sampled connections"),
            (_samples.Where((sample, i) => sample.Contradicts(_samples[i - (i % _samplesOfARoom)])).Count(), "sampled connections with another order"),
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

        if (client.Publisher == message.Publisher && _publishing && _traffic.InFlight > 0 && message.Sequence == _sent[client.Publisher])
        {
            Publish((client.Publisher + _traffic.InFlight) % _publishers.Length);
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

    private void Publish(int publisher)
    {
        long sequence = ++_sent[publisher];
        Messages++;
        _key = (_key * 1664525) + 1013904223;
        new BenchMessage(publisher, sequence, BenchMessage.NowUs).WriteFrame(_frame, _key);
        fixed (byte* bytes = _frame)
        {
            _ = Syscall.Send(clients[_publishers[publisher]].Descriptor, bytes, _frame.Length, 0).OrThrow("send");
        }
    }

    private void Sample(int publishers)
    {
        int sampledRooms = Math.Min(SampledRoomsMax, rooms);
        _samplesOfARoom = rooms == 1 ? Math.Min(SamplesMax, clients.Length) : _members;
        _samples = [.. Enumerable.Range(0, sampledRooms * _samplesOfARoom).Select(_ => new SequenceCheck(publishers))];
        for (int i = 0; i < _samples.Length; i++)
        {
            int room = i / _samplesOfARoom * rooms / sampledRooms;
            int member = rooms == 1 ? Spread(i, _samplesOfARoom) : i % _samplesOfARoom;
            clients[(room * _members) + member].Sample = i;
        }
    }

    /// <summary>The place of one of <paramref name="count"/> that are spread evenly.</summary>
    private int Spread(int number, int count) => (int)(((2L * number) + 1) * clients.Length / (2L * count));
}
