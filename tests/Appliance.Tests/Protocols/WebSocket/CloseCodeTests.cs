using Appliance.Protocols.WebSocket;

namespace Appliance.Tests.Protocols.WebSocket;

/// <summary>Close codes that a peer may send (RFC 6455, 7.4; IANA WebSocket Close Code Number Registry).</summary>
public sealed class CloseCodeTests
{
    private static readonly int[] Registered = [1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014];

    public static IEnumerable<int> Allowed => Registered.Concat(Enumerable.Range(3000, 2000));

    [Fact]
    public void Codes_0_to_5000_may_be_received_as_registered() =>
        Assert.Equal(Allowed, Enumerable.Range(0, 5001).Where(CloseCodes.MayBeReceived));

    [Fact]
    public void What_the_server_sends_it_would_take() => Assert.All(
        Enum.GetValues<CloseCode>().Except([CloseCode.None, CloseCode.NoStatus]), code => Assert.True(CloseCodes.MayBeReceived((int)code)));
}
