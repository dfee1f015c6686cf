using System.Text;
using Appliance.SystemTests.Harness;
using static Appliance.SystemTests.Conformance.ConformanceCase;

namespace Appliance.SystemTests.Conformance;

/// <summary>Cases 6, all but the ones that watch for failing fast: text is UTF-8 as RFC 3629 has it.</summary>
internal static class Utf8Cases
{
    private const string Greeting = "Hello-µ@ßöäüàá-UTF-8!!";
    private const string Kosme = "κόσμε";

    /// <summary>Bytes in hexadecimal that are well-formed, by group.</summary>
    private static readonly (string Group, string[] Texts)[] WellFormed =
    [
        ("6.5", ["68656C6C6F24776F726C64", "68656C6C6FC2A2776F726C64", "68656C6C6FE282AC776F726C64", "68656C6C6FF0A4ADA2776F726C64", "CEBAE1BDB9CF83CEBCCEB5"]),
        ("6.7", ["00", "C280", "E0A080", "F0908080"]),
        ("6.9", ["7F", "DFBF", "EFBFBF", "F48FBFBF"]),
        ("6.11", ["ED9FBF", "EE8080", "EFBFBD", "F48FBFBF"]),
        ("6.22", [.. Enumerable.Range(0, 17).SelectMany(plane => new[] { (plane << 16) + 0xFFFE, (plane << 16) + 0xFFFF }).Select(Utf8Of)]),
        ("6.23", [.. Enumerable.Range(0xFFF9, 7).Select(Utf8Of)]),
    ];

    /// <summary>Bytes in hexadecimal that are not, by group; the first number of the group where others come before.</summary>
    private static readonly (string Group, int First, string[] Texts)[] Malformed =
    [
        ("6.8", 1, ["F888808080", "FC8480808080"]),
        ("6.10", 1, ["F7BFBFBF", "FBBFBFBFBF", "FDBFBFBFBFBF"]),
        ("6.11", 5, ["F4908080"]),
        ("6.12", 1, ["80", "BF", "80BF", "80BF80", "80BF80BF", "80BF80BF80", "80BF80BF80BF", Bytes(0x80, 0xBF, "")]),
        ("6.13", 1, [Bytes(0xC0, 0xDF, "20"), Bytes(0xE0, 0xEF, "20"), Bytes(0xF0, 0xF7, "20"), Bytes(0xF8, 0xFB, "20"), Bytes(0xFC, 0xFD, "20")]),
        ("6.14", 1, Incomplete),
        ("6.15", 1, [string.Concat(Incomplete)]),
        ("6.16", 1, ["FE", "FF", "FEFEFFFF"]),
        ("6.17", 1, ["C0AF", "E080AF", "F08080AF", "F8808080AF", "FC80808080AF"]),
        ("6.18", 1, ["C1BF", "E09FBF", "F08FBFBF", "F887BFBFBF", "FC83BFBFBFBF"]),
        ("6.19", 1, ["C080", "E08080", "F0808080", "F880808080", "FC8080808080"]),
        ("6.20", 1, ["EDA080", "EDADBF", "EDAE80", "EDAFBF", "EDB080", "EDBE80", "EDBFBF"]),
        ("6.21", 1, ["EDA080EDB080", "EDA080EDBFBF", "EDADBFEDB080", "EDADBFEDBFBF", "EDAE80EDB080", "EDAE80EDBFBF", "EDAFBFEDB080", "EDAFBFEDBFBF"]),
    ];

    public static IEnumerable<ConformanceCase> All => [.. Fragmented(), .. Prefixes(), .. Table()];

    private static string[] Incomplete => ["C0", "E080", "F08080", "F8808080", "FC80808080", "DF", "EFBF", "F7BFBF", "FBBFBFBF", "FDBFBFBFBF"];

    private static IEnumerable<ConformanceCase> Fragmented()
    {
        ClientFrame[] empty = [.. Enumerable.Range(0, 3).Select(i => new ClientFrame(i == 0 ? Opcode.Text : Opcode.Continuation, default) { Final = i == 2 })];
        yield return Passes("6.1.1", [ClientFrame.Text("")], Answer.Text(""));
        yield return Passes("6.1.2", empty, Answer.Text(""));
        yield return Passes("6.1.3", [empty[0], empty[1] with { Payload = "middle frame payload"u8.ToArray() }, empty[2]], Answer.Text("middle frame payload"));

        var greeting = Encoding.UTF8.GetBytes(Greeting);
        var kosme = Encoding.UTF8.GetBytes(Kosme);
        byte[] surrogate = [.. kosme, 0xED, 0xA0, 0x80, .. "edited"u8];
        var boundary = Encoding.UTF8.GetByteCount("Hello-µ@ß");
        yield return Passes("6.2.1", [ClientFrame.Text(Greeting)], Answer.Text(Greeting));
        yield return Passes("6.2.2", [.. ClientFrame.Fragments(Opcode.Text, greeting, boundary)], Answer.Text(Greeting));
        yield return Passes("6.2.3", [.. ClientFrame.Fragments(Opcode.Text, greeting, 1)], Answer.Text(Greeting));
        yield return Passes("6.2.4", [.. ClientFrame.Fragments(Opcode.Text, kosme, 1)], Answer.Text(Kosme));
        yield return Fails("6.3.1", 1007, [new(Opcode.Text, surrogate)]);
        yield return Fails("6.3.2", 1007, [.. ClientFrame.Fragments(Opcode.Text, surrogate, 1)]);
    }

    private static IEnumerable<ConformanceCase> Prefixes()
    {
        var kosme = Encoding.UTF8.GetBytes(Kosme);
        int[] ends = [.. Enumerable.Range(1, Kosme.Length).Select(length => Encoding.UTF8.GetByteCount(Kosme.AsSpan(0, length)))];
        for (var length = 1; length <= kosme.Length; length++)
        {
            yield return Text($"6.6.{length}", kosme[..length], ends.Contains(length));
        }
    }

    private static IEnumerable<ConformanceCase> Table()
    {
        foreach (var (group, texts) in WellFormed)
        {
            for (var i = 0; i < texts.Length; i++)
            {
                yield return Text($"{group}.{i + 1}", Convert.FromHexString(texts[i]), wellFormed: true);
            }
        }

        foreach (var (group, first, texts) in Malformed)
        {
            for (var i = 0; i < texts.Length; i++)
            {
                yield return Text($"{group}.{first + i}", Convert.FromHexString(texts[i]), wellFormed: false);
            }
        }
    }

    private static ConformanceCase Text(string number, byte[] text, bool wellFormed)
    {
        ClientFrame[] frames = [new(Opcode.Text, text)];
        return wellFormed ? Passes(number, frames, new Answer(Opcode.Text, text)) : Fails(number, 1007, frames);
    }

    private static string Utf8Of(int codePoint) => Convert.ToHexString(Encoding.UTF8.GetBytes(char.ConvertFromUtf32(codePoint)));

    /// <summary>All bytes of a range in hexadecimal, each followed by something.</summary>
    private static string Bytes(byte from, byte to, string followedBy) =>
        string.Concat(Enumerable.Range(from, to - from + 1).Select(value => Convert.ToHexString([(byte)value]) + followedBy));
}
