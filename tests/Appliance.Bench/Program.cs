using System.Globalization;
using Appliance.Bench;
using Appliance.Bench.Load;
using Appliance.Bench.Peers;
using Appliance.Bench.Servers;

switch (args)
{
    case [BareServerUnderTest.Argument, var way, var port]:
        using (var server = new BareServer(Enum.Parse<BareWay>(way)))
        {
            server.Run(int.Parse(port, CultureInfo.InvariantCulture));
        }

        return 0;
    case [GeneratorProcess.Argument, .. var rest]:
        return GeneratorProcess.Run(rest);
    case [Disturbance.Argument, var kind, var target]:
        return Disturbance.Run(kind, target);
    case [LockCost.Argument]:
        return LockCost.Run();
    default:
        return BenchCommand.Run(args);
}
