using System.Text;
using Appliance.Protocols.Http;

namespace Appliance.Tests.Protocols.Http;

/// <summary>By which Host headers the monitoring port answers.</summary>
public sealed class ServedHostsTests
{
    [Theory]
    [InlineData("", true)]
    [InlineData("localhost", true)]
    [InlineData("LocalHost:9001", true)]
    [InlineData("localhost.", true)]
    [InlineData("a.localhost", true)]
    [InlineData("a.b.localhost:1", true)]
    [InlineData("127.0.0.1", true)]
    [InlineData("127.0.0.1:9001", true)]
    [InlineData("127.255.0.9", true)]
    [InlineData("[::1]", true)]
    [InlineData("[::1]:9001", true)]
    [InlineData("192.0.2.7:9001", true)]
    [InlineData("0.0.0.0:9001", true)]
    [InlineData("[2001:db8::7]:9001", true)]
    [InlineData("[::ffff:127.0.0.1]", true)]

    [InlineData("evil.example", false)]
    [InlineData("evil.example:9001", false)]
    [InlineData("localhost.evil.example", false)]
    [InlineData("evillocalhost", false)]
    [InlineData(".localhost", false)]
    [InlineData("127.0.0.1.evil.example", false)]
    [InlineData("127.0.0.1.nip.io", false)]
    [InlineData("127.1", false)]
    [InlineData("127.0.0.01", false)]
    [InlineData("127.0.0.256", false)]
    [InlineData("127.0.0.1.1", false)]
    [InlineData("2130706433", false)]
    [InlineData("0x7f.0.0.1", false)]
    [InlineData("::1", false)]
    [InlineData("[::1", false)]
    [InlineData("[::1]evil.example", false)]
    [InlineData("[evil.example]", false)]
    [InlineData("[127.0.0.1]", false)]
    [InlineData("user@localhost", false)]
    [InlineData("localhost:9001:9001", false)]
    [InlineData("localhost:x", false)]
    [InlineData(":9001", false)]
    public void Own_names_and_addresses_are_served(string host, bool served) => Assert.Equal(served, Serve(ServedHosts.Own, host));

    [Theory]
    [InlineData("monitor.example", "monitor.example", true)]
    [InlineData("monitor.example", "Monitor.Example.:9001", true)]
    [InlineData("monitor.example", "localhost", true)]
    [InlineData("monitor.example", "127.0.0.1", true)]
    [InlineData("monitor.example", "a.monitor.example", false)]
    [InlineData("*.example", "a.example", true)]
    [InlineData("*.example", "a.b.example", true)]
    [InlineData("*.example", "example", false)]
    [InlineData("*.example", "aexample", false)]
    [InlineData("chat_1", "chat_1:9001", true)]
    [InlineData("none", "evil.example", false)]
    [InlineData("any", "evil.example", true)]
    [InlineData("any", "a b", true)]
    public void Names_may_be_added(string given, string host, bool served) => Assert.Equal(served, Serve(ServedHosts.Own.TryAdd(given)!, host));

    [Theory]
    [InlineData("")]
    [InlineData("*")]
    [InlineData("a b")]
    [InlineData("monitor.example:9001")]
    [InlineData("http://monitor.example")]
    [InlineData("a.*.example")]
    [InlineData("*.127.0.0.1")]
    [InlineData("münchen.example")]
    public void What_is_no_name_cannot_be_added(string text) => Assert.Null(ServedHosts.Own.TryAdd(text));

    [Fact]
    public void Number_is_limited()
    {
        var hosts = Enumerable.Range(0, ServedHosts.NamesMax).Aggregate(ServedHosts.Own, (hosts, i) => hosts.TryAdd($"host{i}")!);
        Assert.Null(hosts.TryAdd("one.more"));
        Assert.Same(hosts, hosts.TryAdd("host3"));
        Assert.Equal(ServedHosts.NamesMax, hosts.ToString().Split(' ').Length);
        Assert.Equal("none", ServedHosts.Own.ToString());
    }

    [Fact]
    public void Length_of_a_name_is_limited()
    {
        string longest = new('a', Authority.HostBytesMax);
        Assert.NotNull(ServedHosts.Own.TryAdd(longest));
        Assert.Null(ServedHosts.Own.TryAdd(longest + "a"));
    }

    private static bool Serve(ServedHosts hosts, string host) => hosts.Serve(Encoding.ASCII.GetBytes(host));
}
