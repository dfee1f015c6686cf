using System.Globalization;
using Appliance.Bench;
using Appliance.Bench.Peers;

if (args is [Appliance.Bench.Servers.BareSendServer.Argument, var port])
{
    new BareServer().Run(int.Parse(port, CultureInfo.InvariantCulture));
}

if (args is [LockCost.Argument])
{
    return LockCost.Run();
}

var benchmark = new Benchmark();
return BenchOptions.Run(
    args,
    [.. benchmark.Servers.Select(server => server.Name)],
    [.. new Scenarios(new BenchOptions()).Rows.Select(scenario => scenario.Name)],
    benchmark.Run);
