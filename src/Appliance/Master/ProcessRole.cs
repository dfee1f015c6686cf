namespace Appliance.Master;

/// <summary>
/// How the processes of a daemon know what they are: variables of the environment, so that their command line stays the one that
/// an administrator typed.
/// </summary>
public static class ProcessRole
{
    /// <summary>Name of the variable: <see cref="Session"/>, <see cref="Master"/> or the number of a worker.</summary>
    public const string Variable = "APPLIANCE_ROLE";

    /// <summary>Number of the descriptor to the process that waits: a worker's channel, or the launcher's pipe.</summary>
    public const string Descriptor = "APPLIANCE_FD";

    /// <summary>Begins the session and starts the master in it, so that the master leads no session and can get no terminal.</summary>
    public const string Session = "session";

    /// <summary>The daemon's master.</summary>
    public const string Master = "master";

    /// <summary>The master that takes over from one that is told to upgrade.</summary>
    public const string Upgrade = "upgrade";

    /// <summary>Name of the variable that holds the directory from which the first of all these processes was started.</summary>
    public const string StartDirectory = "APPLIANCE_DIRECTORY";

    /// <summary>Takes the variables out of the environment: they are not for children.</summary>
    public static void Forget()
    {
        foreach (string name in (string[])[Variable, Descriptor, StartDirectory])
        {
            Environment.SetEnvironmentVariable(name, null);
        }
    }

    /// <summary>What the master tells the launcher when it serves; anything else is the reason why it does not.</summary>
    public const string ReadyWord = "ready";
}
