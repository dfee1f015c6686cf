using Appliance.Loop;

namespace Appliance.Master;

/// <summary>What operators ask of workers, and what clients of workers ask for.</summary>
public sealed partial class WorkerFleet
{
    /// <summary>Called with a worker's number and its answer to a question.</summary>
    public Action<WorkerNumber, string> OnAnswer { get; set; } = (_, _) => { };

    /// <summary>Called with a worker's number and what one of its clients asks for.</summary>
    public Action<WorkerNumber, string> OnModerationAsked { get; set; } = (_, _) => { };

    /// <summary>Passes a question on to a worker; false when it cannot take any.</summary>
    public bool Question(WorkerNumber number, string text) =>
        _workers.Find(worker => worker.Number == number)?.Channel is { } channel && channel.Send(ControlWord.Question, text);

    /// <summary>Passes the outcome of what a client has asked for on to its worker.</summary>
    public void TellOutcome(WorkerNumber number, string outcome) =>
        _ = _workers.Find(worker => worker.Number == number)?.Channel?.Send(ControlWord.Moderate, outcome);
}
