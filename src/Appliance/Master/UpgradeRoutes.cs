using Appliance.Loop;
using Appliance.Native;

namespace Appliance.Master;

/// <summary>
/// The sockets through which the workers of a master give all their connections to those of the next one. When the worker at the other end
/// of one fails, what is left goes through another one that has done its work.
/// </summary>
internal sealed class UpgradeRoutes
{
    private readonly ConnectionMoves _moves;
    private readonly Dictionary<WorkerNumber, int> _sockets = [];
    private readonly Dictionary<WorkerNumber, int> _used = [];
    private readonly Stack<int> _free = [];
    private readonly Queue<WorkerNumber> _left = [];

    /// <summary>No route yet.</summary>
    public UpgradeRoutes(ConnectionMoves moves) => _moves = moves;

    /// <summary>Whether all connections are given.</summary>
    public bool AreDone => !_moves.IsGiving && _left.Count == 0;

    /// <summary>Whether connections are left that nobody takes.</summary>
    public bool AreBlocked => !_moves.IsGiving && _left.Count > 0;

    /// <summary>Whether the new workers have ended, and whatever they have given back is taken.</summary>
    public bool HaveEnded
    {
        get
        {
            foreach (int socket in _sockets.Values)
            {
                if (!Syscall.HasEnded(socket))
                {
                    return false;
                }
            }

            return true;
        }
    }

    /// <summary>A socket for a worker.</summary>
    public void Add(WorkerNumber number, int socket)
    {
        if (!_sockets.TryAdd(number, socket))
        {
            _ = Syscall.Close(socket);
        }
    }

    /// <summary>Whether there is one for each of these workers.</summary>
    public bool Serve(IReadOnlyList<WorkerNumber> workers)
    {
        foreach (var worker in workers)
        {
            if (!_sockets.ContainsKey(worker))
            {
                return false;
            }
        }

        return true;
    }

    /// <summary>Orders every worker to give all its connections.</summary>
    public void GiveAll()
    {
        foreach (var (number, socket) in _sockets)
        {
            _used[number] = socket;
        }

        _moves.OnGiven = OnGiven;
        _moves.GiveAll(_sockets);
    }

    /// <summary>Once a turn: has those give once more whose route has failed.</summary>
    public void Continue()
    {
        while (_left.Count > 0 && _free.TryPop(out int socket))
        {
            var number = _left.Dequeue();
            _used[number] = socket;
            if (!_moves.Give(number, socket))
            {
                _free.Push(socket);
            }
        }
    }

    /// <summary>Closes all of them: their ends tell the new workers that nothing more comes.</summary>
    public void Close()
    {
        foreach (int socket in _sockets.Values)
        {
            _ = Syscall.Close(socket);
        }

        _sockets.Clear();
        _used.Clear();
        _free.Clear();
        _left.Clear();
        _moves.OnGiven = (_, _) => { };
    }

    private void OnGiven(WorkerNumber number, bool failed)
    {
        if (failed)
        {
            _left.Enqueue(number);
        }
        else if (_used.TryGetValue(number, out int socket))
        {
            _free.Push(socket);
        }
    }
}
