using System.Globalization;

namespace Appliance.SystemTests.Harness;

/// <summary>Two members of a room of their own, on a server that announces nothing. What disturbs them fails the test.</summary>
public sealed class ChatPair : IAsyncDisposable
{
    private static int _rooms;
    private int _said;

    private ChatPair(string query, ChatClient ann, ChatClient bob) => (Query, Ann, Bob) = (query, ann, bob);

    /// <summary>Query that joins the pair's room without its history.</summary>
    public string Query { get; }

    public ChatClient Ann { get; }

    public ChatClient Bob { get; }

    public static Task<ChatPair> JoinAsync(ApplianceServer server) => JoinAsync(query => ChatClient.JoinAsync(server, query));

    public static Task<ChatPair> JoinAsync(ApplianceDaemon server) => JoinAsync(server.JoinAsync);

    private static async Task<ChatPair> JoinAsync(Func<string, Task<ChatClient>> join)
    {
        var query = string.Create(CultureInfo.InvariantCulture, $"room=pair-{Interlocked.Increment(ref _rooms)}&history=0");
        return new ChatPair(query, await join(query), await join(query));
    }

    /// <summary>Each says something; both must get both, in the same order, and nothing else.</summary>
    public async Task AssertChatsAsync()
    {
        var number = ++_said;
        await SayAsync(Ann, $"from ann {number}", "ann");
        await SayAsync(Bob, $"from bob {number}", "bob");
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        await Ann.DisposeAsync();
        await Bob.DisposeAsync();
    }

    private async Task SayAsync(ChatClient client, string text, string name)
    {
        await client.SayAsync(text, name);
        var atAnn = await Ann.ReadAsync();
        var atBob = await Bob.ReadAsync();
        Assert.True(atAnn.Message == text && atAnn.Name == name, $"Instead of '{text}' ann got {atAnn}");
        Assert.Equal(atAnn.ToString(), atBob.ToString());
    }
}
