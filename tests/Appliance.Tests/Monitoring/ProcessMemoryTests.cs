using Appliance.Monitoring;

namespace Appliance.Tests.Monitoring;

/// <summary>What the kernel tells of a process's memory.</summary>
public sealed class ProcessMemoryTests
{
    [Fact]
    public void Pss_is_read_in_bytes() => Assert.Equal(
        200 * 1024,
        ProcessMemory.ParsePss(
            "5602543bb000-7ffe5a76b000 ---p 00000000 00:00 0    [rollup]\nRss:                1684 kB\n"u8
            + "Pss:                 200 kB\nPss_Dirty:           116 kB\n"u8));

    [Theory]
    [InlineData("")]
    [InlineData("Rss:                1684 kB\nPss_Dirty:           116 kB\n")]
    [InlineData("Rss: 1 kB\nPss:")]
    public void Without_it_there_is_none(string text) => Assert.Equal(0, ProcessMemory.ParsePss(System.Text.Encoding.ASCII.GetBytes(text)));

    [Fact]
    public void This_process_has_some_and_one_that_is_not_there_has_none()
    {
        Assert.InRange(ProcessMemory.Read(Environment.ProcessId), 1 << 20, 1L << 40);
        Assert.Equal(0, ProcessMemory.Read(int.MaxValue));
    }
}
