using Appliance.Config;
using Appliance.Loop;
using Appliance.Native;

namespace Appliance.Master;

/// <summary>
/// The listening sockets of all workers. Those of the first worker, bound when the master still may, stay open to the end: they hold
/// the ports.
/// </summary>
public sealed class ListenerSet : IDisposable
{
    private readonly IReadOnlyList<ListenAddress> _addresses;
    private readonly Dictionary<WorkerNumber, IReadOnlyList<ListenSocket>> _byNumber = [];
    private readonly Lock _changing = new();

    /// <summary>Binds all addresses for so many workers, or takes the sockets that a service manager has bound.</summary>
    /// <param name="addresses">The addresses.</param>
    /// <param name="workers">How many workers.</param>
    /// <param name="inherited">Those of the service manager.</param>
    /// <param name="mode">Permissions of unix sockets.</param>
    /// <exception cref="SyscallException">An address is taken, not of this host, or not for this user.</exception>
    /// <exception cref="IOException">What was inherited is no listening socket.</exception>
    public ListenerSet(
        IReadOnlyList<ListenAddress> addresses, int workers, IReadOnlyList<(int Descriptor, ListenKind Kind)> inherited, int mode = Settings.SocketModeDefault)
    {
        _addresses = addresses;
        if (inherited.Count > 0)
        {
            First = Array.ConvertAll([.. inherited], Inherit);
            IsInherited = true;
            return;
        }

        var byAddress = BindAll(addresses, workers, mode);
        for (int worker = 0; worker < workers; worker++)
        {
            _byNumber[new WorkerNumber(worker)] = [.. byAddress.Select(sockets => sockets[worker])];
        }

        First = _byNumber[default];
    }

    /// <summary>Takes over the sockets of another master, which closes its own when all is handed over.</summary>
    /// <param name="addresses">The addresses, in the order of each worker's sockets.</param>
    /// <param name="byNumber">Descriptors by worker; there is one of number 0.</param>
    /// <param name="inheritedKinds">The names of their kinds where a service manager has bound them; null where this server has, at the addresses.</param>
    public ListenerSet(IReadOnlyList<ListenAddress> addresses, IReadOnlyDictionary<WorkerNumber, int[]> byNumber, string[]? inheritedKinds)
    {
        _addresses = addresses;
        IsInherited = inheritedKinds is not null;
        var kinds = inheritedKinds is null
            ? [.. addresses.Select(address => address.Kind)]
            : ListenKinds.OfNames(inheritedKinds, byNumber[default].Length);

        // All workers have the same socket of a unix path, and each came with a descriptor of its own.
        First = [.. byNumber[default].Select((descriptor, i) => ListenSocket.Inherit(descriptor, i < kinds.Length ? kinds[i] : ListenKind.Chat))];
        _byNumber[default] = First;
        foreach (var (number, descriptors) in byNumber)
        {
            if (number != default && !IsInherited)
            {
                var sockets = new ListenSocket[Math.Min(Math.Min(descriptors.Length, First.Count), addresses.Count)];
                for (int i = 0; i < sockets.Length; i++)
                {
                    sockets[i] = Adopt(descriptors[i], First[i], addresses[i]);
                }

                _byNumber[number] = sockets;
            }
        }
    }

    private static ListenSocket Adopt(int descriptor, ListenSocket first, ListenAddress address)
    {
        if (address.UnixPath is null)
        {
            return ListenSocket.Inherit(descriptor, address.Kind);
        }

        _ = Syscall.Close(descriptor);
        return first;
    }

    /// <summary>Workers whose sockets are bound.</summary>
    public IEnumerable<WorkerNumber> Numbers => _byNumber.Keys;

    /// <summary>The sockets of the first worker.</summary>
    public IReadOnlyList<ListenSocket> First { get; }

    /// <summary>Whether a service manager has bound the sockets; then all workers share them.</summary>
    public bool IsInherited { get; }

    /// <summary>What to open in a browser, for each address.</summary>
    public IEnumerable<string> Descriptions => IsInherited
        ? First.Select(DescribeInherited)
        : _addresses.Zip(First, Listeners.Describe);

    /// <summary>The sockets of a worker, bound if they are not yet.</summary>
    public IReadOnlyList<ListenSocket> ForWorker(WorkerNumber number)
    {
        if (IsInherited)
        {
            return First;
        }

        if (!_byNumber.TryGetValue(number, out var sockets))
        {
            sockets = [.. _addresses.Zip(First, BindAnother)];
            lock (_changing)
            {
                _byNumber[number] = sockets;
            }
        }

        return sockets;
    }

    /// <summary>
    /// Connections that wait at the sockets of a worker, those it shares with others counted for the first alone. From any thread: a
    /// socket that is closed meanwhile has none.
    /// </summary>
    public int QueueLength(WorkerNumber number)
    {
        lock (_changing)
        {
            var sockets = number == default ? First : _byNumber.GetValueOrDefault(number, []);
            return sockets.Where(socket => number == default || !First.Contains(socket)).Sum(socket => socket.QueueLength);
        }
    }

    /// <summary>Descriptors of some sockets.</summary>
    internal static int[] DescriptorsOf(IReadOnlyList<ListenSocket> sockets)
    {
        int[] descriptors = new int[sockets.Count];
        for (int i = 0; i < descriptors.Length; i++)
        {
            descriptors[i] = sockets[i].Descriptor;
        }

        return descriptors;
    }

    /// <summary>From now on the files of unix sockets are this process's to remove.</summary>
    public void OwnPaths()
    {
        for (int i = 0; i < First.Count && !IsInherited; i++)
        {
            First[i].Path = _addresses[i].UnixPath;
        }
    }

    /// <summary>The files of unix sockets belong to another process now.</summary>
    public void DisownPaths()
    {
        foreach (var socket in First)
        {
            socket.Path = null;
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (var socket in _byNumber.Values.SelectMany(sockets => sockets).Union(First))
        {
            socket.Dispose();
        }
    }

    private static ListenSocket Inherit((int Descriptor, ListenKind Kind) socket) => Syscall.IsListening(socket.Descriptor)
        ? ListenSocket.Inherit(socket.Descriptor, socket.Kind)
        : throw new IOException($"LISTEN_FDS: descriptor {socket.Descriptor} is not a listening stream socket, as socket activation must pass (Accept=no)");

    private static string DescribeInherited(ListenSocket socket) =>
        $"descriptor {socket.Descriptor} of the service manager{(socket.Port > 0 ? $", port {socket.Port}" : "")}";

    /// <summary>All addresses or none: what was bound is closed again when one of them is taken.</summary>
    private static List<IReadOnlyList<ListenSocket>> BindAll(IReadOnlyList<ListenAddress> addresses, int workers, int mode)
    {
        List<IReadOnlyList<ListenSocket>> bound = [];
        try
        {
            foreach (var address in addresses)
            {
                bound.Add(Listeners.BindShared(address, workers, mode));
            }
        }
        catch
        {
            foreach (var socket in bound.SelectMany(sockets => sockets).Distinct())
            {
                socket.Dispose();
            }

            throw;
        }

        return bound;
    }

    /// <summary>
    /// A socket more at an address; the first one again where that is refused, because the port may be root's or was bound by the user
    /// that this process no longer is.
    /// </summary>
    private static ListenSocket BindAnother(ListenAddress address, ListenSocket first)
    {
        try
        {
            return Listeners.BindAnother(address, first);
        }
        catch (SyscallException)
        {
            return first;
        }
    }

}
