using Appliance.Fuzz.Driver;
using Appliance.Protocols.WebSocket;
using Appliance.Tests.Protocols.WebSocket;
using static Appliance.Fuzz.Driver.FuzzException;

namespace Appliance.Fuzz.Targets;

/// <summary>
/// A client's frames: the first byte chooses the limits, the second how they are cut. Whole, in pieces, and with a reader of another
/// process
/// behind each piece the same is told.
/// </summary>
internal sealed class FramesTarget : IFuzzTarget
{
    public static FuzzTarget Row { get; } = new(
        "frames",
        "WebSocket frames: in any pieces, and handed over between them, the same messages",
        () => new FramesTarget())
    {
        Words =
        [
            "\x81\x80\0\0\0\0", "\x81\x85\0\0\0\0hello", "\x01\x82\0\0\0\0\xC3\xA4", "\x80\x81\0\0\0\0a", "\x82\x83\0\0\0\0\0\x01\x02",
            "\x89\x81\0\0\0\0p", "\x8A\x80\0\0\0\0",
            "\x88\x80\0\0\0\0", "\x88\x82\0\0\0\0\x03\xE8", "\x81\xFE\0\x80\0\0\0\0", "\x81\xFF\0\0\0\0\0\x01\0\0\0\0\0\0",
            "\0\x80\0\0\0\0", "\xF0\x9F\x98\x80",
        ],
    };

    public void Run(ReadOnlySpan<byte> input)
    {
        var bytes = new InputBytes(input);
        byte choice = bytes.Byte();
        var random = new Random(bytes.Byte());
        var limits = new MessageLimits((choice & 1) != 0 ? 65536 : 200, TakesBinary: (choice & 2) != 0);
        byte[] frames = bytes.Rest.ToArray();
        string whole = MessageRecorder.Read([frames], limits);
        byte[][] pieces = [.. Pieces(frames, random)];
        Require(MessageRecorder.Read(pieces, limits) == whole, "pieces tell what the whole tells");
        Require(MessageRecorder.Read(pieces, limits, moves: true) == whole, "a reader that goes on with another's state tells the same");
    }

    public void Dispose()
    {
    }

    private static IEnumerable<byte[]> Pieces(byte[] bytes, Random random)
    {
        int longest = 1 << random.Next(9);
        for (int start = 0; start < bytes.Length;)
        {
            int end = Math.Min(bytes.Length, start + random.Next(1, longest + 1));
            yield return bytes[start..end];
            start = end;
        }
    }
}
