using System.Buffers;

namespace Appliance.Chat;

/// <summary>Names of rooms: letters, digits, <c>-_.</c>, 1 to 64 of them.</summary>
public static class RoomName
{
    /// <summary>Longest name, in bytes.</summary>
    public const int BytesMax = 64;

    private static readonly SearchValues<byte> Allowed =
        SearchValues.Create("-_.0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"u8);

    /// <summary>Where one is without asking for a room.</summary>
    public static ReadOnlySpan<byte> Default => "lobby"u8;

    /// <summary>Whether a name is one.</summary>
    public static bool IsValid(ReadOnlySpan<byte> name) => name.Length is > 0 and <= BytesMax && !name.ContainsAnyExcept(Allowed);
}
