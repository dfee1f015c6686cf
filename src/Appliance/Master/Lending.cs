using Appliance.Loop;

namespace Appliance.Master;

/// <summary>
/// The listening sockets of workers that are no more. The kernel goes on to send connections to every socket that was ever bound, and
/// closing one would cut off those that wait there: so another worker listens at it, until its own comes back.
/// </summary>
internal sealed class Lending(ListenerSet listeners, IReadOnlyCollection<ChildWorker> workers)
{
    private readonly Dictionary<WorkerNumber, WorkerNumber> _borrowers = [];

    /// <summary>So many workers are wanted: sockets beyond belong to one of them each.</summary>
    public void Update(int count)
    {
        foreach (var number in listeners.Numbers)
        {
            if (number.Value < count)
            {
                continue;
            }

            var borrower = new WorkerNumber(number.Value % count);
            if (!_borrowers.TryGetValue(number, out var former) || former != borrower)
            {
                TakeBack(number);
                _borrowers[number] = borrower;
                Lend(number);
            }
        }
    }

    /// <summary>A worker serves: it has its own sockets back, and gets those that it borrows, which its predecessor may have had.</summary>
    public void OnReady(ChildWorker worker)
    {
        if (!worker.IsRetired)
        {
            TakeBack(worker.Number);
        }

        foreach (var (number, borrower) in _borrowers)
        {
            if (borrower == worker.Number)
            {
                Lend(number);
            }
        }
    }

    private void Lend(WorkerNumber number)
    {
        ListenSocket[] sockets = [.. listeners.ForWorker(number).Except(listeners.First)];
        if (sockets.Length > 0)
        {
            string kinds = string.Join(',', sockets.Select(socket => ListenKinds.RowOf(socket.Kind).Word));
            _ = Borrower(number)?.Channel?.Send(ControlWord.Listen, $"{number} {kinds}", ListenerSet.DescriptorsOf(sockets));
        }
    }

    private void TakeBack(WorkerNumber number)
    {
        _ = Borrower(number)?.Channel?.Send(ControlWord.StopListening, number.ToString());
        _ = _borrowers.Remove(number);
    }

    private ChildWorker? Borrower(WorkerNumber number) =>
        _borrowers.TryGetValue(number, out var borrower) ? workers.FirstOrDefault(worker => worker.Number == borrower) : null;
}
