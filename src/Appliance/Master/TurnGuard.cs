using Appliance.Logging;
using Appliance.Native;

namespace Appliance.Master;

/// <summary>
/// A turn of the master that a limit of the host cuts short (descriptors, processes, memory) does not end a server that serves: the failure
/// is logged and the next turn follows, unless nothing works any more.
/// </summary>
internal sealed class TurnGuard(EventLog log)
{
    /// <summary>Turns that may fail one after the other before the master gives up.</summary>
    private const int FailedTurnsMax = 100;

    private int _failedTurns;

    /// <summary>Does a turn; one that must succeed ends the server when it does not.</summary>
    public void Try(Action turn, bool mustSucceed)
    {
        try
        {
            turn();
            _failedTurns = 0;
        }
        catch (Exception failure) when (!mustSucceed && _failedTurns < FailedTurnsMax && EnvironmentFailure.Explain(failure) is { } why)
        {
            _failedTurns++;
            log.Write(EventCatalogue.TurnFailed, why);
        }
    }
}
