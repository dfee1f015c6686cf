using System.Text;
using Appliance.SystemTests.Harness;
using static Appliance.SystemTests.Conformance.ConformanceCase;

namespace Appliance.SystemTests.Conformance;

/// <summary>Cases 1 to 5: framing, pings and pongs, reserved bits, opcodes, fragmentation.</summary>
internal static class FramingCases
{
    private const string Small = "Hello, world!";

    private static readonly int[] PayloadBytes = [0, 125, 126, 127, 128, 65535, 65536];

    public static IEnumerable<ConformanceCase> All => [.. Lengths(), .. Pings(), .. ReservedBits(), .. Opcodes(), .. Fragmentation(), .. NothingToContinue()];

    private static IEnumerable<ConformanceCase> Lengths()
    {
        foreach (var (group, opcode, value) in new[] { ("1.1", Opcode.Text, (byte)'*'), ("1.2", Opcode.Binary, (byte)0xFE) })
        {
            for (var i = 0; i < PayloadBytes.Length; i++)
            {
                yield return Echo($"{group}.{i + 1}", opcode, value, PayloadBytes[i]);
            }

            yield return Echo($"{group}.8", opcode, value, 65536).ByBytes(997);
        }
    }

    private static ConformanceCase Echo(string number, Opcode opcode, byte value, int bytes)
    {
        var payload = new byte[bytes];
        payload.AsSpan().Fill(value);
        return Passes(number, [new ClientFrame(opcode, payload)], new Answer(opcode, payload));
    }

    private static IEnumerable<ConformanceCase> Pings()
    {
        byte[] binary = [0x00, 0xFF, 0xFE, 0xFD, 0xFC, 0xFB, 0x00, 0xFF];
        byte[] longest = [.. Enumerable.Repeat((byte)0xFE, 125)];
        var ten = Enumerable.Range(0, 10).Select(i => $"payload-{i}").ToArray();
        yield return Passes("2.1", [ClientFrame.Ping()], Answer.Pong());
        yield return Passes("2.2", [ClientFrame.Ping(Small)], Answer.Pong(Small));
        yield return Passes("2.3", [new(Opcode.Ping, binary)], new Answer(Opcode.Pong, binary));
        yield return Passes("2.4", [new(Opcode.Ping, longest)], new Answer(Opcode.Pong, longest));
        yield return Fails("2.5", 1002, [new(Opcode.Ping, new byte[126])]);
        yield return Passes("2.6", [new(Opcode.Ping, longest)], new Answer(Opcode.Pong, longest)).ByBytes();
        yield return Passes("2.7", [ClientFrame.Pong()]);
        yield return Passes("2.8", [ClientFrame.Pong("unsolicited pong payload")]);
        yield return Passes("2.9", [ClientFrame.Pong("unsolicited pong payload"), ClientFrame.Ping("ping payload")], Answer.Pong("ping payload"));
        yield return Passes("2.10", [.. ten.Select(ClientFrame.Ping)], [.. ten.Select(Answer.Pong)]);
        yield return Passes("2.11", [.. ten.Select(ClientFrame.Ping)], [.. ten.Select(Answer.Pong)]).ByBytes();
    }

    private static IEnumerable<ConformanceCase> ReservedBits()
    {
        yield return Fails("3.1", 1002, [ClientFrame.Text(Small) with { Reserved = 1 }]);
        yield return BehindText("3.2", ClientFrame.Text(Small) with { Reserved = 2 });
        yield return BehindText("3.3", ClientFrame.Text(Small) with { Reserved = 3 }).ByFrame();
        yield return BehindText("3.4", ClientFrame.Text(Small) with { Reserved = 4 }).ByBytes();
        yield return Fails("3.5", 1002, [ClientFrame.Binary(new byte[] { 0x00, 0xFF, 0xFE, 0xFD }) with { Reserved = 5 }]);
        yield return Fails("3.6", 1002, [ClientFrame.Ping(Small) with { Reserved = 6 }]);
        yield return Fails("3.7", 1002, [ClientFrame.Close(1000) with { Reserved = 7 }]);
    }

    private static IEnumerable<ConformanceCase> Opcodes()
    {
        foreach (var (group, first) in new[] { ("4.1", 3), ("4.2", 11) })
        {
            var payload = Encoding.ASCII.GetBytes("reserved opcode payload");
            yield return Fails($"{group}.1", 1002, [new((Opcode)first, default)]);
            yield return Fails($"{group}.2", 1002, [new((Opcode)(first + 1), payload)]);
            yield return BehindText($"{group}.3", new((Opcode)(first + 2), default));
            yield return BehindText($"{group}.4", new((Opcode)(first + 3), payload));
            yield return BehindText($"{group}.5", new ClientFrame((Opcode)(first + 4), payload)).ByBytes();
        }
    }

    /// <summary>A good message, then a bad frame, then a ping that must not be answered.</summary>
    private static ConformanceCase BehindText(string number, ClientFrame bad) =>
        Fails(number, 1002, [ClientFrame.Text(Small), bad, ClientFrame.Ping()], Answer.Text(Small));

    private static IEnumerable<ConformanceCase> Fragmentation()
    {
        yield return Fails("5.1", 1002, [ClientFrame.Ping("fragment1") with { Final = false }, Continuation("fragment2")]);
        yield return Fails("5.2", 1002, [ClientFrame.Pong("fragment1") with { Final = false }, Continuation("fragment2")]);

        var two = Passes("5.3", [First("fragment1"), Continuation("fragment2")], Answer.Text("fragment1fragment2"));
        yield return two;
        yield return two.ByFrame() with { Number = "5.4" };
        yield return two.ByBytes() with { Number = "5.5" };

        var withPing = Passes(
            "5.6",
            [First("fragment1"), ClientFrame.Ping("ping payload"), Continuation("fragment2")],
            Answer.Pong("ping payload"),
            Answer.Text("fragment1fragment2"));
        yield return withPing;
        yield return withPing.ByFrame() with { Number = "5.7" };
        yield return withPing.ByBytes() with { Number = "5.8" };
    }

    private static IEnumerable<ConformanceCase> NothingToContinue()
    {
        var final = Fails("5.9", 1002, [Continuation("non-continuation payload"), ClientFrame.Text(Small)]);
        yield return final;
        yield return final.ByFrame() with { Number = "5.10" };
        yield return final.ByBytes() with { Number = "5.11" };

        var open = Fails("5.12", 1002, [Continuation("non-continuation payload") with { Final = false }, ClientFrame.Text(Small)]);
        yield return open;
        yield return open.ByFrame() with { Number = "5.13" };
        yield return open.ByBytes() with { Number = "5.14" };

        yield return Fails(
            "5.15",
            1002,
            [First("fragment1"), Continuation("fragment2"), Continuation("fragment3") with { Final = false }, ClientFrame.Text("fragment4")],
            Answer.Text("fragment1fragment2"));
        ClientFrame[] repeated = [Continuation("fragment1") with { Final = false }, First("fragment2"), Continuation("fragment3")];
        yield return Fails("5.16", 1002, [.. repeated, .. repeated]);
        repeated = [Continuation("fragment1"), First("fragment2"), Continuation("fragment3")];
        yield return Fails("5.17", 1002, [.. repeated, .. repeated]);
        yield return Fails("5.18", 1002, [First("fragment1"), ClientFrame.Text("fragment2")]);
    }

    private static ClientFrame First(string text) => ClientFrame.Text(text) with { Final = false };

    private static ClientFrame Continuation(string text) => ClientFrame.Text(text) with { Opcode = Opcode.Continuation };
}
