using System.Buffers;
using System.Text;
using Appliance.Protocols.WebSocket;

namespace Appliance.Tests.Protocols.WebSocket;

/// <summary>UTF-8 in pieces, against the runtime's decoder: valid, incomplete, or impossible at exactly that byte.</summary>
public sealed class Utf8ValidatorTests
{
    /// <summary>First and last of every range that RFC 3629, 4 tells apart.</summary>
    private static readonly byte[] Edges =
    [
        0x00, 0x7F, 0x80, 0x8F, 0x90, 0x9F, 0xA0, 0xBF, 0xC0, 0xC1, 0xC2, 0xDF, 0xE0, 0xE1, 0xEC, 0xED, 0xEE, 0xEF, 0xF0, 0xF1, 0xF3, 0xF4, 0xF5, 0xFF,
    ];

    public static TheoryData<string> Samples =>
    [
        "",
        "plain ASCII, long enough for vectors of every length there is",
        "κόσμε",
        "ascii ünd \u00FC\u07FF\u0800\uFFFF \uD7FF\uE000 \U00010000\U0010FFFF at the end",
        "🙂🙃",
        "🙂 ein Gruß, привет, 你好, これは長い文です, und noch mehr 🙃🙂🙃🙂 dahinter",
    ];

    private enum Status
    {
        Whole,
        Incomplete,
        Impossible,
    }

    [Fact]
    public void Every_sequence_of_four_edge_bytes_byte_by_byte_and_whole()
    {
        byte[] bytes = new byte[4];
        for (int number = 0; number < Edges.Length * Edges.Length * Edges.Length * Edges.Length; number++)
        {
            for (int i = 0, rest = number; i < bytes.Length; i++, rest /= Edges.Length)
            {
                bytes[i] = Edges[rest % Edges.Length];
            }

            var validator = default(Utf8Validator);
            for (int length = 1; length <= bytes.Length; length++)
            {
                var expected = Reference(bytes.AsSpan(0, length));
                bool possible = validator.Append(bytes.AsSpan(length - 1, 1));
                AssertStatus(expected, possible, validator.IsComplete, bytes);
                AssertWhole(expected, bytes.AsSpan(0, length));
                if (expected == Status.Impossible)
                {
                    break;
                }
            }
        }
    }

    /// <summary>Blocks of vectors are looked at in another way than what is too short for them: every sequence at every place of one.</summary>
    [Theory]
    [InlineData("a")]
    [InlineData("é")]
    [InlineData("€")]
    [InlineData("🙂")]
    public void Every_sequence_of_three_edge_bytes_at_every_place_of_a_long_text(string around)
    {
        byte[] character = Encoding.UTF8.GetBytes(around);
        for (int places = 0; places < 18; places++)
        {
            byte[] before = [.. Enumerable.Repeat(character, places).SelectMany(bytes => bytes)];
            byte[] bytes = [0xC3, 0xA9, .. before, 0, 0, 0, .. Enumerable.Repeat(character, 40).SelectMany(bytes => bytes)];
            int at = 2 + before.Length;
            for (int number = 0; number < Edges.Length * Edges.Length * Edges.Length; number++)
            {
                (bytes[at], bytes[at + 1], bytes[at + 2]) =
                    (Edges[number % Edges.Length], Edges[number / Edges.Length % Edges.Length], Edges[number / Edges.Length / Edges.Length]);
                AssertWhole(Reference(bytes.AsSpan(at)), bytes);
                AssertWhole(Reference(bytes.AsSpan(at, 3)), bytes.AsSpan(0, at + 3));
            }
        }
    }

    [Theory]
    [MemberData(nameof(Samples))]
    public void Valid_text_cut_at_every_two_places(string text)
    {
        byte[] bytes = Encoding.UTF8.GetBytes(text);
        for (int first = 0; first <= bytes.Length; first++)
        {
            for (int second = first; second <= bytes.Length; second++)
            {
                var validator = default(Utf8Validator);
                foreach (byte[] piece in (byte[][])[bytes[..first], bytes[first..second], bytes[second..]])
                {
                    Assert.True(validator.Append(piece));
                }

                Assert.True(validator.IsComplete);
            }
        }
    }

    [Theory]
    [MemberData(nameof(Samples))]
    public void Any_byte_spoilt_fails_where_it_becomes_impossible(string text)
    {
        byte[] valid = Encoding.UTF8.GetBytes(text);
        for (int at = 0; at < valid.Length; at++)
        {
            foreach (byte spoilt in Edges)
            {
                byte[] bytes = [.. valid];
                bytes[at] = spoilt;
                int impossible = Enumerable.Range(1, bytes.Length)
                    .FirstOrDefault(length => Reference(bytes.AsSpan(0, length)) == Status.Impossible, bytes.Length + 1);
                for (int split = 0; split <= bytes.Length; split++)
                {
                    var validator = default(Utf8Validator);
                    Assert.Equal(split < impossible, validator.Append(bytes.AsSpan(0, split)));
                    Assert.True(split >= impossible || validator.Append(bytes.AsSpan(split)) == (bytes.Length < impossible));
                }
            }
        }
    }

    private static void AssertWhole(Status expected, ReadOnlySpan<byte> bytes)
    {
        var validator = default(Utf8Validator);
        AssertStatus(expected, validator.Append(bytes), validator.IsComplete, bytes);
    }

    private static void AssertStatus(Status expected, bool possible, bool complete, ReadOnlySpan<byte> bytes)
    {
        var status = !possible ? Status.Impossible : complete ? Status.Whole : Status.Incomplete;
        if (status != expected)
        {
            Assert.Fail($"{Convert.ToHexString(bytes)}: {status}, not {expected}");
        }
    }

    private static Status Reference(ReadOnlySpan<byte> bytes)
    {
        while (!bytes.IsEmpty)
        {
            var result = Rune.DecodeFromUtf8(bytes, out _, out int consumed);
            if (result != OperationStatus.Done)
            {
                return result == OperationStatus.NeedMoreData ? Status.Incomplete : Status.Impossible;
            }

            bytes = bytes[consumed..];
        }

        return Status.Whole;
    }
}
