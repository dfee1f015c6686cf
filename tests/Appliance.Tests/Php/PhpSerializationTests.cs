using System.Text;
using Appliance.Php;
using Appliance.Protocols;

namespace Appliance.Tests.Php;

/// <summary>PHP's format, held against what PHP 8.2 writes; ~ stands for a zero byte. Whatever else comes in has a reason and no exception.</summary>
public sealed class PhpSerializationTests
{
    /// <summary>What serialize() writes, how it reads for people, and as JSON.</summary>
    public static TheoryData<string, string, string> Values => new()
    {
        { "N;", "null", "null" },
        { "b:1;", "true", "true" },
        { "b:0;", "false", "false" },
        { "i:0;", "0", "0" },
        { "i:-42;", "-42", "-42" },
        { "i:9223372036854775807;", "9223372036854775807", "9223372036854775807" },
        { "i:-9223372036854775808;", "-9223372036854775808", "-9223372036854775808" },
        { "d:0.1;", "0.1", "0.1" },
        { "d:1;", "1", "1.0" },
        { "d:-0;", "-0", "-0.0" },
        { "d:100000000000000;", "100000000000000", "100000000000000.0" },
        { "d:10000000000000000;", "10000000000000000", "10000000000000000.0" },
        { "d:1.0E+17;", "1.0E+17", "1.0E+17" },
        { "d:1.2345678901234568E+17;", "1.2345678901234568E+17", "1.2345678901234568E+17" },
        { "d:0.0001;", "0.0001", "0.0001" },
        { "d:0.00012345;", "0.00012345", "0.00012345" },
        { "d:1.0E-5;", "1.0E-5", "1.0E-5" },
        { "d:1.5E-5;", "1.5E-5", "1.5E-5" },
        { "d:0.3333333333333333;", "0.3333333333333333", "0.3333333333333333" },
        { "d:5.0E-324;", "5.0E-324", "5.0E-324" },
        { "d:1.7976931348623157E+308;", "1.7976931348623157E+308", "1.7976931348623157E+308" },
        { "d:INF;", "INF", """{"$float":"INF"}""" },
        { "d:-INF;", "-INF", """{"$float":"-INF"}""" },
        { "d:NAN;", "NAN", """{"$float":"NAN"}""" },
        { "s:0:\"\";", "", "\"\"" },
        { "s:5:\"hello\";", "hello", "\"hello\"" },
        { "s:8:\"a\"b;c'd\\\";", "a\"b;c'd\\", "\"a\\\"b;c'd\\\\\"" },
        { "s:6:\"grün!\";", "grün!", "\"grün!\"" },
        { "s:4:\"a~\n\e\";", "a\\x00\\n\\x1B", "\"a\\u0000\\n\\u001B\"" },
        { "a:0:{}", "[]", "[]" },
        { "a:2:{i:0;s:1:\"a\";i:1;N;}", "['a', null]", """["a",null]""" },
        { "a:2:{i:1;s:1:\"a\";i:0;N;}", "[1 => 'a', 0 => null]", """{"1":"a","0":null}""" },
        { "a:1:{s:4:\"it's\";a:1:{s:1:\"k\";d:0.5;}}", "['it\\'s' => ['k' => 0.5]]", """{"it's":{"k":0.5}}""" },
        { "a:2:{i:0;i:1;i:1;R:2;}", "[1, &2]", """[1,{"$reference":2}]""" },
        { "O:8:\"stdClass\":0:{}", "stdClass {}", """{"$class":"stdClass"}""" },
        {
            "O:1:\"P\":4:{s:4:\"~P~a\";i:1;s:4:\"~*~b\";i:2;s:1:\"c\";r:1;s:1:\"d\";N;}",
            "P {a:P:private: 1, b:protected: 2, c: &1, d: null}",
            """{"$class":"P","a:P:private":1,"b:protected":2,"c":{"$reference":1},"d":null}"""
        },
        { "C:1:\"S\":4:{ab}c}", "S {ab}c}", """{"$class":"S","$data":"ab}c"}""" },
        { "E:6:\"Suit:H\";", "Suit::H", """{"$enum":"Suit::H"}""" },
    };

    [Theory]
    [MemberData(nameof(Values))]
    public void Value_is_read_shown_and_written_to_the_byte(string serialized, string text, string json)
    {
        byte[] bytes = Bytes(serialized);
        Assert.True(PhpSerialization.TryRead(bytes, out var value, out string reason), reason);
        Assert.Equal(text, PhpText.Show(value));
        Assert.Equal(json, PhpJson.Show(value));
        Assert.Equal(bytes, PhpSerialization.Write(value));
        Assert.Equal("", reason);
    }

    /// <summary>Forms that PHP reads but does not write.</summary>
    [Theory]
    [InlineData("i:+5;", "i:5;")]
    [InlineData("i:007;", "i:7;")]
    [InlineData("i:-0;", "i:0;")]
    [InlineData("d:.5;", "d:0.5;")]
    [InlineData("d:5.;", "d:5;")]
    [InlineData("d:1e3;", "d:1000;")]
    [InlineData("d:1E+2;", "d:100;")]
    [InlineData("d:0.1000000000000000055511151231257827;", "d:0.1;")]
    [InlineData("S:2:\"\\41b\";", "s:2:\"Ab\";")]
    [InlineData("a:1:{S:1:\"\\7e\";N;}", "a:1:{s:1:\"~\";N;}", '~')]
    public void Other_forms_are_read(string serialized, string written, char zero = '\0')
    {
        Assert.True(PhpSerialization.TryRead(Bytes(serialized), out var value, out string reason), reason);
        Assert.Equal(zero == '~' ? Encoding.UTF8.GetBytes(written) : Bytes(written), PhpSerialization.Write(value));
    }

    [Theory]
    [InlineData("", "byte 0: no value begins here")]
    [InlineData("hello", "byte 0: no value begins here")]
    [InlineData("say hi", "byte 1: ':' must be here")]
    [InlineData("N", "byte 1: it ends where ';' must be")]
    [InlineData("i:5;x", "byte 4: something follows the value")]
    [InlineData("b:2;", "byte 2: a bool is 0 or 1")]
    [InlineData("b:1", "byte 3: it ends where ';' must be")]
    [InlineData("i:;", "byte 2: not a number of 64 bits")]
    [InlineData("i: 5;", "byte 2: not a number of 64 bits")]
    [InlineData("i:9223372036854775808;", "byte 2: not a number of 64 bits")]
    [InlineData("d:nan;", "byte 2: not a float")]
    [InlineData("d:;", "byte 2: not a float")]
    [InlineData("d:Infinity;", "byte 2: not a float")]
    [InlineData("d:1.2.3;", "byte 2: not a float")]
    [InlineData("s:9:\"abc\";", "byte 5: 9 bytes are said to follow, 5 do")]
    [InlineData("s:-1:\"\";", "byte 6: -1 bytes are said to follow, 2 do")]
    [InlineData("s:2:\"abc\";", "byte 7: '\"' must be here")]
    [InlineData("S:2:\"\\4\";", "byte 6: two hexadecimal digits follow a backslash")]
    [InlineData("a:1:{d:1;N;}", "byte 5: a key is an int or a string")]
    [InlineData("a:1:{i:0;N;", "byte 11: it ends where '}' must be")]
    [InlineData("a:2147483647:{i:0;N;}", "byte 14: 2147483647 elements are said to follow, in 7 bytes")]
    [InlineData("a:-0:{}", "byte 5: a count has no sign")]
    [InlineData("s:+1:\"a\";", "byte 5: a count has no sign")]
    [InlineData("a:-1:{}", "byte 6: -1 elements are said to follow, in 1 bytes")]
    [InlineData("O:1:\"P\"", "byte 7: it ends where ':' must be")]
    [InlineData("E:6:\"Suit:H\"", "byte 12: it ends where ';' must be")]
    [InlineData("C:1:\"S\":9:{ab}", "byte 11: 9 bytes are said to follow, 3 do")]
    [InlineData("R:1;", "byte 4: it refers to a value that has not come yet")]
    [InlineData("a:1:{i:0;r:3;}", "byte 13: it refers to a value that has not come yet")]
    public void What_is_no_value_has_a_reason(string serialized, string reason)
    {
        Assert.False(PhpSerialization.TryRead(Bytes(serialized), out _, out string why));
        Assert.Equal(reason, why);
    }

    [Theory]
    [MemberData(nameof(Values))]
    public void Part_of_a_value_is_none(string serialized, string text, string json)
    {
        byte[] bytes = Bytes(serialized);
        for (int length = 0; length < bytes.Length; length++)
        {
            Assert.False(PhpSerialization.TryRead(bytes.AsMemory(0, length), out _, out string reason), text + json);
            Assert.NotEmpty(reason);
        }
    }

    [Theory]
    [InlineData(PhpSerialization.DepthMax, true)]
    [InlineData(PhpSerialization.DepthMax + 1, false)]
    [InlineData(1_000_000, false)]
    public void Depth_has_a_limit(int depth, bool fits)
    {
        string nested = string.Concat(Enumerable.Repeat("a:1:{i:0;", depth - 1)) + "N;" + new string('}', depth - 1);
        Assert.Equal(fits, PhpSerialization.TryRead(Bytes(nested), out var value, out string reason));
        Assert.Equal(fits ? "" : $"byte {9 * PhpSerialization.DepthMax}: nested deeper than {PhpSerialization.DepthMax} levels", reason);
        Assert.True(value is null || PhpJson.Show(value).Length > depth);
    }

    [Fact]
    public void Number_of_values_has_a_limit()
    {
        string many = $"a:{PhpSerialization.ValuesMax}:{{{string.Concat(Enumerable.Repeat("i:0;N;", PhpSerialization.ValuesMax))}}}";
        Assert.False(PhpSerialization.TryRead(Bytes(many), out _, out string reason));
        Assert.EndsWith($"more than {PhpSerialization.ValuesMax} values", reason, StringComparison.Ordinal);
    }

    [Fact]
    public void Random_floats_come_back() => RandomCases.Check(RandomCases.Randomness, random =>
    {
        double number = BitConverter.Int64BitsToDouble(random.NextInt64(long.MinValue, long.MaxValue));
        Assert.True(PhpSerialization.TryRead(PhpSerialization.Write(new PhpFloat(number)), out var value, out string reason), reason);
        Assert.Equal(number, Assert.IsType<PhpFloat>(value).Value);
    }, 2000);

    /// <summary>A few bytes of a value that is well are turned over: it reads, or it has a reason.</summary>
    [Fact]
    public void Damage_never_throws() => RandomCases.Check(RandomCases.Randomness, random =>
    {
        var rows = Values.ToList();
        byte[] bytes = Bytes($"a:2:{{i:0;{rows[random.Next(rows.Count)][0]}i:1;{rows[random.Next(rows.Count)][0]}}}");
        for (int count = random.Next(1, 5); count > 0; count--)
        {
            bytes[random.Next(bytes.Length)] = random.Next(2) == 0 ? (byte)random.Next(256) : "0123456789:;{}\"aiOs-"u8[random.Next(20)];
        }

        if (PhpSerialization.TryRead(bytes, out var value, out string reason))
        {
            Assert.NotNull(PhpText.Show(value));
            Assert.NotNull(PhpJson.Show(value));
            Assert.True(PhpSerialization.TryRead(PhpSerialization.Write(value), out _, out reason), reason);
        }
        else
        {
            Assert.NotEmpty(reason);
        }
    }, 5000);

    [Theory]
    [InlineData("null", "N;")]
    [InlineData(" true ", "b:1;")]
    [InlineData("42", "i:42;")]
    [InlineData("9223372036854775808", "d:9.223372036854776E+18;")]
    [InlineData("1.0", "d:1;")]
    [InlineData("\"a\\u0000b\"", "s:3:\"a~b\";")]
    [InlineData("[1,[]]", "a:2:{i:0;i:1;i:1;a:0:{}}")]
    [InlineData("{\"a\":1,\"7\":2,\"07\":3,\"-1\":4}", "a:4:{s:1:\"a\";i:1;i:7;i:2;s:2:\"07\";i:3;i:-1;i:4;}")]
    [InlineData("{\"a\":1,\"a\":2}", "a:1:{s:1:\"a\";i:2;}")]
    [InlineData("{\"$base64\":\"AP8=\"}", "s:2:\"~\u00FF\";")]
    [InlineData("{\"$float\":\"-INF\"}", "d:-INF;")]
    [InlineData("{\"$float\":\"much\"}", "a:1:{s:6:\"$float\";s:4:\"much\";}")]
    public void Json_becomes_a_value(string json, string serialized)
    {
        var value = PhpJson.Read(Encoding.UTF8.GetBytes(json), out string reason);
        Assert.Equal("", reason);
        Assert.Equal(Encoding.Latin1.GetBytes(serialized.Replace('~', '\0')), PhpSerialization.Write(value!));
    }

    [Theory]
    [InlineData("")]
    [InlineData("hello")]
    [InlineData("{\"a\":}")]
    [InlineData("\"\\ud800\"")]
    [InlineData("[1] 2")]
    public void What_is_no_Json_has_a_reason(string json)
    {
        Assert.Null(PhpJson.Read(Encoding.UTF8.GetBytes(json), out string reason));
        Assert.NotEmpty(reason);
    }

    [Fact]
    public void Strings_that_are_not_text_are_shown_byte_by_byte()
    {
        var value = new PhpString(new byte[] { (byte)'a', 0xFF, 0xC3, 0x28 });
        Assert.Equal("a\\xFF\\xC3(", PhpText.Show(value));
        Assert.Equal("""{"$base64":"Yf/DKA=="}""", PhpJson.Show(value));
    }

    [Fact]
    public void Text_cannot_move_the_cursor_nor_turn_the_line() =>
        Assert.Equal("\\x1B[2J\\xC2\\x9B\\xE2\\x80\\xAE\\xE2\\x80\\xA8.", PrintableText.Escape(Encoding.UTF8.GetBytes("\e[2J\u009B\u202E\u2028.")));

    private static byte[] Bytes(string serialized) => Encoding.UTF8.GetBytes(serialized.Replace('~', '\0'));
}
