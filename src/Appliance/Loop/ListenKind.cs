namespace Appliance.Loop;

/// <summary>Who connects to a listening socket, and what is spoken there: it decides the transport and the first state of a connection.</summary>
public enum ListenKind
{
    /// <summary>Clients, by HTTP as it is.</summary>
    Chat,

    /// <summary>Proxies, which say first whose connection it is (PROXY protocol); then HTTP as it is.</summary>
    Proxy,

    /// <summary>Clients, by TLS.</summary>
    Tls,

    /// <summary>Proxies, which say first whose connection it is; then TLS of their clients.</summary>
    ProxyTls,

    /// <summary>Monitors; the socket is the monitoring thread's and no worker's.</summary>
    Monitoring,
}

/// <summary>A kind of listening sockets.</summary>
/// <param name="Kind">The kind.</param>
/// <param name="Word">Its name: between processes, and of a descriptor in <c>LISTEN_FDNAMES</c>.</param>
/// <param name="Option">The option that has the address, for errors.</param>
/// <param name="IsForClients">Whether workers accept from it.</param>
public sealed record ListenKindRow(ListenKind Kind, string Word, string Option, bool IsForClients);

/// <summary>All kinds, a row each, in the order of <see cref="ListenKind"/>.</summary>
public static class ListenKinds
{
    /// <summary>The rows.</summary>
    public static IReadOnlyList<ListenKindRow> Rows { get; } =
    [
        new(ListenKind.Chat, "chat", "--listen", IsForClients: true),
        new(ListenKind.Proxy, "proxy", "--listen", IsForClients: true),
        new(ListenKind.Tls, "tls", "--listen-tls", IsForClients: true),
        new(ListenKind.ProxyTls, "proxy-tls", "--listen-tls", IsForClients: true),
        new(ListenKind.Monitoring, "monitoring", "--metrics", IsForClients: false),
    ];

    /// <summary>The row of a kind.</summary>
    public static ListenKindRow RowOf(ListenKind kind) => Rows[(int)kind];

    /// <summary>
    /// The kind that a name stands for, of those that workers accept from. A service manager names a descriptor after its unit unless the
    /// unit says otherwise, so every other name is the chat's.
    /// </summary>
    public static ListenKind OfName(string name)
    {
        foreach (var row in Rows)
        {
            if (row.IsForClients && row.Word == name)
            {
                return row.Kind;
            }
        }

        return ListenKind.Chat;
    }

    /// <summary>The kinds of so many sockets by their names; the chat's where there is no name.</summary>
    public static ListenKind[] OfNames(ReadOnlySpan<string> names, int count)
    {
        var kinds = new ListenKind[count];
        for (int i = 0; i < count; i++)
        {
            kinds[i] = i < names.Length ? OfName(names[i]) : ListenKind.Chat;
        }

        return kinds;
    }
}
