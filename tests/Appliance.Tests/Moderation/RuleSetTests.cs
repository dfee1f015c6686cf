using System.Net;
using System.Text;
using Appliance.Chat;
using Appliance.Moderation;
using Appliance.Rooms;

namespace Appliance.Tests.Moderation;

/// <summary>Whom rules concern.</summary>
public sealed class RuleSetTests
{
    private const long Now = 1_700_000_000;

    [Theory]
    [InlineData("192.0.2.7", "192.0.2.7", true)]
    [InlineData("192.0.2.7", "192.0.2.8", false)]
    [InlineData("192.0.2.0/24", "192.0.2.255", true)]
    [InlineData("192.0.2.0/24", "192.0.3.0", false)]
    [InlineData("0.0.0.0/0", "255.255.255.255", true)]
    [InlineData("0.0.0.0/0", "::1", false)]
    [InlineData("::/0", "2001:db8::1", true)]
    [InlineData("::/0", "192.0.2.7", false)]
    [InlineData("::/1", "192.0.2.7", false)]
    [InlineData("2001:db8::/33", "2001:db8:7fff::1", true)]
    [InlineData("2001:db8::/33", "2001:db8:8000::1", false)]
    [InlineData("::1", "::1", true)]
    [InlineData("0.0.0.0/0", "::", false)]
    [InlineData("::/0", "::", false)]
    public void Network_concerns_its_addresses(string network, string address, bool concerned)
    {
        var set = Of($"ban {network}");
        Assert.Equal(concerned, Ban(set, address, "") is not null);
        Assert.Null(Ban(RuleSet.Empty, address, ""));
        Assert.False(set.ConcernsMessages);
    }

    [Fact]
    public void Several_rules_of_several_lengths_hold_at_once_and_end_each_at_its_time()
    {
        var set = Of("ban 10.0.0.0/8 for 60 because wide", "ban 10.1.0.0/16 for 120 because narrow", "ban 2001:db8::/32");
        Assert.NotNull(Ban(set, "10.1.2.3", ""));
        Assert.NotNull(Ban(set, "10.2.2.3", "", Now + 59));
        Assert.Null(Ban(set, "10.2.2.3", "", Now + 60));
        Assert.Equal("narrow", Ban(set, "10.1.2.3", "", Now + 60)!.Reason);
        Assert.Null(Ban(set, "10.1.2.3", "", Now + 120));
        Assert.NotNull(Ban(set, "2001:db8::1", "", long.MaxValue));
    }

    [Fact]
    public void User_is_exactly_that_one_and_a_name_counts_without_case()
    {
        var set = Of("ban user:u7", "mute name:Ännchen", "mute user:u8");
        Assert.NotNull(Ban(set, "10.0.0.1", "u7"));
        Assert.Null(Ban(set, "10.0.0.1", "U7"));
        Assert.Null(Ban(set, "10.0.0.1", new string('u', 500)));
        Assert.NotNull(Mute(set, "", "äNNCHEN"));
        Assert.NotNull(Mute(set, "u8", "ann"));
        Assert.Null(Mute(set, "u7", "ann"));
        Assert.True(set is { ConcernsMessages: true, HasBans: true, HasRooms: false });
    }

    [Fact]
    public void Message_is_checked_against_names_mutes_and_the_rooms_state()
    {
        var view = new ModerationView(null);
        Assert.False(view.TryUpdate());
        Assert.Equal(ChatRefusal.None, Check(view, "ann"));
        Assert.Equal(default, view.Rules.StateOf(RoomLog.HashOf("a"u8)));
        var set = Of("room a slow=5 locked", "room b read-only");
        Assert.Equal(new RoomState(5, IsReadOnly: false, IsLocked: true, IsClosed: false), set.StateOf(RoomLog.HashOf("a"u8)));
        Assert.True(set.StateOf(RoomLog.HashOf("b"u8)).IsReadOnly);
        Assert.True(set.StateOf(RoomLog.HashOf("c"u8)).IsOpen);
        Assert.True(set is { ConcernsMessages: true, HasBans: false, HasRooms: true });
        Assert.False(Of("room a locked").ConcernsMessages);
    }

    [Fact]
    public void Rule_of_a_room_concerns_that_room_alone()
    {
        ulong news = RoomLog.HashOf("news"u8);
        ulong lobby = RoomLog.HashOf("lobby"u8);
        var set = Of("ban user:u7 in news", "mute name:ann in news for 60", "ban name:bob in news");
        Assert.True(set is { HasBans: false, HasRoomBans: true, HasRooms: false, ConcernsMessages: true });
        Assert.NotNull(set.BanIn(news, 0, 0, "u7"u8, Now));
        Assert.Null(set.BanIn(news, 0, 0, "u8"u8, Now));
        Assert.Null(set.BanIn(lobby, 0, 0, "u7"u8, Now));
        Assert.Null(set.BanOf(0, 0, "u7"u8, Now));
        Assert.NotNull(set.MuteOf(news, 0, 0, default, "Ann"u8, Now));
        Assert.Null(set.MuteOf(news, 0, 0, default, "Ann"u8, Now + 60));
        Assert.Null(set.MuteOf(lobby, 0, 0, default, "Ann"u8, Now));
        Assert.NotNull(set.BanOfName(news, "BOB"u8, Now));
        Assert.Null(set.BanOfName(lobby, "BOB"u8, Now));
        Assert.True(Of("ban user:u7 in news") is { ConcernsMessages: false, HasRoomBans: true });
        Assert.True(Of("ban name:bob in news") is { ConcernsMessages: true, HasRoomBans: false });
    }

    private static ChatRefusal Check(ModerationView view, string name) =>
        view.Check((5, 1), (0, 0), default, Encoding.UTF8.GetBytes(name), RoomLog.HashOf("a"u8), moderates: false, (Now, 0));

    private static ModerationRule? Ban(RuleSet set, string address, string user, long now = Now)
    {
        byte[] bytes = IPAddress.Parse(address).MapToIPv6().GetAddressBytes();
        return set.BanOf(BitConverter.ToUInt64(bytes), BitConverter.ToUInt64(bytes, 8), Encoding.UTF8.GetBytes(user), now);
    }

    private static ModerationRule? Mute(RuleSet set, string user, string name) =>
        set.MuteOf(0, 1, 1, Encoding.UTF8.GetBytes(user), Encoding.UTF8.GetBytes(name), Now);

    private static RuleSet Of(params string[] commands) => new(commands.Select(command =>
    {
        int space = command.IndexOf(' ', StringComparison.Ordinal);
        return ModerationCommand.Read(command[..space], command[(space + 1)..], Now, out _)!.Rule;
    }));
}
