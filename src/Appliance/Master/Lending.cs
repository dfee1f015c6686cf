using System.Globalization;
using Appliance.Loop;

namespace Appliance.Master;

/// <summary>
/// The listening sockets of workers that are no more. The kernel goes on to send connections to every socket that was ever bound, and
/// closing one would cut off those that wait there: so another worker listens at it, until its own comes back.
/// </summary>
internal sealed class Lending(ListenerSet listeners, IReadOnlyCollection<ChildWorker> workers)
{
    private readonly Dictionary<int, int> _borrowers = [];

    /// <summary>So many workers are wanted: sockets beyond belong to one of them each.</summary>
    public void Update(int count)
    {
        foreach (int number in listeners.Numbers)
        {
            if (number < count)
            {
                continue;
            }

            if (!_borrowers.TryGetValue(number, out int borrower) || borrower != number % count)
            {
                TakeBack(number);
                _borrowers[number] = number % count;
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

    private void Lend(int number)
    {
        ListenSocket[] sockets = [.. listeners.ForWorker(number).Except(listeners.First)];
        if (sockets.Length > 0)
        {
            string kinds = string.Join(',', sockets.Select(socket => ListenKinds.RowOf(socket.Kind).Word));
            _ = Borrower(number)?.Channel?.Send(ControlWord.Listen, $"{Text(number)} {kinds}", ListenerSet.DescriptorsOf(sockets));
        }
    }

    private void TakeBack(int number)
    {
        _ = Borrower(number)?.Channel?.Send(ControlWord.StopListening, Text(number));
        _ = _borrowers.Remove(number);
    }

    private ChildWorker? Borrower(int number) =>
        _borrowers.TryGetValue(number, out int borrower) ? workers.FirstOrDefault(worker => worker.Number == borrower) : null;

    private static string Text(int number) => number.ToString(CultureInfo.InvariantCulture);
}
