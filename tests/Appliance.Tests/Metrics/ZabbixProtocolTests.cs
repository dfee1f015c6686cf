using System.Text;
using Appliance.Metrics;

namespace Appliance.Tests.Metrics;

/// <summary>Questions of the Zabbix protocol in both forms, in every length, and what is not one.</summary>
public sealed class ZabbixProtocolTests
{
    private const string Key = "appliance.connections";

    [Theory]
    [InlineData(Key + "\n")]
    [InlineData(Key + "\r\n")]
    [InlineData("ZBXD\x01\x15\0\0\0\0\0\0\0" + Key)]
    [InlineData("ZBXD\x01\x16\0\0\0\0\0\0\0" + Key + "\n")]
    public void Key_is_found_once_it_is_whole(string question)
    {
        byte[] bytes = Encoding.Latin1.GetBytes(question);
        Assert.Equal(ZabbixReadStatus.Complete, ZabbixProtocol.Read(bytes, out string key));
        Assert.Equal(Key, key);
        for (int length = 1; length < bytes.Length; length++)
        {
            Assert.Equal(ZabbixReadStatus.Incomplete, ZabbixProtocol.Read(bytes.AsSpan(0, length), out _));
        }
    }

    [Theory]
    [InlineData("GET / HTTP/1.1\r\n", ZabbixReadStatus.Other)]
    [InlineData("ZBXE", ZabbixReadStatus.Other)]
    [InlineData("\n", ZabbixReadStatus.Other)]
    [InlineData("\0", ZabbixReadStatus.Other)]
    [InlineData("ZBXD\x02", ZabbixReadStatus.Malformed)]
    [InlineData("ZBXD\x03", ZabbixReadStatus.Malformed)]
    [InlineData("ZBXD\x01\x01\x08\0\0\0\0\0\0", ZabbixReadStatus.Malformed)]
    [InlineData("ZBXD\x01\xFF\xFF\xFF\xFF\0\0\0\0", ZabbixReadStatus.Malformed)]
    public void Anything_else_is_told_apart(string question, ZabbixReadStatus status) =>
        Assert.Equal(status, ZabbixProtocol.Read(Encoding.Latin1.GetBytes(question), out _));

    [Fact]
    public void Endless_key_is_given_up() =>
        Assert.Equal(ZabbixReadStatus.Malformed, ZabbixProtocol.Read(Encoding.Latin1.GetBytes(new string('a', ZabbixProtocol.KeyBytesMax)), out _));

    [Fact]
    public void Answer_has_the_header()
    {
        Assert.Equal("ZBXD\x01\x02\0\0\0\0\0\0\0" + "42", Encoding.Latin1.GetString(ZabbixProtocol.Answer(isSupported: true, "42")));
        Assert.Equal("ZBXD\x01\x14\0\0\0\0\0\0\0ZBX_NOTSUPPORTED\0Why", Encoding.Latin1.GetString(ZabbixProtocol.Answer(isSupported: false, "Why")));
    }
}
