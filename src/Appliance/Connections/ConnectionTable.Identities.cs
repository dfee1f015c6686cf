using Appliance.Identity;

namespace Appliance.Connections;

/// <summary>
/// Who the connections are of which that is known, by a token or by a back end. The others, however many there are, cost nothing by that.
/// </summary>
public sealed unsafe partial class ConnectionTable
{
    private readonly Dictionary<int, ClientIdentity> _identities = [];

    /// <summary>Is told of a connection that ends, or goes to another worker, while a back end is asked about it.</summary>
    public Action<int> OnUnasked { get; set; } = _ => { };

    /// <summary>Who a connection is; null for nobody that is known.</summary>
    public ClientIdentity? IdentityOf(int fd) => _connections[fd].Is(ConnectionFlags.Identified) ? _identities[fd] : null;

    /// <summary>A connection is somebody from now on.</summary>
    public void SetIdentity(int fd, ClientIdentity identity)
    {
        _connections[fd].Set(ConnectionFlags.Identified, true);
        _identities[fd] = identity;
    }

    private void ForgetIdentity(in Connection connection, int fd)
    {
        if (connection.Is(ConnectionFlags.Identified))
        {
            _ = _identities.Remove(fd);
        }

        if (connection.State == ConnectionState.Authorize)
        {
            OnUnasked(fd);
        }
    }
}
