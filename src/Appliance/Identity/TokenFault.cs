namespace Appliance.Identity;

/// <summary>Which check a token has failed.</summary>
public enum TokenFault
{
    /// <summary>None: it is good.</summary>
    None,

    /// <summary>There is no token.</summary>
    Missing,

    /// <summary>There are two that differ.</summary>
    Several,

    /// <summary>It is longer than any that is read.</summary>
    TooLong,

    /// <summary>Not three parts in base64url.</summary>
    Malformed,

    /// <summary>Its header is no JSON object with an algorithm, or has a member twice.</summary>
    Header,

    /// <summary>It demands extensions (<c>crit</c>), of which there are none.</summary>
    Critical,

    /// <summary>No key has its algorithm, or its <c>kid</c>.</summary>
    Key,

    /// <summary>Its signature is of no key.</summary>
    Signature,

    /// <summary>Its claims are no JSON object, or have a member twice, or one of another type.</summary>
    Claims,

    /// <summary><c>exp</c> is over.</summary>
    Expired,

    /// <summary><c>nbf</c> is to come.</summary>
    Early,

    /// <summary><c>aud</c> is another one.</summary>
    Audience,

    /// <summary><c>iss</c> is another one.</summary>
    Issuer,

    /// <summary><c>sub</c> is missing or no user's id.</summary>
    Subject,

    /// <summary><c>name</c> is no name.</summary>
    Name,

    /// <summary><c>rooms</c> is not of names and rights.</summary>
    Rooms,

    /// <summary><c>info</c> is too long.</summary>
    Info,

    /// <summary>It is of another user than the connection.</summary>
    OtherUser,

    /// <summary>It does not let read the room that the connection is in.</summary>
    Unreadable,
}

/// <summary>The words for them.</summary>
internal static class TokenFaults
{
    /// <summary>What is wrong, in words that say nothing of the token itself.</summary>
    public static string Describe(TokenFault fault) => fault switch
    {
        TokenFault.Missing => "a token is needed (--auth jwt): as ?token=, Authorization: Bearer, the cookie appliance_token, "
            + "or the sub-protocol appliance.token.TOKEN",
        TokenFault.Several => "two tokens that differ",
        TokenFault.TooLong => $"the token is longer than {TokenReader.TokenBytesMax} bytes",
        TokenFault.Malformed => "the token is not three parts in base64url (RFC 7515, 7.1)",
        TokenFault.Header => "the header of the token is not a JSON object with alg, each member once",
        TokenFault.Critical => "the token demands extensions (crit) that are not known here",
        TokenFault.Key => "no key of --auth-key has the alg, and the kid if there is one, of the token",
        TokenFault.Signature => "the signature of the token is not of a key of --auth-key",
        TokenFault.Claims => "the claims of the token are not a JSON object with each member once and of its type (RFC 7519, 4)",
        TokenFault.Expired => "the token has expired (exp)",
        TokenFault.Early => "the token is not valid yet (nbf); if the clocks differ, --auth-leeway helps",
        TokenFault.Audience => "aud of the token does not have --auth-audience",
        TokenFault.Issuer => "iss of the token is not --auth-issuer",
        TokenFault.Subject => $"sub of the token must be a text of 1 to {ClientIdentity.UserBytesMax} bytes that can be seen",
        TokenFault.Name => $"name of the token must be a name of at most {ClientIdentity.NameMax} characters that is not reserved",
        TokenFault.Rooms => "rooms of the token must have a room's name, or its beginning and *, with letters of rwm for each",
        TokenFault.Info => $"info of the token is longer than {ClientIdentity.InfoBytesMax} bytes",
        TokenFault.OtherUser => "the token is of another user (sub) than this connection",
        TokenFault.Unreadable => "the token does not let its user read this room (rooms)",
        TokenFault.None => throw new System.Diagnostics.UnreachableException(),
        _ => throw new System.Diagnostics.UnreachableException(),
    };
}
