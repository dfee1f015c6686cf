using Appliance.SystemV;

namespace Appliance.Tests.SystemV;

public sealed class SystemVKeyTests
{
    [Theory]
    [InlineData("0x41020304", 0x41020304)]
    [InlineData("0X4102030a", 0x4102030A)]
    [InlineData("0xffffffff", -1)]
    [InlineData("1", 1)]
    [InlineData("1090650884", 0x41020304)]
    [InlineData("4294967295", -1)]
    [InlineData("-2", -2)]
    public void Key_is_read(string text, int key)
    {
        Assert.Equal(new SystemVKey(key), SystemVKey.TryParse(text));
        Assert.Equal(new SystemVKey(key), SystemVKey.TryParse(new SystemVKey(key).ToString()));
    }

    [Theory]
    [InlineData("")]
    [InlineData("0x")]
    [InlineData("0")]
    [InlineData("0x0")]
    [InlineData("0x141020304")]
    [InlineData("4294967296")]
    [InlineData("-2147483649")]
    [InlineData("0x-1")]
    [InlineData(" 1")]
    [InlineData("key")]
    public void What_is_no_key_is_refused(string text) => Assert.Null(SystemVKey.TryParse(text));

    [Fact]
    public void Key_of_a_path_has_its_letter_in_front()
    {
        var key = SystemVKey.OfPath(Path.GetTempPath(), 'A');
        Assert.StartsWith("0x41", key.ToString(), StringComparison.Ordinal);
        Assert.Equal(key.Value + (1 << 24), SystemVKey.OfPath(Path.GetTempPath(), 'B').Value);
        Assert.Equal(10, key.ToString().Length);
    }

    [Fact]
    public void Path_that_is_not_there_has_no_key()
    {
        var failure = Assert.Throws<IOException>(() => SystemVKey.OfPath("/nowhere/at/all", 'A'));
        Assert.Contains("the directory '/nowhere' is not there", failure.Message, StringComparison.Ordinal);
    }
}
