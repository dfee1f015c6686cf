using System.Text;
using Appliance.Connections;
using Appliance.Metrics;
using Appliance.Protocols.Http;
using Appliance.Web;

namespace Appliance.Endpoints;

/// <summary>The chat page and its files.</summary>
internal sealed class Pages(WorkerContext context, HttpResponder responder)
{
    private const int PathBytesMax = 64;
    private const string Headers = HttpResponse.PageSecurityHeaders + "Cache-Control: no-cache\r\n";

    private Dictionary<string, byte[]>.AlternateLookup<ReadOnlySpan<char>>? _responses;

    /// <summary>Made when a page is first asked for: many workers never are, and all should start quickly.</summary>
    private Dictionary<string, byte[]>.AlternateLookup<ReadOnlySpan<char>> Responses => _responses ??= EmbeddedPages
        .Chat(context.Settings.MaxName, context.Settings.MaxMessage)
        .ToDictionary(page => page.Path, page => HttpResponse.Write(200, page.ContentType, Headers, page.Bytes), StringComparer.Ordinal)
        .GetAlternateLookup<ReadOnlySpan<char>>();

    /// <summary>The settings have changed: the page tells how long names and messages may be.</summary>
    public void OnSettings() => _responses = null;

    /// <summary>Its route: every request that has no other one.</summary>
    public void Answer(int fd, in HttpRequest request)
    {
        var refusal = HttpGate.CheckPage(request);
        if (refusal != HttpRefusal.None)
        {
            responder.Refuse(fd, HttpEndpoint.Describe(refusal));
            return;
        }

        Span<char> path = stackalloc char[PathBytesMax];
        byte[]? response = HttpResponse.Options;
        if (!HttpGate.IsOptions(request)
            && (request.Path.Length > path.Length || !Responses.TryGetValue(path[..Encoding.Latin1.GetChars(request.Path, path)], out response)))
        {
            responder.Refuse(fd, new Refusal(RejectReason.NotFound, "nothing is at this path; the chat is at /"));
            return;
        }

        responder.Respond(fd, response, request.KeepsAlive);
    }
}
