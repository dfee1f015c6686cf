using Appliance.Config;

namespace Appliance.Cli;

/// <summary>What a command says when the directories that it was given are not those of a running server.</summary>
internal static class ServerPlaces
{
    private const string SameAsServer = "give --run-dir and --state-dir, or --config, as the server was given them";

    /// <summary>No server runs from them.</summary>
    public static IOException NoServer(string command, Settings settings)
    {
        string missing = Directory.Exists(settings.RunDirectory) ? "" : ", which is not there";
        return new IOException($"{command}: no server runs from --run-dir {settings.RunDirectory}{missing}: start one, or {SameAsServer}");
    }

    /// <summary>The state directory must be there: the keys of the server's objects are made from it.</summary>
    /// <exception cref="IOException">It is not there.</exception>
    public static void RequireState(string command, Settings settings)
    {
        if (!Directory.Exists(settings.StateDirectory))
        {
            throw new IOException(
                $"{command}: --state-dir {settings.StateDirectory} is not there, and the server of --run-dir {settings.RunDirectory} has another: "
                + SameAsServer);
        }
    }

    /// <summary>A server runs, but its rooms are not those of the state directory.</summary>
    public static IOException OtherState(string command, Settings settings) => new(
        $"{command}: the server of --run-dir {settings.RunDirectory} does not use --state-dir {settings.StateDirectory}, "
        + $"this user may not see it, or its room log was removed (ipcrm), which a restart mends: {SameAsServer}");
}
