using Appliance.SystemTests.Harness;
using static Appliance.SystemTests.Conformance.ConformanceCase;

namespace Appliance.SystemTests.Conformance;

/// <summary>Cases 7: the closing handshake, close frames of all kinds, close codes.</summary>
internal static class ClosingCases
{
    private static readonly int[] ValidCodes = [1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 3000, 3999, 4000, 4999];

    private static readonly int[] InvalidCodes = [0, 999, 1004, 1005, 1006, 1016, 1100, 2000, 2999];

    public static IEnumerable<ConformanceCase> All => [.. BehindClose(), .. Payloads(), .. Codes()];

    private static IEnumerable<ConformanceCase> BehindClose()
    {
        var close = ClientFrame.Close(1000);
        var large = new string('*', 256 * 1024);
        var first = ClientFrame.Text("fragment1") with { Final = false };
        yield return Closes("7.1.1", 1000, [ClientFrame.Text("Hello World!"), close], Answer.Text("Hello World!"));
        yield return Closes("7.1.2", 1000, [close, close]);
        yield return Closes("7.1.3", 1000, [close, ClientFrame.Ping()]);
        yield return Closes("7.1.4", 1000, [close, ClientFrame.Text("Hello World!")]);
        yield return Closes("7.1.5", 1000, [first, close, ClientFrame.Text("fragment2") with { Opcode = Opcode.Continuation }]);
        yield return Closes(
            "7.1.6",
            1000,
            [ClientFrame.Text(large), ClientFrame.Text("Hello World!"), close, ClientFrame.Ping()],
            Answer.Text(large),
            Answer.Text("Hello World!"));
    }

    private static IEnumerable<ConformanceCase> Payloads()
    {
        yield return Closes("7.3.1", null, [new(Opcode.Close, default)]);
        yield return Fails("7.3.2", 1002, [new(Opcode.Close, new byte[] { 0x61 })]);
        yield return Closes("7.3.3", 1000, [ClientFrame.Close(1000)]);
        yield return Closes("7.3.4", 1000, [ClientFrame.Close(1000, "Hello World!")]);
        yield return Closes("7.3.5", 1000, [ClientFrame.Close(1000, new string('*', 123))]);
        yield return Fails("7.3.6", 1002, [ClientFrame.Close(1000, new string('*', 124))]);
        yield return Fails("7.5.1", 1007, [new(Opcode.Close, ClientFrame.ClosePayload(1000, [0xCE, 0xBA, 0xE1, 0xBD, 0xB9, 0xED, 0xA0, 0x80]))]);
    }

    private static IEnumerable<ConformanceCase> Codes()
    {
        for (var i = 0; i < ValidCodes.Length; i++)
        {
            yield return Closes($"7.7.{i + 1}", ValidCodes[i], [ClientFrame.Close(ValidCodes[i])]);
        }

        for (var i = 0; i < InvalidCodes.Length; i++)
        {
            yield return Fails($"7.9.{i + 1}", 1002, [ClientFrame.Close(InvalidCodes[i])]);
        }

        // The suite leaves these open; out of every range of RFC 6455 section 7.4.2 they cannot be valid.
        yield return Fails("7.13.1", 1002, [ClientFrame.Close(5000)]);
        yield return Fails("7.13.2", 1002, [ClientFrame.Close(65535)]);
    }
}
