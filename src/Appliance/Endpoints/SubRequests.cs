using System.Text;
using Appliance.Config;
using Appliance.Connections;
using Appliance.Identity;
using Appliance.Native;
using Appliance.Protocols.Http;

namespace Appliance.Endpoints;

/// <summary>Gets what became of questions to a back end.</summary>
internal interface ISubRequestHandler
{
    /// <summary>The back end has answered.</summary>
    /// <param name="fd">The connection that it was asked about.</param>
    /// <param name="head">The head of the response.</param>
    /// <param name="claims">Its JSON; empty for none.</param>
    void OnAnswer(int fd, in HttpResponseHead head, ReadOnlySpan<byte> claims);

    /// <summary>There is no answer, or none that can be understood.</summary>
    void OnFailed(int fd, string why);
}

/// <summary>
/// The questions of one worker to the back end of <c>--auth ask</c>: one HTTP request for each handshake, so many at a time, on connections that stay
/// open. Nothing here waits: it is done in the turns of the worker's loop.
/// </summary>
internal sealed unsafe class SubRequests(WorkerContext context, ISubRequestHandler handler)
{
    /// <summary>Requests that are under way at a time: an application that needs 5 ms for each answers 6,400 a second so.</summary>
    internal const int UnderWayMax = 32;

    /// <summary>Further ones that wait; who comes then gets 503.</summary>
    internal const int WaitingMax = 4096;

    /// <summary>Connections that stay open while there is nothing to ask.</summary>
    internal const int IdleMax = 8;

    /// <summary>Longest JSON of an answer.</summary>
    internal const int ClaimsBytesMax = TokenReader.TokenBytesMax;

    /// <summary>What is read of an answer at most, with what frames its chunks.</summary>
    private const int ResponseBytesMax = HttpResponseReader.HeadBytesMax + (2 * ClaimsBytesMax);

    private const int ReadBytesMax = 4096;

    private readonly ConnectionTable _table = context.Table;
    private readonly Queue<(int Fd, uint Generation)> _waiting = new();
    private readonly Dictionary<int, SubRequest> _bySocket = [];
    private readonly Dictionary<int, SubRequest> _byClient = [];
    private readonly List<SubRequest> _idle = [];
    private readonly byte[] _decoded = new byte[ClaimsBytesMax];
    private BackEndUrl? _url = context.Settings.AuthUrl;

    /// <summary>Whether a request can begin, so that the loop must not sleep.</summary>
    public bool HasReady => _waiting.Count > 0 && _byClient.Count < UnderWayMax;

    /// <summary>Whether a connection's request is under way, and does not wait.</summary>
    public bool IsAsked(int fd) => _byClient.ContainsKey(fd);

    /// <summary>Asks about a connection's request; false when too many wait.</summary>
    public bool TryAsk(int fd)
    {
        if (_waiting.Count >= WaitingMax)
        {
            DropEnded();
        }

        if (_waiting.Count >= WaitingMax)
        {
            return false;
        }

        _waiting.Enqueue((fd, _table[fd].Generation));
        return true;
    }

    /// <summary>The answer about a connection does not matter any more.</summary>
    public void Abandon(int fd)
    {
        if (_byClient.TryGetValue(fd, out var asked))
        {
            End(asked);
        }
    }

    /// <summary>The settings have changed, and with them maybe who is asked from now on.</summary>
    public void OnSettings()
    {
        if (_url?.Text != context.Settings.AuthUrl?.Text)
        {
            _url = context.Settings.AuthUrl;
            while (_idle.Count > 0)
            {
                End(_idle[^1]);
            }
        }
    }

    /// <summary>Once a turn: begins requests that wait.</summary>
    public void Continue()
    {
        while (HasReady)
        {
            var (fd, generation) = _waiting.Dequeue();
            if (IsWaiting(fd, generation))
            {
                Begin(fd, mayReuse: true);
            }
        }
    }

    /// <summary>Something happened at a descriptor; false when it is none of these.</summary>
    public bool OnReady(int descriptor)
    {
        if (!_bySocket.TryGetValue(descriptor, out var asked))
        {
            return false;
        }

        if (asked.HasUnsent)
        {
            Send(asked);
        }

        if (_bySocket.ContainsKey(descriptor))
        {
            Receive(asked);
        }

        return true;
    }

    private bool IsWaiting(int fd, uint generation)
    {
        ref readonly var connection = ref _table[fd];
        return connection.Generation == generation && connection.State == ConnectionState.Authorize && !connection.Is(ConnectionFlags.ClosePending)
            && !_byClient.ContainsKey(fd);
    }

    private void DropEnded()
    {
        for (int left = _waiting.Count; left > 0; left--)
        {
            var (fd, generation) = _waiting.Dequeue();
            if (IsWaiting(fd, generation))
            {
                _waiting.Enqueue((fd, generation));
            }
        }
    }

    private void Begin(int fd, bool mayReuse)
    {
        if (_url is not { } url)
        {
            handler.OnFailed(fd, "there is nobody to ask any more");
            return;
        }

        ref readonly var connection = ref _table[fd];
        _ = HttpRequestReader.Read(_table.UnfinishedRequest(connection), out var request, out _);
        SubRequest asked;
        if (mayReuse && _idle.Count > 0)
        {
            asked = _idle[^1];
            _idle.RemoveAt(_idle.Count - 1);
        }
        else
        {
            var opened = Open(url);
            if (!opened.Ok)
            {
                handler.OnFailed(fd, SyscallException.Describe(opened.Error));
                return;
            }

            asked = new SubRequest(opened.Value);
            _bySocket.Add(asked.Socket, asked);
        }

        var forwarded = request.Header("x-forwarded-proto"u8);
        bool isToldSo = connection.Is(ConnectionFlags.Forwarded) && request.HasOne("x-forwarded-proto"u8);
        asked.Begin(
            fd, url.Path, ConnectionTable.AddressOf(connection), isToldSo ? forwarded : connection.Transport != 0 ? "https"u8 : "http"u8, request);
        _byClient.Add(fd, asked);
        Send(asked);
    }

    /// <summary>A socket that is connected, or is about to be.</summary>
    private SysResult Open(BackEndUrl url)
    {
        var address = url.Address;
        var socket = Syscall.Socket(address.Family);
        if (!socket.Ok)
        {
            return socket;
        }

        var result = Syscall.Connect(socket.Value, address);
        result = result.Ok || result.Error == Errno.EINPROGRESS ? context.Poller.Add(socket.Value, 0) : result;
        if (!result.Ok)
        {
            _ = Syscall.Close(socket.Value);
            return result;
        }

        return socket;
    }

    private void Send(SubRequest asked)
    {
        var sent = asked.Send();
        if (sent.Ok || sent.WouldBlock)
        {
            context.Poller.Watch(asked.Socket, 0, read: true, write: asked.HasUnsent);
        }
        else
        {
            Fail(asked, SyscallException.Describe(sent.Error));
        }
    }

    private void Receive(SubRequest asked)
    {
        byte* bytes = stackalloc byte[ReadBytesMax];
        while (true)
        {
            var read = Syscall.Receive(asked.Socket, bytes, ReadBytesMax);
            if (read.WouldBlock)
            {
                return;
            }

            if (asked.Client < 0)
            {
                // Nothing was asked: it has ended.
                End(asked);
                return;
            }

            if (!read.Ok)
            {
                Fail(asked, SyscallException.Describe(read.Error));
                return;
            }

            asked.Add(new ReadOnlySpan<byte>(bytes, read.Value));
            if (Take(asked, hasEnded: read.Value == 0))
            {
                return;
            }
        }
    }

    /// <summary>Looks whether an answer is whole; true when nothing more of it is awaited.</summary>
    private bool Take(SubRequest asked, bool hasEnded)
    {
        var status = HttpResponseReader.ReadHead(asked.Received, out var head);
        if (status != HttpReadStatus.Complete)
        {
            return Judge(asked, status, hasEnded);
        }

        bool isJson = head.Status < 300 && StartsWith(head.Only("content-type"u8), "application/json"u8);
        var bodyStatus = HttpResponseReader.ReadBody(head, asked.Received, hasEnded, _decoded, out var body, out int consumed);
        if (isJson && bodyStatus != HttpReadStatus.Complete)
        {
            return Judge(asked, bodyStatus, hasEnded);
        }

        int client = asked.Client;
        bool mayFollow = bodyStatus == HttpReadStatus.Complete && head.KeepsAlive && consumed == asked.Received.Length && !asked.HasUnsent && !hasEnded
            && _idle.Count < IdleMax && _url is not null;
        _ = _byClient.Remove(client);
        if (!mayFollow)
        {
            _ = _bySocket.Remove(asked.Socket);
        }

        handler.OnAnswer(client, head, isJson ? body : default);
        if (mayFollow)
        {
            asked.Rest();
            _idle.Add(asked);
        }
        else
        {
            asked.Close();
        }

        return true;
    }

    /// <summary>What there is so far of an answer is not all of it: fails when it never will be.</summary>
    private bool Judge(SubRequest asked, HttpReadStatus status, bool hasEnded)
    {
        bool isTooMuch = status == HttpReadStatus.TooLarge || asked.Received.Length > ResponseBytesMax;
        if (status == HttpReadStatus.Incomplete && !hasEnded && !isTooMuch)
        {
            return false;
        }

        Fail(asked, isTooMuch ? $"its answer is longer than {HttpResponseReader.HeadBytesMax} bytes of head and {ClaimsBytesMax} of JSON"
            : status == HttpReadStatus.Incomplete ? $"it ended the connection after {asked.Received.Length} bytes, and its answer is not whole"
            : "its answer is not HTTP (RFC 9112)");
        return true;
    }

    /// <summary>
    /// A connection that was used before may have been closed by the back end at the very moment when it was used again: another one is tried then.
    /// </summary>
    private void Fail(SubRequest asked, string why)
    {
        int client = asked.Client;
        bool isWorthAnother = asked.IsReused && asked.Received.IsEmpty;
        End(asked);
        if (client < 0)
        {
            return;
        }

        if (isWorthAnother)
        {
            Begin(client, mayReuse: false);
        }
        else
        {
            handler.OnFailed(client, why);
        }
    }

    private void End(SubRequest asked)
    {
        _ = _bySocket.Remove(asked.Socket);
        if (asked.Client >= 0)
        {
            _ = _byClient.Remove(asked.Client);
        }
        else
        {
            _ = _idle.Remove(asked);
        }

        asked.Close();
    }

    private static bool StartsWith(ReadOnlySpan<byte> text, ReadOnlySpan<byte> start) =>
        text.Length >= start.Length && Ascii.EqualsIgnoreCase(text[..start.Length], start);
}
