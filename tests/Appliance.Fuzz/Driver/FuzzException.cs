namespace Appliance.Fuzz.Driver;

/// <summary>A promise of a parser is broken.</summary>
public sealed class FuzzException : Exception
{
    /// <inheritdoc/>
    public FuzzException()
    {
    }

    /// <inheritdoc/>
    public FuzzException(string message)
        : base(message)
    {
    }

    /// <inheritdoc/>
    public FuzzException(string message, Exception innerException)
        : base(message, innerException)
    {
    }

    /// <summary>Ends the run with a finding unless a promise holds.</summary>
    public static void Require(bool holds, string promise)
    {
        if (!holds)
        {
            throw new FuzzException(promise);
        }
    }
}
