using Appliance.Config;
using Appliance.Rooms;

namespace Appliance.Master;

/// <summary>The followers of a server, on threads of its master: made, begun, told of settings and ended together.</summary>
internal sealed class Followers : IDisposable
{
    private readonly RoomLog _rooms;
    private volatile Settings _settings;
    private readonly List<RoomFollower> _followers = [];
    private bool _areBegun;

    /// <summary>Makes followers that have not begun.</summary>
    /// <exception cref="Native.SyscallException">The host has no thread or descriptor for one.</exception>
    /// <exception cref="IOException">The room logs have no place for one.</exception>
    public Followers(IEnumerable<FollowerRow> rows, FollowerParts parts)
    {
        _rooms = parts.Rooms;
        _settings = parts.Settings;
        try
        {
            foreach (var row in rows)
            {
                _followers.Add(row.Make(parts, () => _settings));
            }
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    /// <summary>They begin, where nobody uses the rooms yet; whichever may fill new rooms has done it when this returns.</summary>
    /// <exception cref="IOException">One cannot.</exception>
    public void Begin(bool isNew)
    {
        _areBegun = true;
        foreach (var follower in _followers)
        {
            follower.Begin(isNew);
        }
    }

    /// <summary>They go on where those of another process have ended, unless they have begun themselves.</summary>
    public void Continue()
    {
        if (!_areBegun)
        {
            // Of those that the other process had, some may be wanted no more.
            _rooms.ForgetFollowers();
            _areBegun = true;
        }

        _followers.ForEach(follower => follower.Continue());
    }

    /// <summary>Puts other settings in force, on the thread of the process's loop.</summary>
    public void OnSettings(Settings settings)
    {
        _settings = settings;
        _followers.ForEach(follower => follower.OnSettings());
    }

    /// <summary>They take the remaining records and end, in the order of the rows: others read what the journal has synced.</summary>
    /// <param name="isLast">Whether nobody uses the rooms any more; otherwise another process goes on.</param>
    public void Stop(bool isLast) => _followers.ForEach(follower => follower.Stop(isLast));

    /// <inheritdoc/>
    public void Dispose() => Stop(isLast: true);
}
