using Appliance.Config;
using Appliance.Loop;
using Appliance.Master;

namespace Appliance.Tests.Loop;

/// <summary>A listening socket keeps its kind wherever it goes: to workers, to another master, from a service manager.</summary>
public sealed class ListenKindTests
{
    [Fact]
    public void Every_kind_has_its_row()
    {
        Assert.Equal(Enum.GetValues<ListenKind>(), ListenKinds.Rows.Select(row => row.Kind));
        Assert.Distinct(ListenKinds.Rows.Select(row => row.Word), StringComparer.Ordinal);
        Assert.All(ListenKinds.Rows, row => Assert.NotNull(SettingsTable.Find(row.Option[2..])));
        Assert.All(ListenKinds.Rows, row => Assert.DoesNotContain(row.Word, [',', ' ', ':', '\n']));
    }

    /// <summary>A name that nobody knows is the chat's, as is one of a kind that no worker accepts from.</summary>
    [Theory]
    [InlineData("chat", ListenKind.Chat)]
    [InlineData("tls", ListenKind.Tls)]
    [InlineData("proxy-tls", ListenKind.ProxyTls)]
    [InlineData("monitoring", ListenKind.Chat)]
    [InlineData("appliance.socket", ListenKind.Chat)]
    [InlineData("unknown", ListenKind.Chat)]
    [InlineData("", ListenKind.Chat)]
    public void Name_of_a_descriptor_says_the_kind(string name, ListenKind kind) => Assert.Equal(kind, ListenKinds.OfName(name));

    [Theory]
    [InlineData("", 0)]
    [InlineData("", 2)]
    [InlineData("chat", 3)]
    [InlineData("chat,chat,chat", 1)]
    public void As_many_kinds_as_sockets(string names, int count) => Assert.Equal(count, ListenKinds.OfNames(names.Split(','), count).Length);

    [Fact]
    public void Options_give_addresses_their_kinds()
    {
        var settings = SettingsBuilder.Build(
            new DefaultPaths("/run/appliance", "/var/lib/appliance"), [new GivenValue("listen", "unix:/run/chat", SettingsBuilder.CommandLine)]);
        Assert.Equal((ListenKind.Chat, ListenKind.Monitoring), (Assert.Single(settings.Listen).Kind, settings.Metrics!.Kind));
    }

    /// <summary>Whoever bound it: the address, the name that a worker gets, a former master, or a service manager.</summary>
    [Theory]
    [InlineData(ListenKind.Chat)]
    [InlineData(ListenKind.Monitoring)]
    public void Socket_has_the_kind_of_its_address(ListenKind kind)
    {
        var address = ListenAddress.TryParse("127.0.0.1:0", kind)!;
        using var bound = Listeners.Bind(address);
        using var another = Listeners.BindShared(address, 1, mode: 0)[0];
        Assert.Equal((kind, kind), (bound.Kind, another.Kind));
    }

    [Fact]
    public void Kind_goes_along_to_a_worker_and_to_another_master()
    {
        ListenAddress[] addresses = [ListenAddress.TryParse("127.0.0.1:0")!, ListenAddress.TryParse("[::1]:0")!];
        using var set = new ListenerSet(addresses, 2, []);
        Assert.All(set.First, socket => Assert.Equal((socket.Descriptor, socket.Kind), Read(socket.Name)));
        var byNumber = set.Numbers.ToDictionary(number => number, number => ListenerSet.DescriptorsOf(set.ForWorker(number)));
        var successor = new ListenerSet(addresses, byNumber, inheritedKinds: null);
        var activated = new ListenerSet(addresses, byNumber, inheritedKinds: [""]);
        Assert.Equal(set.First.Select(socket => socket.Kind), successor.First.Select(socket => socket.Kind));
        Assert.Equal(set.ForWorker(new(1)).Select(socket => socket.Kind), successor.ForWorker(new(1)).Select(socket => socket.Kind));
        Assert.Equal(set.First.Select(socket => socket.Kind), activated.First.Select(socket => socket.Kind));
        Assert.Equal((false, true), (successor.IsInherited, activated.IsInherited));
    }

    private static (int Descriptor, ListenKind Kind) Read(string name)
    {
        var socket = ListenSocket.Inherit(name);
        return (socket.Descriptor, socket.Kind);
    }
}
