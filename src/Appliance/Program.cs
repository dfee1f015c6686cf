Appliance.Native.Syscall.FillStandardDescriptors();
return Appliance.Cli.CommandLine.Run(args);
