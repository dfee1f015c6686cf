using System.Text;
using Appliance.SystemTests.Harness;

namespace Appliance.SystemTests.Conformance;

/// <summary>What the frames of a case are cut into before they are sent.</summary>
public enum Chop
{
    /// <summary>All bytes at once.</summary>
    None,

    /// <summary>Each frame by itself.</summary>
    Frames,

    /// <summary>Pieces of <see cref="ConformanceCase.ChopBytes"/>.</summary>
    Bytes,
}

/// <summary>A message or control frame that the server must answer with.</summary>
public sealed record Answer(Opcode Opcode, byte[] Payload)
{
    public static Answer Text(string text) => new(Opcode.Text, Encoding.UTF8.GetBytes(text));

    public static Answer Pong(string text = "") => new(Opcode.Pong, Encoding.UTF8.GetBytes(text));
}

/// <summary>One case of the conformance table: what is sent, what must come back, and how the connection must end.</summary>
/// <param name="Number">Number of the case in the Autobahn|Testsuite.</param>
public sealed record ConformanceCase(string Number)
{
    /// <summary>What the client sends.</summary>
    public required IReadOnlyList<ClientFrame> Frames { get; init; }

    /// <summary>What the server must send before its close frame, exactly this and in this order.</summary>
    public IReadOnlyList<Answer> Answers { get; init; } = [];

    /// <summary>Code of the server's close frame; null if it must have none.</summary>
    public int? CloseCode { get; init; } = 1000;

    /// <summary>Whether the client ends the case with a close frame of its own when all answers are there.</summary>
    public bool ClientCloses { get; init; }

    /// <summary>How the bytes are cut.</summary>
    public Chop Chop { get; init; }

    /// <summary>Size of the pieces for <see cref="Chop.Bytes"/>.</summary>
    public int ChopBytes { get; init; } = 1;

    /// <summary>A case that the server must answer and then close at the client's wish.</summary>
    public static ConformanceCase Passes(string number, IReadOnlyList<ClientFrame> frames, params IReadOnlyList<Answer> answers) =>
        new(number) { Frames = frames, Answers = answers, ClientCloses = true };

    /// <summary>A case that the server must fail, with a code, behind the answers given.</summary>
    public static ConformanceCase Fails(string number, int closeCode, IReadOnlyList<ClientFrame> frames, params IReadOnlyList<Answer> answers) =>
        new(number) { Frames = frames, Answers = answers, CloseCode = closeCode };

    /// <summary>A case whose frames hold the client's close frame; the server must answer with a code, or with none.</summary>
    public static ConformanceCase Closes(string number, int? closeCode, IReadOnlyList<ClientFrame> frames, params IReadOnlyList<Answer> answers) =>
        new(number) { Frames = frames, Answers = answers, CloseCode = closeCode };

    /// <summary>The same, sent frame by frame.</summary>
    public ConformanceCase ByFrame() => this with { Chop = Chop.Frames };

    /// <summary>The same, sent in pieces of a size.</summary>
    public ConformanceCase ByBytes(int bytes = 1) => this with { Chop = Chop.Bytes, ChopBytes = bytes };

    /// <summary>The pieces to send.</summary>
    public IEnumerable<byte[]> Pieces() => Chop switch
    {
        Chop.None => [ClientFrame.Encode(Frames)],
        Chop.Frames => Frames.Select(frame => frame.Encode()),
        Chop.Bytes => ClientFrame.Encode(Frames).Chunk(ChopBytes),
        _ => throw new InvalidOperationException($"Unknown way to chop: {Chop}"),
    };
}
