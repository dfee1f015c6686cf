using System.Globalization;
using Appliance.Bench;
using Appliance.Bench.Peers;

if (args is [Appliance.Bench.Servers.BareSendServer.Argument, var port])
{
    new BareServer().Run(int.Parse(port, CultureInfo.InvariantCulture));
}

return BenchOptions.Run(args, options => new Benchmark(options).Run());
