using Appliance.Config;
using Appliance.Loop;
using Appliance.Native;

namespace Appliance.Master;

/// <summary>
/// The listening sockets of all slots. Those of the first worker, bound when the master still may, stay open to the end: they hold
/// the ports.
/// </summary>
public sealed class ListenerSet : IDisposable
{
    private readonly IReadOnlyList<ListenAddress> _addresses;
    private readonly Dictionary<int, IReadOnlyList<ListenSocket>> _bySlot = [];

    /// <summary>Binds all addresses for so many workers, or takes the sockets that a service manager has bound.</summary>
    /// <exception cref="SyscallException">An address is taken, not of this host, or not for this user.</exception>
    /// <exception cref="IOException">What was inherited is no listening socket.</exception>
    public ListenerSet(IReadOnlyList<ListenAddress> addresses, int workers, IReadOnlyList<int> inherited)
    {
        _addresses = addresses;
        if (inherited.Count > 0)
        {
            First = [.. inherited.Select(Inherit)];
            IsInherited = true;
            return;
        }

        var byAddress = BindAll(addresses, workers);
        for (int slot = 0; slot < workers; slot++)
        {
            _bySlot[slot] = [.. byAddress.Select(sockets => sockets[slot])];
        }

        First = _bySlot[0];
    }

    /// <summary>The sockets of the first worker.</summary>
    public IReadOnlyList<ListenSocket> First { get; }

    /// <summary>Whether a service manager has bound the sockets; then all workers share them.</summary>
    public bool IsInherited { get; }

    /// <summary>What to open in a browser, for each address.</summary>
    public IEnumerable<string> Descriptions => IsInherited
        ? First.Select(DescribeInherited)
        : _addresses.Zip(First, Listeners.Describe);

    /// <summary>The sockets of a slot, bound if they are not yet.</summary>
    public IReadOnlyList<ListenSocket> ForWorker(int slot)
    {
        if (IsInherited)
        {
            return First;
        }

        if (!_bySlot.TryGetValue(slot, out var sockets))
        {
            sockets = [.. _addresses.Zip(First, BindAnother)];
            _bySlot[slot] = sockets;
        }

        return sockets;
    }

    /// <summary>Closes the sockets of a slot that is given up.</summary>
    public void Release(int slot)
    {
        if (slot > 0 && _bySlot.Remove(slot, out var sockets))
        {
            Close(sockets);
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (var sockets in _bySlot.Values.Where(sockets => sockets != First))
        {
            Close(sockets);
        }

        foreach (var socket in First)
        {
            socket.Dispose();
        }
    }

    private static ListenSocket Inherit(int descriptor) => Syscall.IsListening(descriptor)
        ? ListenSocket.Inherit(descriptor)
        : throw new IOException($"LISTEN_FDS: descriptor {descriptor} is no stream socket that listens; socket activation passes such ones only (Accept=no)");

    private static string DescribeInherited(ListenSocket socket) =>
        $"descriptor {socket.Descriptor} of the service manager{(socket.Port > 0 ? $", port {socket.Port}" : "")}";

    /// <summary>All addresses or none: what was bound is closed again when one of them is taken.</summary>
    private static List<IReadOnlyList<ListenSocket>> BindAll(IReadOnlyList<ListenAddress> addresses, int workers)
    {
        List<IReadOnlyList<ListenSocket>> bound = [];
        try
        {
            foreach (var address in addresses)
            {
                bound.Add(Listeners.BindShared(address, workers));
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

    private void Close(IReadOnlyList<ListenSocket> sockets)
    {
        foreach (var socket in sockets.Where(socket => !First.Contains(socket)))
        {
            socket.Dispose();
        }
    }
}
