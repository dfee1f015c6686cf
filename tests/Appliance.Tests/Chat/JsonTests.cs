using System.Text;
using System.Text.Json;
using Appliance.Chat;
using FsCheck;
using FsCheck.Fluent;

namespace Appliance.Tests.Chat;

/// <summary>
/// Reading chat JSON against System.Text.Json: what one takes the other takes, and with the same meaning. Two differences are
/// meant: a value that is no object is refused here, and values nobody asked for may be nested 33 deep there and no deeper.
/// </summary>
public sealed class JsonTests
{
    private const string Alphabet = "{}[]\",:\\u0ed8 \t\n\u00011-+.eEtfn/xé";

    private static readonly ChatLimits NoLimits = new(int.MaxValue, int.MaxValue);

    public static TheoryData<string> Texts =>
    [
        "{}", " { } ", "{\"name\":\"a\",\"message\":\"b\"}", "{\"message\":\"b\",\"name\":\"a\",\"color\":\"#fff\"}",
        "\t{\r\n\"name\" : \"a\" , \"message\" : \"b\" }\n", "{\"name\":\"a\",\"name\":\"b\",\"message\":\"c\"}",
        "{\"name\":\"a\",\"name\":1,\"message\":\"c\"}",
        "{\"n\\u0061me\":\"a\",\"\\u006dessage\":\"b\"}", "{\"\":\"\",\"x\":{\"name\":\"y\"},\"name\":\"a\",\"message\":\"b\"}",
        "{\"name\":\"\\\"\\\\\\/\\b\\f\\n\\r\\t\\u00e9\\u20AC\\ud83d\\ude42\",\"message\":\"é€🙂\"}",
        "{\"name\":\"\\u0000\",\"message\":\"\u007f\u0085\u2028\"}", "{\"name\":\"\",\"message\":\"b\"}", "{\"name\":\" \\t\\n\",\"message\":\"b\"}",
        "{\"name\":null,\"message\":\"b\"}", "{\"name\":true,\"message\":\"b\"}", "{\"name\":[\"a\"],\"message\":\"b\"}", "{\"name\":{},\"message\":\"b\"}",
        "{\"x\":0,\"y\":-0.0e+1,\"z\":1E-9,\"v\":12345678901234567890}", "{\"x\":[1,[],{},[{}],\"\",true,false,null]}", "{\"x\":[1 , 2 ]}",
        "{\"x\":\"\\ud800\",\"name\":\"a\",\"message\":\"b\"}",

        "", " ", "null", "[]", "\"a\"", "1", "abc", "{", "}", "{]", "{\"name\"}", "{\"name\":}", "{\"name\":\"a\"", "{\"name\":\"a\",}", "{,}",
        "{\"a\":1 \"b\":2}",
        "{name:\"a\"}", "{'name':'a'}", "{\"a\":1}{}", "{} x", "{}\0", "\uFEFF{}", "{/**/}", "{}//", "{\"a\":'b'}", "{1:2}", "{\"a\":\"b}", "{\"a\":\"\\\"}",
        "{\"a\":\"\\x\"}", "{\"a\":\"\\u12\"}", "{\"a\":\"\\u12g4\"}", "{\"a\":\"\t\"}", "{\"a\":\"\n\"}", "{\"a\":\"\0\"}", "{\"a\u0001\":1}", "{\"a\":01}",
        "{\"a\":+1}",
        "{\"a\":.5}", "{\"a\":1.}", "{\"a\":1e}", "{\"a\":1e+}", "{\"a\":-}", "{\"a\":--1}", "{\"a\":0x1}", "{\"a\":1_0}", "{\"a\":NaN}", "{\"a\":-Infinity}",
        "{\"a\":tru}", "{\"a\":truex}", "{\"a\":True}", "{\"a\":nul", "{\"a\":[1,]}", "{\"a\":[,1]}", "{\"a\":[1 2]}", "{\"a\":[}", "{\"a\":{\"b\"}}",
        "{\"a\":{\"b\":1,}}",
        "{\u00A0}", "{\f}", "{\"a\"=1}", "{\"a\"::1}", "{\"a\":1,,\"b\":2}", "{\"a\":1}]", "{\"a\":[[]}", "{\"a\":\"b\"\"c\"}",
        "{\"name\":\"\\ud800\",\"message\":\"b\"}", "{\"name\":\"\\udc00\",\"message\":\"b\"}", "{\"name\":\"\\ud800x\",\"message\":\"b\"}",
        "{\"name\":\"\\ud800\\u0041\",\"message\":\"b\"}", "{\"name\":\"\\ud800\\ud800\",\"message\":\"b\"}",
        "{\"\\ud800\":1,\"name\":\"a\",\"message\":\"b\"}",
    ];

    [Theory]
    [MemberData(nameof(Texts))]
    public void Text_means_what_it_means_elsewhere(string json) => Assert.Equal(Expected(json), Read(json));

    [Theory]
    [MemberData(nameof(Texts))]
    public void Every_beginning_means_what_it_means_elsewhere(string json)
    {
        for (int length = 0; length <= json.Length; length++)
        {
            string beginning = json[..length];
            if (beginning.Length == 0 || !char.IsHighSurrogate(beginning[^1]))
            {
                Assert.Equal(Expected(beginning), Read(beginning));
            }
        }
    }

    [Fact]
    public void Any_object_means_what_it_means_elsewhere() => RandomCases.Check(Objects, json => Assert.Equal(Expected(json), Read(json)), 500);

    [Fact]
    public void Any_spoilt_object_means_what_it_means_elsewhere() => RandomCases.Check(
        Objects.SelectMany(json => RandomCases.Randomness.Select(random => Spoil(json, random))), json => Assert.Equal(Expected(json), Read(json)), 2000);

    /// <summary>Texts are looked at in blocks of sixteen bytes: what ends a plain stretch, behind and before so many bytes.</summary>
    [Theory]
    [InlineData("\\\"")]
    [InlineData("\\n\\u00e9")]
    [InlineData("\\ud83d\\ude42\\/")]
    [InlineData("\\u12")]
    [InlineData("\\x")]
    [InlineData("\u0001")]
    [InlineData("\u007f")]
    [InlineData("\"")]
    [InlineData("é")]
    public void Byte_means_what_it_means_elsewhere_wherever_it_stands(string part)
    {
        for (int before = 0; before <= 36; before++)
        {
            for (int behind = 0; behind <= 36; behind += behind < 17 ? 1 : 5)
            {
                string text = new string('b', before) + part + new string('c', behind);
                string json = $"{{\"name\":\"{text}\",\"x\":\"{text}\",\"message\":\"{text}\"}}";
                Assert.Equal(Expected(json), Read(json));
            }
        }
    }

    [Theory]
    [InlineData(33, "||#000000")]
    [InlineData(34, null)]
    [InlineData(100_000, null)]
    public void Nesting_has_a_limit(int depth, string? expected)
    {
        string arrays = new string('[', depth) + new string(']', depth);
        Assert.Equal(expected ?? "BadJson", Read($"{{\"name\":{arrays}}}"));
    }

    /// <summary>Objects whose members are often those of a chat message, with white space and escapes in places.</summary>
    private static Gen<string> Objects => Members(4).Select(members => $"{{{members}}}");

    private static Gen<string> Members(int depth) =>
        Names.SelectMany(name => Value(depth).SelectMany(value => Blank.Select(blank => $"{blank}{name}{blank}:{value}")))
            .ListOf().Select(list => string.Join(',', list.Take(6)));

    private static Gen<string> Names => Gen.Frequency(
        (6, Gen.Elements("\"name\"", "\"message\"", "\"color\"", "\"n\\u0061me\"", "\"x\"", "\"\"")),
        (1, Texts16));

    private static Gen<string> Blank => Gen.Elements("", "", "", " ", "\t", "\r\n");

    private static Gen<string> Texts16 => Gen.Elements(
        "a", "Z", " ", "é", "€", "🙂", "\\n", "\\\"", "\\\\", "\\/", "\\u0041", "\\u00e9", "\\uD83D\\uDE42", "\\ud83d", "\\udc00", "\u007f", "#ff0000", "<b>")
        .ListOf().Select(parts => $"\"{string.Concat(parts.Take(16))}\"");

    private static Gen<string> Value(int depth)
    {
        var scalars = Gen.Elements("0", "-1", "1.5e3", "true", "false", "null", "\"\"", "\"#07F\"");
        return depth == 0 ? scalars : Gen.Frequency(
            (5, Texts16),
            (2, scalars),
            (1, Gen.Sized(_ => Value(depth - 1)).ListOf().Select(list => $"[{string.Join(", ", list.Take(4))}]")),
            (1, Gen.Sized(_ => Members(depth - 1)).Select(members => $"{{{members}}}")));
    }

    /// <summary>Takes out, doubles or changes a few characters.</summary>
    private static string Spoil(string json, Random random)
    {
        var text = new StringBuilder(json);
        for (int i = random.Next(1, 4); i > 0 && text.Length > 0; i--)
        {
            int at = random.Next(text.Length);
            string other = Alphabet[random.Next(Alphabet.Length)].ToString();
            _ = random.Next(3) switch
            {
                0 => text.Remove(at, 1),
                1 => text.Insert(at, other),
                _ => text.Remove(at, 1).Insert(at, other),
            };
        }

        // Half a surrogate pair is no text that could arrive: frames are checked as UTF-8 before.
        return Encoding.UTF8.GetString(Encoding.UTF8.GetBytes(text.ToString()));
    }

    private static string Read(string json)
    {
        byte[] bytes = Encoding.UTF8.GetBytes(json);
        var refusal = ChatInput.Read(bytes, new byte[bytes.Length], NoLimits, out var input);
        return refusal == ChatRefusal.BadJson ? "BadJson"
            : $"{Encoding.UTF8.GetString(input.Name)}|{Encoding.UTF8.GetString(input.Message)}|{Encoding.UTF8.GetString(input.Color)}";
    }

    private static string Expected(string json)
    {
        try
        {
            using var document = JsonDocument.Parse(json);
            if (document.RootElement.ValueKind != JsonValueKind.Object)
            {
                return "BadJson";
            }

            var values = new Dictionary<string, string>(StringComparer.Ordinal) { ["name"] = "", ["message"] = "", ["color"] = "" };
            foreach (var member in document.RootElement.EnumerateObject())
            {
                string name = member.Name;
                if (values.ContainsKey(name))
                {
                    values[name] = member.Value.ValueKind == JsonValueKind.String ? member.Value.GetString()! : "";
                }
            }

            string color = ChatInput.IsColor(Encoding.UTF8.GetBytes(values["color"])) ? values["color"] : "#000000";
            return $"{values["name"]}|{values["message"]}|{color}";
        }
        catch (JsonException)
        {
            return "BadJson";
        }
        catch (InvalidOperationException)
        {
            // Half a surrogate pair, written as an escape.
            return "BadJson";
        }
    }
}
