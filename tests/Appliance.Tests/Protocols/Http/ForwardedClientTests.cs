using System.Net;
using System.Text;
using Appliance.Protocols;
using Appliance.Protocols.Http;

namespace Appliance.Tests.Protocols.Http;

/// <summary>The client is the first address from the right that is no trusted proxy's, whatever stands left of it; proxies here are 10.0.0.0/8.</summary>
public sealed class ForwardedClientTests
{
    [Theory]
    [InlineData("X-Forwarded-For: 192.0.2.1", "192.0.2.1")]
    [InlineData("X-Forwarded-For: 203.0.113.9, 192.0.2.1", "192.0.2.1")]
    [InlineData("X-Forwarded-For: 203.0.113.9, 192.0.2.1, 10.0.0.2, 10.0.0.3", "192.0.2.1")]
    [InlineData("X-Forwarded-For: 203.0.113.9|X-Forwarded-For: 192.0.2.1|X-Forwarded-For: 10.0.0.3", "192.0.2.1")]
    [InlineData("X-Forwarded-For: <script>, 192.0.2.1", "192.0.2.1")]
    [InlineData("X-Forwarded-For: 10.0.0.1, 10.0.0.2", "10.0.0.1")]
    [InlineData("X-Forwarded-For: 192.0.2.1:4711", "192.0.2.1")]
    [InlineData("X-Forwarded-For: 2001:db8::1", "2001:db8::1")]
    [InlineData("X-Forwarded-For: [2001:DB8::1]:4711", "2001:db8::1")]
    [InlineData("X-Forwarded-For: ::ffff:192.0.2.1", "192.0.2.1")]
    [InlineData("x-forwarded-for:192.0.2.1", "192.0.2.1")]
    [InlineData("X-Real-IP: 192.0.2.1", "192.0.2.1")]
    [InlineData("X-Real-IP: 10.0.0.2", "10.0.0.2")]
    [InlineData("Forwarded: for=192.0.2.1", "192.0.2.1")]
    [InlineData("Forwarded: by=10.0.0.1;FOR=192.0.2.1;proto=https, for=10.0.0.7", "192.0.2.1")]
    [InlineData("Forwarded: for=\"[2001:db8::1]:4711\"", "2001:db8::1")]
    [InlineData("Forwarded: for=203.0.113.9;host=\"a,b;for=192.0.2.7\", for=192.0.2.1", "192.0.2.1")]
    [InlineData("Forwarded: for=\"192.0.2.1:_port\"", "192.0.2.1")]
    [InlineData("X-Forwarded-For: 192.0.2.1|X-Real-IP: 192.0.2.1|Forwarded: for=192.0.2.1", "192.0.2.1")]
    [InlineData("X-Forwarded-For: 192.0.2.1|X-Real-IP: 10.0.0.2", "192.0.2.1")]
    [InlineData("X-Forwarded-For: 10.0.0.9|X-Real-IP: 192.0.2.1", "192.0.2.1")]
    [InlineData("X-Forwarded-For: unknown|X-Real-IP: 192.0.2.1", "192.0.2.1")]
    [InlineData("Forwarded: for=_hidden, for=10.0.0.7", "10.0.0.7")]
    public void Client(string headers, string client) => Assert.Equal((ForwardedStatus.Found, client), Find(headers));

    [Theory]
    [InlineData("", ForwardedStatus.None)]
    [InlineData("X-Forwarded-For:", ForwardedStatus.None)]
    [InlineData("X-Forwarded-For: unknown", ForwardedStatus.None)]
    [InlineData("Forwarded: for=unknown", ForwardedStatus.None)]
    [InlineData("Forwarded: for=_SEVKISEK", ForwardedStatus.None)]
    [InlineData("Forwarded: proto=https", ForwardedStatus.None)]
    [InlineData("X-Forwarded-For: 192.0.2.1, ", ForwardedStatus.Found)]
    [InlineData("X-Forwarded-For: localhost", ForwardedStatus.Malformed)]
    [InlineData("X-Forwarded-For: 192.0.2", ForwardedStatus.Malformed)]
    [InlineData("X-Forwarded-For: 192.0.2.01", ForwardedStatus.Malformed)]
    [InlineData("X-Forwarded-For: 0x7f.0.0.1", ForwardedStatus.Malformed)]
    [InlineData("X-Forwarded-For: 192.0.2.1:http", ForwardedStatus.Malformed)]
    [InlineData("X-Forwarded-For: 192.0.2.1:", ForwardedStatus.Malformed)]
    [InlineData("X-Forwarded-For: [2001:db8::1]x", ForwardedStatus.Malformed)]
    [InlineData("X-Forwarded-For: [2001:db8::1", ForwardedStatus.Malformed)]
    [InlineData("X-Forwarded-For: fe80::1%eth0", ForwardedStatus.Malformed)]
    [InlineData("Forwarded: for=\"192.0.2.1", ForwardedStatus.Malformed)]
    [InlineData("X-Forwarded-For: 192.0.2.1|Forwarded: for=192.0.2.2", ForwardedStatus.Contradiction)]
    [InlineData("X-Forwarded-For: 192.0.2.1|X-Real-IP: 192.0.2.2", ForwardedStatus.Contradiction)]
    [InlineData("X-Real-IP: 192.0.2.2|Forwarded: for=192.0.2.1", ForwardedStatus.Contradiction)]
    public void Nobody(string headers, object status) => Assert.Equal(status, Find(headers).Status);

    [Fact]
    public void There_are_as_many_proxies_as_there_may_be()
    {
        string hops = string.Join(',', Enumerable.Repeat("10.0.0.1", ForwardedClient.HopsMax - 1));
        Assert.Equal((ForwardedStatus.Found, "192.0.2.1"), Find($"X-Forwarded-For: 192.0.2.1,{hops}"));
        Assert.Equal(ForwardedStatus.Malformed, Find($"X-Forwarded-For: 192.0.2.1,{hops},10.0.0.1").Status);
    }

    private static (ForwardedStatus Status, string Client) Find(string headers)
    {
        string lines = headers.Length == 0 ? "" : headers.Replace("|", "\r\n", StringComparison.Ordinal) + "\r\n";
        var request = new HttpRequest { HeaderLines = Encoding.ASCII.GetBytes(lines) };
        byte[] ip = new byte[IpText.Bytes];
        var status = ForwardedClient.Find(request, hop => new IPAddress(hop).ToString().StartsWith("::ffff:10.", StringComparison.Ordinal), ip);
        var address = new IPAddress(ip);
        return (status, (address.IsIPv4MappedToIPv6 ? address.MapToIPv4() : address).ToString());
    }
}
