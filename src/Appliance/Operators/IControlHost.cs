using Appliance.Config;
using Appliance.Loop;

namespace Appliance.Operators;

/// <summary>Who does what the control queue asks for: the master, or the only process.</summary>
public interface IControlHost
{
    /// <summary>The workers that serve, in growing order.</summary>
    IReadOnlyList<WorkerNumber> ServingWorkers { get; }

    /// <summary>What others than the server's user and root may do.</summary>
    ControlRights Rights { get; }

    /// <summary>The loop's clock, in milliseconds; no time passes on it while the process does not run.</summary>
    long NowMs { get; }

    /// <summary>
    /// Passes a question on to a worker, whose answer comes to <see cref="CommandDispatcher.OnAnswer"/>; false when it cannot take any now.
    /// </summary>
    bool Ask(WorkerNumber worker, string question);

    /// <summary>Passes the outcome of what a client of a worker has asked for on to it: <c>REFERENCE OUTCOME</c>.</summary>
    void TellOutcome(WorkerNumber worker, string outcome);

    /// <summary>Ends gracefully, as SIGTERM asks for.</summary>
    void Stop();

    /// <summary>Reads the configuration again, as SIGHUP asks for.</summary>
    void Reload();

    /// <summary>Opens the log anew, as SIGUSR1 asks for.</summary>
    void Reopen();
}
