using System.Text;
using Appliance.Identity;
using Appliance.Protocols.Http;

namespace Appliance.Tests.Identity;

/// <summary>What tokens say, claim by claim, and where requests have them.</summary>
public sealed class ClaimTests
{
    private static readonly TokenRules Rules = new("chat", "https://app.example", 5);

    private static readonly KeySet Keys = Tokens.Keys(Tokens.Secret);

    /// <summary>Claims beside <c>sub</c>, and what becomes of the token; now is 1800000000, the leeway 5 seconds.</summary>
    public static TheoryData<string, TokenFault> Claims => new()
    {
        { "", TokenFault.None },
        { ""","exp":1800000000""", TokenFault.None },
        { ""","exp":1799999996""", TokenFault.None },
        { ""","exp":1799999995""", TokenFault.Expired },
        { ""","exp":1799999995.9""", TokenFault.None },
        { ""","exp":1.8e9""", TokenFault.None },
        { ""","exp":0""", TokenFault.Expired },
        { ""","exp":-1""", TokenFault.Expired },
        { ""","exp":"1900000000" """, TokenFault.Claims },
        { ""","exp":null""", TokenFault.Claims },
        { ""","exp":true""", TokenFault.Claims },
        { ""","exp":1e99""", TokenFault.Claims },
        { ""","exp":1900000000,"exp":1""", TokenFault.Claims },
        { ""","nbf":1800000005""", TokenFault.None },
        { ""","nbf":1800000006""", TokenFault.Early },
        { ""","nbf":"now" """, TokenFault.Claims },
        { ""","name":"Ann" """, TokenFault.None },
        { ""","name":"Dr. Hildegard von Bingen-Sponheim" """, TokenFault.None },
        { ""","name":"" """, TokenFault.Name },
        { ""","name":" " """, TokenFault.Name },
        { ""","name":"Server" """, TokenFault.Name },
        { ""","name":"a\u0000b" """, TokenFault.Name },
        { ""","name":"\u202Eann" """, TokenFault.Name },
        { ""","name":7""", TokenFault.Claims },
        { ""","name":"\uD800" """, TokenFault.Claims },
        { $$""","name":"{{new string('n', 64)}}" """, TokenFault.None },
        { $$""","name":"{{new string('n', 65)}}" """, TokenFault.Name },
        { ""","rooms":{"lobby":"rw","news":"r","team-*":"rwm","*":""}""", TokenFault.None },
        { ""","rooms":{}""", TokenFault.None },
        { ""","rooms":null""", TokenFault.Rooms },
        { ""","rooms":["lobby"]""", TokenFault.Rooms },
        { ""","rooms":{"lobby":"x"}""", TokenFault.Rooms },
        { ""","rooms":{"lobby":"rr"}""", TokenFault.Rooms },
        { ""","rooms":{"lobby":true}""", TokenFault.Rooms },
        { ""","rooms":{"a b":"r"}""", TokenFault.Rooms },
        { ""","rooms":{"":"r"}""", TokenFault.Rooms },
        { ""","rooms":{"*a":"r"}""", TokenFault.Rooms },
        { ""","rooms":{"a**":"r"}""", TokenFault.Rooms },
        { ""","rooms":{"lobby":"r","lobby":"rw"}""", TokenFault.Rooms },
        { ""","rooms":{"lobby":"r","\u006cobby":"rw"}""", TokenFault.Rooms },
        { ""","info":{"age":[1,2,{"a":null}]}""", TokenFault.None },
        { $$""","info":"{{new string('i', 1022)}}" """, TokenFault.None },
        { $$""","info":"{{new string('i', 1023)}}" """, TokenFault.Info },
        { ""","iat":1,"jti":"x","other":{"a":1,"a":2}""", TokenFault.None },
        { ""","sub":"u8" """, TokenFault.Claims },
        { ""","\u0073ub":"u8" """, TokenFault.Claims },
        { ",", TokenFault.Claims },
        { "}{", TokenFault.Claims },
    };

    public static TheoryData<string, TokenFault> Subjects => new()
    {
        { """{"sub":"u7"}""", TokenFault.None },
        { """{"sub":"Ann Lee <ann@example.org>"}""", TokenFault.None },
        { """{"sub":"\u00fc"}""", TokenFault.None },
        { """{}""", TokenFault.Subject },
        { """{"sub":""}""", TokenFault.Subject },
        { """{"sub":"  "}""", TokenFault.Subject },
        { """{"sub":"a\nb"}""", TokenFault.Subject },
        { """{"sub":7}""", TokenFault.Claims },
        { $$"""{"sub":"{{new string('u', 128)}}"}""", TokenFault.None },
        { $$"""{"sub":"{{new string('u', 129)}}"}""", TokenFault.Subject },
        { """["sub"]""", TokenFault.Claims },
        { "\"sub\"", TokenFault.Claims },
        { "", TokenFault.Claims },
    };

    /// <summary>With <c>--auth-audience chat</c> and <c>--auth-issuer https://app.example</c>.</summary>
    public static TheoryData<string, TokenFault> Addressed => new()
    {
        { """{"sub":"u","iss":"https://app.example","aud":"chat"}""", TokenFault.None },
        { """{"sub":"u","iss":"https://app.example","aud":["shop","chat"]}""", TokenFault.None },
        { """{"sub":"u","iss":"https://app.example"}""", TokenFault.Audience },
        { """{"sub":"u","iss":"https://app.example","aud":[]}""", TokenFault.Audience },
        { """{"sub":"u","iss":"https://app.example","aud":"chat2"}""", TokenFault.Audience },
        { """{"sub":"u","iss":"https://app.example","aud":["chat",7]}""", TokenFault.Claims },
        { """{"sub":"u","iss":"https://app.example","aud":{"chat":1}}""", TokenFault.Claims },
        { """{"sub":"u","iss":"https://app.example/","aud":"chat"}""", TokenFault.Issuer },
        { """{"sub":"u","aud":"chat"}""", TokenFault.Issuer },
        { """{"sub":"u","iss":["https://app.example"],"aud":"chat"}""", TokenFault.Claims },
    };

    /// <summary>The claim <c>rooms</c>, a room, and what its user may do there.</summary>
    public static TheoryData<string, string, RoomRights> Rooms => new()
    {
        { "", "lobby", RoomRights.Read | RoomRights.Write },
        { "{}", "lobby", RoomRights.None },
        { """{"lobby":"r"}""", "lobby", RoomRights.Read },
        { """{"lobby":"r"}""", "Lobby", RoomRights.None },
        { """{"lobby":"r"}""", "lobby2", RoomRights.None },
        { """{"*":"rw"}""", "any", RoomRights.Read | RoomRights.Write },
        { """{"*":"rw","news":"r"}""", "news", RoomRights.Read },
        { """{"news":"r","*":"rw"}""", "news", RoomRights.Read },
        { """{"*":"rw","secret":""}""", "secret", RoomRights.None },
        { """{"team-*":"rwm"}""", "team-a", RoomRights.Read | RoomRights.Write | RoomRights.Moderate },
        { """{"team-*":"rwm"}""", "team-", RoomRights.Read | RoomRights.Write | RoomRights.Moderate },
        { """{"team-*":"rwm"}""", "team", RoomRights.None },
        { """{"team-a-*":"r","team-*":"rw"}""", "team-a-1", RoomRights.Read },
        { """{"team-*":"rw","team-a-*":"r"}""", "team-a-1", RoomRights.Read },
        { """{"ab*":"rw","ab":"r"}""", "ab", RoomRights.Read },
    };

    /// <summary>Query, headers, and the token that is found, or why none is.</summary>
    public static TheoryData<string, string[], string> Places => new()
    {
        { "", [], "Missing" },
        { "token=", ["Authorization: Bearer ", "Cookie: appliance_token="], "Missing" },
        { "token=a.b.c", [], "a.b.c" },
        { "room=x&token=a%2Eb.c&after=7", [], "a.b.c" },
        { "xtoken=a.b.c", [], "Missing" },
        { "token=a.b.c&token=a.b.c", [], "a.b.c" },
        { "token=a.b.c&token=d", [], "Several" },
        { "token=%", [], "TooLong" },
        { "", ["Authorization: Bearer a.b.c"], "a.b.c" },
        { "", ["authorization: bearer   a.b.c "], "a.b.c" },
        { "", ["Authorization: Basic dTpw"], "Missing" },
        { "", ["Authorization: Bearera.b.c"], "Missing" },
        { "", ["Authorization: Bearer a.b.c", "Authorization: Bearer d.e.f"], "Several" },
        { "", ["Cookie: appliance_token=a.b.c"], "a.b.c" },
        { "", ["Cookie: session=1; appliance_token=a.b.c; x=y"], "a.b.c" },
        { "", ["Cookie: xappliance_token=a.b.c"], "Missing" },
        { "", ["Cookie: appliance_token=a.b.c; appliance_token=d.e.f"], "Several" },
        { "", ["Sec-WebSocket-Protocol: appliance.v1, appliance.token.a.b.c"], "a.b.c" },
        { "", ["Sec-WebSocket-Protocol: appliance.token.a.b.c"], "a.b.c" },
        { "token=a.b.c", ["Authorization: Bearer a.b.c", "Cookie: appliance_token=a.b.c", "Sec-WebSocket-Protocol: appliance.token.a.b.c"], "a.b.c" },
        { "token=a.b.c", ["Cookie: appliance_token=a.b.d"], "Several" },
        { "token=a.b.c", ["Sec-WebSocket-Protocol: appliance.token.x"], "Several" },
    };

    [Theory]
    [MemberData(nameof(Claims))]
    public void Claim_beside_the_user_is_checked(string claims, TokenFault fault) =>
        Assert.Equal(fault, Tokens.Read(Tokens.Hs256($$"""{"sub":"u7"{{claims}}}"""), Keys, out _));

    [Theory]
    [MemberData(nameof(Subjects))]
    public void User_is_needed(string claims, TokenFault fault) => Assert.Equal(fault, Tokens.Read(Tokens.Hs256(claims), Keys, out _));

    [Theory]
    [MemberData(nameof(Addressed))]
    public void Audience_and_issuer_are_those_of_the_settings(string claims, TokenFault fault) =>
        Assert.Equal(fault, Tokens.Read(Tokens.Hs256(claims), Keys, out _, Rules));

    [Theory]
    [MemberData(nameof(Rooms))]
    public void Rights_follow_from_the_longest_name_that_fits(string claim, string room, RoomRights rights)
    {
        string rooms = claim.Length == 0 ? "" : $""","rooms":{claim}""";
        Assert.Equal(TokenFault.None, Tokens.Read(Tokens.Hs256($$"""{"sub":"u7"{{rooms}}}"""), Keys, out var identity));
        Assert.Equal(rights, identity!.RightsIn(Encoding.ASCII.GetBytes(room)));
    }

    [Theory]
    [MemberData(nameof(Places))]
    public void Token_is_found_wherever_it_is(string query, string[] headers, string found)
    {
        byte[] head = Encoding.ASCII.GetBytes($"GET /?{query} HTTP/1.1\r\nHost: a\r\n{string.Concat(headers.Select(header => $"{header}\r\n"))}\r\n");
        Assert.Equal(HttpReadStatus.Complete, HttpRequestReader.Read(head, out var request, out _));
        byte[] token = new byte[TokenReader.TokenBytesMax];
        var fault = TokenPlaces.Find(request, token, out int length);
        Assert.Equal(found, fault == TokenFault.None ? Encoding.ASCII.GetString(token, 0, length) : fault.ToString());
    }

    [Fact]
    public void Identity_goes_to_another_process_as_it_is()
    {
        const string Said = """{"sub":"u7","name":"Ann","rooms":{"a":"r"},"info":[1],"exp":1900000000}""";
        Assert.Equal(TokenFault.None, Tokens.Read(Tokens.Hs256(Said), Keys, out var identity));
        identity!.Rights = RoomRights.Read;
        Assert.True(ClientIdentity.IsState(identity.State));
        var other = ClientIdentity.Restore(identity.State);
        Assert.Equal("u7"u8, other.User);
        Assert.Equal("Ann"u8, other.Name);
        Assert.Equal("[1]"u8, other.Info);
        Assert.Equal(RoomRights.Read, other.Rights);
        Assert.Equal(RoomRights.Read, other.RightsIn("a"u8));
        Assert.Equal(RoomRights.None, other.RightsIn("b"u8));
        Assert.Equal(1_900_000_000, other.ExpiresSeconds);
        Assert.Equal(identity.Sender, other.Sender);

        // SHA-256 of "u7", its first 8 bytes.
        Assert.Equal(BitConverter.ToUInt64(System.Security.Cryptography.SHA256.HashData("u7"u8)), identity.Sender);
    }

    [Fact]
    public void Damaged_identity_is_refused_or_stays_within_its_bytes()
    {
        Assert.Equal(TokenFault.None, Tokens.Read(Tokens.Hs256("""{"sub":"u7","name":"Ann","rooms":{"a":"r"},"info":[1]}"""), Keys, out var identity));
        byte[] state = identity!.State.ToArray();
        for (int i = 0; i < state.Length; i++)
        {
            for (int bit = 0; bit < 8; bit++)
            {
                byte[] damaged = [.. state];
                damaged[i] ^= (byte)(1 << bit);
                if (ClientIdentity.IsState(damaged))
                {
                    var other = ClientIdentity.Restore(damaged);
                    _ = other.RightsIn("a"u8);
                    Assert.InRange(other.User.Length, 1, ClientIdentity.UserBytesMax);
                }
            }

            Assert.False(i < 20 && ClientIdentity.IsState(state.AsSpan(0, i)));
        }
    }
}
