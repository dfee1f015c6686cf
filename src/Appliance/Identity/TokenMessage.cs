using Appliance.Protocols.Json;

namespace Appliance.Identity;

/// <summary>The message that renews a token on an open connection, <c>{"type":"token","token":"…"}</c>.</summary>
internal static class TokenMessage
{
    /// <summary>Whether a message is one; other members are passed over, and of two with one name the last counts, as in chat messages.</summary>
    /// <param name="json">Valid UTF-8.</param>
    /// <param name="scratch">At least as long.</param>
    /// <param name="token">The token; empty when there is none.</param>
    public static bool TryRead(ReadOnlySpan<byte> json, Span<byte> scratch, out ReadOnlySpan<byte> token)
    {
        token = default;
        bool isToken = false;
        var reader = new JsonReader(json, scratch);
        bool sound = reader.TryTake('{') && !reader.NextIs('}');
        for (bool more = sound; more; more = sound && reader.TryTake(','))
        {
            sound = reader.TryReadString(out var name) && reader.TryTake(':');
            bool isText = sound && reader.NextIs('"');
            if (isText && name.SequenceEqual("type"u8))
            {
                sound = reader.TryReadString(out var type);
                isToken = type.SequenceEqual("token"u8);
            }
            else
            {
                sound = sound && (isText && name.SequenceEqual("token"u8) ? reader.TryReadString(out token) : reader.TrySkipValue());
            }
        }

        return sound && isToken && reader.TryTake('}') && reader.IsAtEnd;
    }
}
