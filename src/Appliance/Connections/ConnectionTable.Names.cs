using Appliance.Rooms;

namespace Appliance.Connections;

/// <summary>Names that belong to connections (<c>--unique-names</c>); they go along to another worker.</summary>
public sealed unsafe partial class ConnectionTable
{
    /// <summary>The upper half of the number of a connection as owner; users have any but this bit.</summary>
    private const ulong UserBit = 1UL << 63;

    private readonly Dictionary<int, ulong> _names = [];
    private readonly List<int> _lost = [];

    /// <summary>Whose which name is; null where there is no place for that.</summary>
    public NameTable? Names { get; init; }

    /// <summary>The number of a connection's name; 0 for none.</summary>
    public ulong NameOf(int fd) => _names.GetValueOrDefault(fd);

    /// <summary>Whether any connection here has a name.</summary>
    public bool HasNames => _names.Count > 0;

    /// <summary>Gives a connection a name, in the place of the one that it has; false when it is another one's.</summary>
    public bool TryClaimName(int fd, ulong name)
    {
        ulong former = NameOf(fd);
        var owner = OwnerOf(fd);
        long nowMs = Clock?.SharedMs ?? 0;
        if (former == name)
        {
            return true;
        }

        if (!Names!.TryClaim(name, owner, nowMs))
        {
            return false;
        }

        if (former != 0)
        {
            Names.Release(former, owner, hasEnded: false, nowMs);
        }

        _names[fd] = name;
        return true;
    }

    /// <summary>Keeps all names of connections here for a while more. One that was taken meanwhile, while this process stood still, is lost.</summary>
    public void KeepNames()
    {
        foreach (var (fd, name) in _names)
        {
            if (!Names!.TryClaim(name, OwnerOf(fd), Clock?.SharedMs ?? 0))
            {
                _lost.Add(fd);
            }
        }

        foreach (int fd in _lost)
        {
            _ = _names.Remove(fd);
        }

        _lost.Clear();
    }

    /// <summary>Names are anybody's again.</summary>
    public void ReleaseNames()
    {
        foreach (var (fd, name) in _names)
        {
            Names!.Release(name, OwnerOf(fd), hasEnded: false, Clock?.SharedMs ?? 0);
        }

        _names.Clear();
    }

    /// <summary>A connection has come from another worker with its name.</summary>
    public void AdoptName(int fd, ulong name)
    {
        if (name != 0 && Names is not null && Names.TryClaim(name, OwnerOf(fd), Clock?.SharedMs ?? 0))
        {
            _names[fd] = name;
        }
    }

    /// <summary>A connection ends, or goes to another worker, which keeps its name.</summary>
    private void ForgetName(int fd, bool hasEnded)
    {
        if (_names.Count > 0 && _names.Remove(fd, out ulong name) && hasEnded)
        {
            Names!.Release(name, OwnerOf(fd), hasEnded: true, Clock?.SharedMs ?? 0);
        }
    }

    private NameOwner OwnerOf(int fd)
    {
        ref readonly var connection = ref _connections[fd];
        return IdentityOf(fd) is { } identity
            ? new NameOwner(identity.Sender | UserBit, 0)
            : new NameOwner((((ulong)connection.Home + 1) << 32) | connection.Number, AddressNumber(connection));
    }

    /// <summary>Of IPv6 the subnet, in which a client may choose its address; never 0.</summary>
    private static uint AddressNumber(in Connection connection)
    {
        ulong mixed = (connection.IpHigh != 0 ? connection.IpHigh : connection.IpLow) * 0x9E37_79B9_7F4A_7C15;
        return Math.Max(1, (uint)(mixed >> 32));
    }
}
