namespace Appliance.Operators;

/// <summary>
/// Something that is asked for any number of times and done at most ten times a second: what is asked for in between is done once, after the last.
/// </summary>
internal sealed class PacedAction(Action act)
{
    private const int IntervalMs = 100;

    private long _doneMs = long.MinValue / 2;

    /// <summary>Whether it is still to be done.</summary>
    public bool IsPending { get; private set; }

    /// <summary>Asks for it.</summary>
    public void Request() => IsPending = true;

    /// <summary>Does it if it was asked for and it is time.</summary>
    public void Turn(long nowMs)
    {
        if (IsPending && nowMs - _doneMs >= IntervalMs)
        {
            (_doneMs, IsPending) = (nowMs, false);
            act();
        }
    }
}
