using Appliance.Connections;
using Appliance.Delivery;

namespace Appliance.Worker;

/// <summary>
/// Looks at some connections and rooms once a millisecond, however many turns that has, and so at all of them within seconds of work: the
/// invariants that no turn comes past by itself. When nothing happens nothing is looked at.
/// </summary>
internal sealed class InvariantAudit(ConnectionTable table, ChatRooms rooms)
{
    /// <summary>Looked at in one audit: where nothing of it is in the processor's caches, some 3 µs.</summary>
    private const int Connections = 8;

    private const int Rooms = 4;

    private long _auditedMs = long.MinValue;

    /// <summary>A turn ends: everything is delivered, and what has ended is closed.</summary>
    public void EndTurn(long nowMs)
    {
        if (nowMs != _auditedMs)
        {
            _auditedMs = nowMs;
            AuditNext();
        }
    }

    private void AuditNext()
    {
        for (int i = 0; i < Connections; i++)
        {
            int fd = table.AuditNext();
            if (fd >= 0)
            {
                rooms.Audit(fd);
            }
        }

        for (int i = 0; i < Rooms; i++)
        {
            rooms.AuditNext();
        }
    }
}
