using Appliance.Fuzz.Driver;
using Appliance.Metrics;
using Appliance.Tests.Metrics;
using static Appliance.Fuzz.Driver.FuzzException;

namespace Appliance.Fuzz.Targets;

/// <summary>Questions of Zabbix: their beginnings ask for more, and every key has an answer.</summary>
internal sealed class ZabbixTarget : IFuzzTarget
{
    private static readonly Sample Figures = Samples.Of(Samples.Slot(0, 10, Samples.Ms), Samples.Slot(3, 5, Samples.Ms));

    public static FuzzTarget Row { get; } = new(
        "zabbix",
        "Zabbix questions: read the same in pieces, every key is answered",
        () => new ZabbixTarget())
    {
        BytesMax = ZabbixProtocol.KeyBytesMax + 64,
        Words =
        [
            "ZBXD\x01", "ZBXD\x01\x0A\0\0\0\0\0\0\0", "agent.ping\n", "appliance.", "connections", "rejected[timeout]", "[3]", "[\"3\"]",
            "workers.discovery", "healthy", "version", "\n", "\0",
        ],
    };

    public void Run(ReadOnlySpan<byte> input)
    {
        var status = ZabbixProtocol.Read(input, out string key);
        bool asksForMore = status is ZabbixReadStatus.Complete or ZabbixReadStatus.Incomplete;
        for (int end = input.Length - 1; asksForMore && end > 0; end -= 1 + (end / 3))
        {
            var earlier = ZabbixProtocol.Read(input[..end], out string same);
            Require(
                earlier is ZabbixReadStatus.Incomplete || (earlier is ZabbixReadStatus.Complete && same == key),
                $"the first {end} bytes ask for more, or for the same");
        }

        Require(
            input.Length <= ZabbixProtocol.KeyBytesMax + 13 || status is not ZabbixReadStatus.Incomplete,
            "no question is waited for without an end");
        if (status is ZabbixReadStatus.Complete)
        {
            bool isSupported = ZabbixItems.TryGet(Figures, key, out string value);
            byte[] answer = ZabbixProtocol.Answer(isSupported, value);
            Require(
                value.Length > 0 && answer.AsSpan(13).StartsWith("ZBX_NOTSUPPORTED\0"u8) == !isSupported,
                "every key is answered, with a value or a reason");
        }
    }

    public void Dispose()
    {
    }
}
