namespace Appliance.Cli;

/// <summary>Exit statuses of every command that has none of its own.</summary>
internal static class ExitCode
{
    /// <summary>All went well.</summary>
    public const int Fine = 0;

    /// <summary>Failed, by a configuration file too; the reason is on stderr.</summary>
    public const int Failed = 1;

    /// <summary>The command line is wrong.</summary>
    public const int Usage = 2;
}
