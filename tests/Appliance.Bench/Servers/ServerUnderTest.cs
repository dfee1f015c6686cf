using System.Diagnostics;
using System.Globalization;
using Appliance.Bench.Load;

namespace Appliance.Bench.Servers;

/// <summary>A server that is measured: how it is started in a folder of its own, at a port of 127.0.0.1.</summary>
/// <param name="Name">Its column in the table, and what it is called on the command line.</param>
public abstract record ServerUnderTest(string Name)
{
    /// <summary>Makes ready what it needs, once.</summary>
    /// <exception cref="LoadException">Something is missing.</exception>
    public virtual void Prepare()
    {
    }

    /// <summary>How it is started.</summary>
    public abstract ProcessStartInfo Start(string folder, int port);

    /// <summary>Removes what it leaves behind outside its folder.</summary>
    public virtual void CleanUp(string folder)
    {
    }

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

/// <summary>The published binary.</summary>
public sealed record ApplianceServer(string Binary) : ServerUnderTest("appliance")
{
    /// <inheritdoc/>
    public override void Prepare()
    {
        if (!File.Exists(Binary))
        {
            throw new LoadException($"{Binary} is not there: run './build.sh publish' first, or name another with --binary.");
        }
    }

    /// <inheritdoc/>
    public override ProcessStartInfo Start(string folder, int port) => new(Binary,
    [
        "--nofork", "--listen", string.Create(CultureInfo.InvariantCulture, $"127.0.0.1:{port}"), "--metrics", "off",
        "--state-dir", folder, "--run-dir", folder, "--max-rate", "0", "--announce", "off", "--history", "0",
    ]);

    /// <inheritdoc/>
    public override void CleanUp(string folder) => Run(Binary, folder, "stop", "--purge", "--state-dir", folder, "--run-dir", folder);
}

/// <summary>nginx with the module Nchan, one worker.</summary>
public sealed record NchanServer(string PeersFolder) : ServerUnderTest("nchan")
{
    /// <summary>Not on the PATH of every user.</summary>
    private const string Nginx = "/usr/sbin/nginx";

    /// <inheritdoc/>
    public override ProcessStartInfo Start(string folder, int port)
    {
        string configuration = Path.Combine(folder, "nginx.conf");
        File.WriteAllText(configuration, File.ReadAllText(Path.Combine(PeersFolder, "nginx.conf"))
            .Replace("@PORT@", port.ToString(CultureInfo.InvariantCulture), StringComparison.Ordinal)
            .Replace("@DIR@", folder, StringComparison.Ordinal));
        string[] user = Environment.IsPrivilegedProcess ? ["-g", "user root;"] : [];
        return new ProcessStartInfo(Nginx, ["-p", "/usr/share/nginx", "-e", "stderr", "-c", configuration, .. user]);
    }
}

/// <summary>node with the package ws, which is installed below the artifacts.</summary>
public sealed record NodeServer(string PeersFolder, string ArtifactsFolder) : ServerUnderTest("node-ws")
{
    private string Folder => Path.Combine(ArtifactsFolder, "bench-peers");

    /// <inheritdoc/>
    public override void Prepare()
    {
        _ = Directory.CreateDirectory(Folder);
        foreach (string file in Directory.EnumerateFiles(Path.Combine(PeersFolder, "ws")))
        {
            File.Copy(file, Path.Combine(Folder, Path.GetFileName(file)), overwrite: true);
        }

        if (!Directory.Exists(Path.Combine(Folder, "node_modules", "ws")))
        {
            Run("npm", Folder, "install", "--no-audit", "--no-fund", "--loglevel=error");
        }
    }

    /// <inheritdoc/>
    public override ProcessStartInfo Start(string folder, int port) =>
        new("node", [Path.Combine(Folder, "server.js"), port.ToString(CultureInfo.InvariantCulture)]);
}

/// <summary>This program again, as the bare loop of sends.</summary>
public sealed record BareSendServer() : ServerUnderTest("bare-send")
{
    /// <summary>The argument that makes this program that server; the port follows.</summary>
    public const string Argument = "--bare-server";

    /// <inheritdoc/>
    public override ProcessStartInfo Start(string folder, int port) =>
        new(Environment.ProcessPath!, [Argument, port.ToString(CultureInfo.InvariantCulture)]);
}
