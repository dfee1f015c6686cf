namespace Appliance.Bench.Load;

/// <summary>A run has failed: a client was refused or cut off, or got what it must not get.</summary>
public sealed class LoadException : Exception
{
    /// <inheritdoc/>
    public LoadException(string message)
        : base(message)
    {
    }

    /// <inheritdoc/>
    public LoadException()
    {
    }

    /// <inheritdoc/>
    public LoadException(string message, Exception innerException)
        : base(message, innerException)
    {
    }
}
