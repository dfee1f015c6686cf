using Appliance.Native;

namespace Appliance.Logging;

/// <summary>
/// A request to open the log anew: the log's thread does it when it comes to it, which may be never. Whoever asked is told once, within
/// a limit, on another thread.
/// </summary>
internal sealed class LogReopening : IDisposable
{
    private readonly Action<string?> _done;
    private readonly StandbyTimer _limit;
    private int _isTold;

    /// <summary>A request that is not answered yet.</summary>
    /// <param name="path">The file, for whoever is told that it does not answer.</param>
    /// <param name="limitMs">When it is told that, in milliseconds.</param>
    /// <param name="done">Is told why the file cannot be written, or null when it is open.</param>
    public LogReopening(string path, int limitMs, Action<string?> done)
    {
        _done = done;
        _limit = new StandbyTimer(() => Tell($"--log {path}: its disk or its reader does not answer; it is opened anew as soon as it does"));
        _limit.Set(limitMs);
    }

    /// <summary>Tells whoever asked, unless that has been told already.</summary>
    public void Tell(string? failure)
    {
        if (Interlocked.Exchange(ref _isTold, 1) == 0)
        {
            _done(failure);
        }
    }

    /// <inheritdoc/>
    public void Dispose() => _limit.Dispose();
}
