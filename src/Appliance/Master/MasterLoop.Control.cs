using Appliance.Config;
using Appliance.Loop;
using Appliance.Operators;

namespace Appliance.Master;

/// <summary>What commands ask of the master.</summary>
public sealed partial class MasterLoop : IControlHost
{
    IReadOnlyList<WorkerNumber> IControlHost.ServingWorkers => _fleet.ServingWorkers;

    ControlRights IControlHost.Rights => _fleet.Settings.Control;

    long IControlHost.NowMs => _clock.NowMs;

    bool IControlHost.Ask(WorkerNumber worker, string question) => _fleet.Question(worker, question);

    void IControlHost.TellOutcome(WorkerNumber worker, string outcome) => _fleet.TellOutcome(worker, outcome);

    void IControlHost.Stop() => Stop("stop command", atOnce: false);

    void IControlHost.Reload() => Reload();

    void IControlHost.Reopen() => Reopen();
}
