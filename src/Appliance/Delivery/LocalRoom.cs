using Appliance.Chat;
using Appliance.Rooms;

namespace Appliance.Delivery;

/// <summary>What one worker knows of a room: its log, the worker's own clients in it, and what this turn brought.</summary>
public sealed class LocalRoom
{
    /// <summary>A room in which none of the worker's clients is yet.</summary>
    public LocalRoom(int slot, RoomRing ring)
    {
        Slot = slot;
        Ring = ring;
        Frames = new Audience(this, ring);
    }

    /// <summary>The room's number.</summary>
    public int Slot { get; }

    /// <summary>The room's log.</summary>
    public RoomRing Ring { get; }

    /// <summary>The clients that read the log itself: frames.</summary>
    public Audience Frames { get; }

    /// <summary>The clients that read it in another shape, by its number less one; null where there are none, as for most rooms.</summary>
    public Audience?[]? Others { get; set; }

    /// <summary>How many clients there are, whatever they read.</summary>
    public int MemberCount
    {
        get
        {
            int count = Frames.MemberCount;
            foreach (var audience in Others ?? [])
            {
                count += audience?.MemberCount ?? 0;
            }

            return count;
        }
    }

    /// <summary>Those who read it in a shape, <see cref="Frames"/> for 0.</summary>
    public Audience AudienceOf(byte view) => view == 0 ? Frames : Others![view - 1]!;

    /// <summary>What is to be appended at the end of the turn; null for nothing.</summary>
    public RecordBatch? Batch { get; set; }

    /// <summary>What the directory has in the room's slot as long as it is this room.</summary>
    public ulong Hash { get; init; }

    /// <summary>Whether the sum of joins and leaves waits for something to be said: see <see cref="RoomRing.MayAnnounce"/>.</summary>
    public bool IsHeld { get; set; }

    /// <summary>How joins and leaves are summed up.</summary>
    public AnnounceThrottle Throttle;
}
