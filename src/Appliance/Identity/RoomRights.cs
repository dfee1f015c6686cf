using Appliance.Chat;
using Appliance.Protocols.Json;

namespace Appliance.Identity;

/// <summary>What somebody may do in a room.</summary>
[Flags]
public enum RoomRights : byte
{
    /// <summary>Nothing.</summary>
    None = 0,

    /// <summary>Read it.</summary>
    Read = 1,

    /// <summary>Write to it.</summary>
    Write = 2,

    /// <summary>Moderate it.</summary>
    Moderate = 4,
}

/// <summary>
/// The claim <c>rooms</c>: <c>{"lobby":"rw","news":"r","team-*":"rwm"}</c>. A name is a room's, or the beginning of names with <c>*</c> behind it. The
/// room's own name counts before the longest beginning, and nothing else counts beside it.
/// </summary>
internal static class RoomClaim
{
    /// <summary>Bytes of the claim.</summary>
    public const int BytesMax = 2048;

    /// <summary>What is allowed without the claim, in every room.</summary>
    public const RoomRights Default = RoomRights.Read | RoomRights.Write;

    /// <summary>Whether a text in valid UTF-8 is one.</summary>
    public static bool IsValid(ReadOnlySpan<byte> claim) => claim.Length <= BytesMax && TryFind(claim, RoomName.Default, out _);

    /// <summary>The rights in a room.</summary>
    /// <param name="claim">A valid claim; empty for none.</param>
    /// <param name="room">The room's name.</param>
    public static RoomRights In(ReadOnlySpan<byte> claim, ReadOnlySpan<byte> room) =>
        claim.IsEmpty ? Default : TryFind(claim, room, out var rights) ? rights : RoomRights.None;

    /// <summary>Whether a text is a room's name, or the beginning of some with <c>*</c> behind it.</summary>
    public static bool IsPattern(ReadOnlySpan<byte> text) => text.Length <= RoomName.BytesMax + 1
        && (text is [(byte)'*'] || RoomName.IsValid(text is [.., (byte)'*'] ? text[..^1] : text));

    /// <summary>Reads letters of <c>rwm</c>, each once at most.</summary>
    public static bool TryParse(ReadOnlySpan<byte> letters, out RoomRights rights)
    {
        rights = RoomRights.None;
        foreach (byte letter in letters)
        {
            var right = letter switch
            {
                (byte)'r' => RoomRights.Read,
                (byte)'w' => RoomRights.Write,
                (byte)'m' => RoomRights.Moderate,
                _ => RoomRights.None,
            };
            if (right == RoomRights.None || (rights & right) != 0)
            {
                return false;
            }

            rights |= right;
        }

        return true;
    }

    private static bool TryFind(ReadOnlySpan<byte> claim, ReadOnlySpan<byte> room, out RoomRights rights)
    {
        rights = RoomRights.None;
        var reader = new JsonReader(claim, stackalloc byte[BytesMax]);
        var names = new MemberNames(stackalloc byte[MemberNames.BytesMax]);
        int best = -1;
        if (!reader.TryTake('{'))
        {
            return false;
        }

        for (bool more = !reader.NextIs('}'); more; more = reader.TryTake(','))
        {
            if (!reader.TryReadString(out var pattern) || !names.TryAdd(pattern) || !IsPattern(pattern)
                || !reader.TryTake(':') || !reader.TryReadString(out var letters) || !TryParse(letters, out var granted))
            {
                return false;
            }

            int rank = pattern.SequenceEqual(room) ? int.MaxValue
                : pattern is [.., (byte)'*'] && room.StartsWith(pattern[..^1]) ? pattern.Length
                : -1;
            (best, rights) = rank > best ? (rank, granted) : (best, rights);
        }

        return reader.TryTake('}') && reader.IsAtEnd && reader.IsText;
    }
}
