using Appliance.Metrics;

namespace Appliance.Connections;

/// <summary>Is told what happens to connections, for the log; must not block.</summary>
public interface IConnectionObserver
{
    /// <summary>A client has entered a room.</summary>
    void OnConnected(in Connection connection, ReadOnlySpan<byte> room, bool created);

    /// <summary>A client that was in a room has ended.</summary>
    void OnDisconnected(in Connection connection, ReadOnlySpan<byte> room);

    /// <summary>A request was refused.</summary>
    void OnRefused(in Connection connection, RejectReason reason, int status, string why);

    /// <summary>An address has used all that it may. Told once a second of each address; so many were not told before.</summary>
    void OnAddressRefused(in Connection connection, string why, long untold);

    /// <summary>A client has another token that does not take the place of its own.</summary>
    void OnTokenRefused(in Connection connection, string why);

    /// <summary>The back end that decides who gets in does not do so.</summary>
    void OnUndecided(in Connection connection, string why);

    /// <summary>A client got no further than the handshake of TLS.</summary>
    void OnTlsFailed(in Connection connection, string why);

    /// <summary>A client was closed because it sent too fast.</summary>
    void OnTooFast(in Connection connection, int perSecondMax);

    /// <summary>There was no descriptor, or no memory of the kernel's, for another client.</summary>
    void OnDescriptorsExhausted(string error);
}
