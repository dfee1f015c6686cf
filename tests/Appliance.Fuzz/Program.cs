using Appliance.Fuzz.Driver;

return args is [Supervisor.Argument, var target, .. var options] ? FuzzCommand.RunHere(target, options) : FuzzCommand.Run(args);
