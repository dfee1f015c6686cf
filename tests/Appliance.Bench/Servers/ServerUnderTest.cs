using System.Diagnostics;
using System.Globalization;
using Appliance.Bench.Load;

namespace Appliance.Bench.Servers;

/// <summary>A server that is measured: how it is started in a folder of its own, at a port of 127.0.0.1.</summary>
/// <param name="Name">Its column in the table, and what it is called on the command line.</param>
/// <param name="Kind">What it stands for.</param>
public abstract record ServerUnderTest(string Name, ServerKind Kind)
{
    /// <summary>Connections that it can hold, if that is less than the system allows.</summary>
    public virtual int ClientsMax => int.MaxValue;

    /// <summary>Whether it can be started with several workers.</summary>
    public virtual bool HasWorkers => false;

    /// <summary>Makes ready what it needs, once.</summary>
    /// <exception cref="LoadException">Something is missing.</exception>
    public virtual void Prepare()
    {
    }

    /// <summary>How it is started.</summary>
    public abstract ProcessStartInfo Start(ServerPlace place, ServerSetup setup);

    /// <summary>Removes what it leaves behind outside its folder.</summary>
    public virtual void CleanUp(string folder)
    {
    }

    /// <summary>A number as an argument.</summary>
    protected static string Text(int number) => number.ToString(CultureInfo.InvariantCulture);

    /// <summary>Runs a program to its end.</summary>
    /// <exception cref="LoadException">It ended with another status than 0.</exception>
    protected static void Run(string program, string workingFolder, params string[] arguments)
    {
        using var process = Process.Start(new ProcessStartInfo(program, arguments) { WorkingDirectory = workingFolder })!;
        process.WaitForExit();
        if (process.ExitCode != 0)
        {
            throw new LoadException(string.Create(CultureInfo.InvariantCulture, $"{program} {string.Join(' ', arguments)}: exit status {process.ExitCode}"));
        }
    }
}
