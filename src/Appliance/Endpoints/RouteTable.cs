using Appliance.Config;
using Appliance.Connections;
using Appliance.Protocols.Http;
using Appliance.Protocols.WebSocket;

namespace Appliance.Endpoints;

/// <summary>Answers a request: writes a response, or changes the state of the connection.</summary>
internal delegate void RequestHandler(int fd, in HttpRequest request);

/// <summary>Which requests an endpoint answers.</summary>
/// <param name="Path">Their path; empty for every path that has no row of its own.</param>
/// <param name="IsWebSocket">Whether they ask for a WebSocket.</param>
/// <param name="Answer">The endpoint.</param>
internal sealed record Route(byte[] Path, bool IsWebSocket, RequestHandler Answer)
{
    /// <summary>Whether they pass the <see cref="HandshakeChecks"/> first.</summary>
    public bool IsGuarded { get; init; } = IsWebSocket;

    /// <summary>Whether the settings have this route; always, if the row says nothing else.</summary>
    public Func<Settings, bool> IsServed { get; init; } = _ => true;
}

/// <summary>The routes of the chat port, the first that fits answers.</summary>
internal sealed class RouteTable(WorkerContext context, HandshakeChecks checks, HttpResponder responder, IReadOnlyList<Route> rows)
{
    /// <summary>Answers a request that is one by <see cref="HttpGate"/>.</summary>
    public void Answer(int fd, in HttpRequest request)
    {
        var row = Find(request);
        if (row.IsGuarded && checks.Find(fd, request) is { } refusal)
        {
            responder.Refuse(fd, refusal);
        }
        else if (row.IsGuarded && context.Settings.Auth == AuthMode.Ask)
        {
            context.Table[fd].State = ConnectionState.Authorize;
        }
        else
        {
            row.Answer(fd, request);
        }
    }

    /// <summary>A back end lets a request in.</summary>
    public void Admit(int fd, in HttpRequest request)
    {
        if (checks.FindAfterAnswer(fd, request) is { } refusal)
        {
            responder.Refuse(fd, refusal);
        }
        else
        {
            Find(request).Answer(fd, request);
        }
    }

    private Route Find(in HttpRequest request)
    {
        bool isWebSocket = Handshake.IsAskedFor(request);
        foreach (var row in rows)
        {
            if (row.IsWebSocket == isWebSocket && (row.Path.Length == 0 || request.Path.SequenceEqual(row.Path)) && row.IsServed(context.Settings))
            {
                return row;
            }
        }

        throw new System.Diagnostics.UnreachableException();
    }
}
