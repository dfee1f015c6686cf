using System.Buffers.Binary;
using Appliance.Chat;
using Appliance.Protocols;

namespace Appliance.Identity;

/// <summary>
/// Who a client is, by its token: a few hundred bytes beside a connection that has one, as they go to another process (docs/handover.md). Of all
/// parts a valid token was the source.
/// </summary>
public sealed class ClientIdentity
{
    /// <summary>Bytes of <c>sub</c>.</summary>
    public const int UserBytesMax = 128;

    /// <summary>Code points of <c>name</c>, whatever <c>--max-name</c> says of names that clients choose.</summary>
    public const int NameMax = 64;

    /// <summary>Bytes of <c>info</c>.</summary>
    public const int InfoBytesMax = 1024;

    /// <summary>What user and name take in an encoded message, escaped.</summary>
    public const int EncodedBytesMax = (6 * UserBytesMax) + (6 * NameMax) + 64;

    /// <summary>
    /// When it ends, in seconds since 1970 (8 bytes; 0 for never), rights in the room (1), a zero (1), where each part but the last ends (2 each).
    /// </summary>
    private const int HeadBytes = 10 + (2 * (Parts - 1));

    private const int Parts = 4;
    private const int StateBytesMax = HeadBytes + UserBytesMax + (4 * NameMax) + RoomClaim.BytesMax + InfoBytesMax;

    private readonly byte[] _state;

    private ClientIdentity(byte[] state) => (_state, Sender) = (state, UserNumber.Of(PartOf(state, 0)));

    /// <summary>Its id for the application, <c>sub</c>.</summary>
    public ReadOnlySpan<byte> User => PartOf(_state, 0);

    /// <summary>The name that its messages carry; empty when it may choose one.</summary>
    public ReadOnlySpan<byte> Name => PartOf(_state, 1);

    /// <summary>What the application says of it, as JSON; empty for nothing.</summary>
    public ReadOnlySpan<byte> Info => PartOf(_state, 3);

    /// <summary>The number that stands for the user in records; never 0.</summary>
    public ulong Sender { get; }

    /// <summary>When it ends, in seconds since 1970; 0 for never.</summary>
    public long ExpiresSeconds => BinaryPrimitives.ReadInt64LittleEndian(_state);

    /// <summary>What it may do in the room that it is in: set when it joins.</summary>
    public RoomRights Rights
    {
        get => (RoomRights)_state[8];
        set => _state[8] = (byte)value;
    }

    /// <summary>It as it goes to another process.</summary>
    public ReadOnlySpan<byte> State => _state;

    private ReadOnlySpan<byte> Rooms => PartOf(_state, 2);

    /// <summary>An identity; each part is valid.</summary>
    public static ClientIdentity Of(ReadOnlySpan<byte> user, ReadOnlySpan<byte> name, ReadOnlySpan<byte> rooms, ReadOnlySpan<byte> info, long expiresSeconds)
    {
        byte[] state = new byte[HeadBytes + user.Length + name.Length + rooms.Length + info.Length];
        BinaryPrimitives.WriteInt64LittleEndian(state, expiresSeconds);
        int end = HeadBytes + user.Length;
        WriteEnd(state, 0, end);
        WriteEnd(state, 1, end += name.Length);
        WriteEnd(state, 2, end += rooms.Length);
        user.CopyTo(state.AsSpan(HeadBytes));
        name.CopyTo(state.AsSpan(HeadBytes + user.Length));
        rooms.CopyTo(state.AsSpan(end - rooms.Length));
        info.CopyTo(state.AsSpan(end));
        return new ClientIdentity(state);
    }

    /// <summary>An identity from another process, whose bytes <see cref="IsState"/>.</summary>
    public static ClientIdentity Restore(ReadOnlySpan<byte> state) => new(state.ToArray());

    /// <summary>Whether bytes from another process are an identity.</summary>
    public static bool IsState(ReadOnlySpan<byte> state)
    {
        if (state.Length is < HeadBytes or > StateBytesMax || state[9] != 0)
        {
            return false;
        }

        int start = HeadBytes;
        for (int part = 0; part < Parts; part++)
        {
            int end = EndOf(state, part);
            if (end < start || end > state.Length || !PrintableText.IsText(state[start..end]))
            {
                return false;
            }

            start = end;
        }

        return IsUser(PartOf(state, 0)) && PartOf(state, 1).Length <= 4 * NameMax && PartOf(state, 3).Length <= InfoBytesMax
            && (PartOf(state, 2).IsEmpty || RoomClaim.IsValid(PartOf(state, 2)));
    }

    /// <summary>What it may do in a room.</summary>
    public RoomRights RightsIn(ReadOnlySpan<byte> room) => RoomClaim.In(Rooms, room);

    /// <summary>Whether a text in valid UTF-8 can be a user's id: visible, or a blank between what is.</summary>
    internal static bool IsUser(ReadOnlySpan<byte> text) =>
        text.Length is > 0 and <= UserBytesMax && !ChatText.IsBlank(text) && !ChatText.HasRefused(text, isName: true);

    private static ReadOnlySpan<byte> PartOf(ReadOnlySpan<byte> state, int part) =>
        state[(part == 0 ? HeadBytes : EndOf(state, part - 1))..EndOf(state, part)];

    private static int EndOf(ReadOnlySpan<byte> state, int part) =>
        part == Parts - 1 ? state.Length : BinaryPrimitives.ReadUInt16LittleEndian(state[(10 + (2 * part))..]);

    private static void WriteEnd(Span<byte> state, int part, int end) => BinaryPrimitives.WriteUInt16LittleEndian(state[(10 + (2 * part))..], (ushort)end);
}
