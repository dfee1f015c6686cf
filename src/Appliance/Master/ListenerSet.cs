using Appliance.Config;
using Appliance.Loop;

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
    /// <exception cref="Native.SyscallException">An address is taken, not of this host, or not for this user.</exception>
    public ListenerSet(IReadOnlyList<ListenAddress> addresses, int workers, IReadOnlyList<ListenSocket> inherited)
    {
        _addresses = addresses;
        if (inherited.Count > 0)
        {
            First = inherited;
            IsInherited = true;
            return;
        }

        var byAddress = addresses.Select(address => Listeners.BindShared(address, workers)).ToArray();
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
        ? First.Select(socket => $"descriptor {socket.Descriptor} of the service manager, port {socket.Port}")
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
            sockets = [.. _addresses.Zip(First, Listeners.BindAnother)];
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

    private void Close(IReadOnlyList<ListenSocket> sockets)
    {
        foreach (var socket in sockets.Where(socket => !First.Contains(socket)))
        {
            socket.Dispose();
        }
    }
}
