using System.Text;
using Appliance.Protocols.Http;

namespace Appliance.Identity;

/// <summary>Where a request may have a token: <c>?token=</c>, <c>Authorization: Bearer</c> (RFC 6750, 2.1), a cookie, or an offered sub-protocol.</summary>
internal static class TokenPlaces
{
    private static ReadOnlySpan<byte> Parameter => "token"u8;

    private static ReadOnlySpan<byte> Scheme => "bearer "u8;

    private static ReadOnlySpan<byte> Cookie => "appliance_token="u8;

    /// <summary>What stands before a token in the name of a sub-protocol. Browsers can set no header but this one.</summary>
    private static ReadOnlySpan<byte> SubProtocol => "appliance.token."u8;

    /// <summary>Finds the token of a request, wherever it is; an empty one counts as none.</summary>
    /// <param name="request">The request.</param>
    /// <param name="token">Takes it: <see cref="TokenReader.TokenBytesMax"/>.</param>
    /// <param name="length">Its length.</param>
    /// <returns>None, Missing, Several or TooLong.</returns>
    public static TokenFault Find(in HttpRequest request, Span<byte> token, out int length)
    {
        length = 0;
        var fault = FindInQuery(request.Query, token, ref length);
        foreach (var header in request.Headers)
        {
            var value = header.Value;
            if (header.Is("authorization"u8) && value.Length >= Scheme.Length && Ascii.EqualsIgnoreCase(value[..Scheme.Length], Scheme))
            {
                Add(value[Scheme.Length..].Trim((byte)' '), token, ref length, ref fault);
            }
            else if (header.Is("cookie"u8) || header.Is("sec-websocket-protocol"u8))
            {
                bool isCookie = header.Is("cookie"u8);
                var start = isCookie ? Cookie : SubProtocol;
                foreach (var range in value.Split(isCookie ? (byte)';' : (byte)','))
                {
                    var part = value[range].Trim(" \t"u8);
                    if (part.StartsWith(start))
                    {
                        Add(part[start.Length..], token, ref length, ref fault);
                    }
                }
            }
        }

        return fault != TokenFault.None ? fault : length == 0 ? TokenFault.Missing : TokenFault.None;
    }

    private static TokenFault FindInQuery(ReadOnlySpan<byte> query, Span<byte> token, ref int length)
    {
        var fault = TokenFault.None;
        Span<byte> decoded = stackalloc byte[TokenReader.TokenBytesMax];
        while (!query.IsEmpty)
        {
            int end = query.IndexOf((byte)'&');
            var pair = end < 0 ? query : query[..end];
            query = end < 0 ? default : query[(end + 1)..];
            if (pair.StartsWith(Parameter) && pair[Parameter.Length..] is [(byte)'=', .. var value])
            {
                int count = PercentEncoding.Decode(value, decoded);
                fault = count < 0 ? TokenFault.TooLong : fault;
                Add(decoded[..Math.Max(0, count)], token, ref length, ref fault);
            }
        }

        return fault;
    }

    private static void Add(ReadOnlySpan<byte> found, Span<byte> token, ref int length, ref TokenFault fault)
    {
        if (found.IsEmpty)
        {
            return;
        }

        if (found.Length > token.Length)
        {
            fault = TokenFault.TooLong;
        }
        else if (length == 0)
        {
            found.CopyTo(token);
            length = found.Length;
        }
        else if (!found.SequenceEqual(token[..length]))
        {
            fault = TokenFault.Several;
        }
    }
}
