using System.Text;
using Appliance.Connections;
using Appliance.Native;
using Appliance.Protocols.Http;

namespace Appliance.Endpoints;

/// <summary>A connection to the back end of <c>--auth ask</c>, with the request that is under way on it, if there is one.</summary>
internal sealed class SubRequest(int socket)
{
    private readonly ByteQueue _unsent = new() { IsSecret = true };
    private readonly ByteQueue _received = new() { IsSecret = true };

    /// <summary>The descriptor.</summary>
    public int Socket { get; } = socket;

    /// <summary>The connection that it asks about; -1 while it is idle.</summary>
    public int Client { get; private set; } = -1;

    /// <summary>Whether it has carried a request before: the back end may be just about to close it.</summary>
    public bool IsReused { get; private set; }

    /// <summary>Whether the kernel has not taken the whole request.</summary>
    public bool HasUnsent => _unsent.Count > 0;

    /// <summary>What has come in of the response.</summary>
    public ReadOnlySpan<byte> Received => _received.Bytes;

    /// <summary>Begins a request: what the back end needs of the client's (RFC 9110, 7.6.3 and 10), and nothing else of it.</summary>
    /// <param name="client">The connection that it asks about.</param>
    /// <param name="path">The target of the request.</param>
    /// <param name="address">The address of the client.</param>
    /// <param name="scheme">By what the client has come.</param>
    /// <param name="request">The client's request.</param>
    public void Begin(int client, string path, string address, ReadOnlySpan<byte> scheme, in HttpRequest request)
    {
        Client = client;
        Write("GET "u8, Encoding.ASCII.GetBytes(path), " HTTP/1.1\r\nX-Original-URI: "u8);
        Write(request.Path, request.Query.IsEmpty ? default : "?"u8, request.Query);
        Write("\r\nX-Original-Method: "u8, request.Method, "\r\nX-Forwarded-For: "u8);
        Write(Encoding.ASCII.GetBytes(address), "\r\nX-Forwarded-Proto: "u8, scheme);
        Write("\r\nAccept: application/json\r\nConnection: keep-alive\r\n"u8, default, default);
        foreach (var header in request.Headers)
        {
            bool isPassedOn = header.Is("host"u8) || header.Is("origin"u8) || header.Is("cookie"u8) || header.Is("authorization"u8)
                || header.Is("user-agent"u8) || header.Is("accept-language"u8) || header.Is("sec-websocket-protocol"u8);
            if (isPassedOn)
            {
                Write(header.Name, ": "u8, header.Value);
                Write("\r\n"u8, default, default);
            }
        }

        Write("\r\n"u8, default, default);
    }

    /// <summary>Sends what the kernel takes; a call that fails, or would wait.</summary>
    public unsafe SysResult Send()
    {
        while (_unsent.Count > 0)
        {
            var sent = Syscall.Send(Socket, _unsent.Address, _unsent.Count, 0);
            if (!sent.Ok)
            {
                return sent;
            }

            _unsent.Consume(sent.Value);
        }

        return default;
    }

    /// <summary>Adds to what has come in.</summary>
    public void Add(ReadOnlySpan<byte> bytes) => _received.Append(bytes);

    /// <summary>The response is whole: another request may follow.</summary>
    public void Rest()
    {
        Client = -1;
        IsReused = true;
        _received.Clear();
    }

    /// <summary>Ends it.</summary>
    public void Close()
    {
        _unsent.Clear();
        _received.Clear();
        _ = Syscall.Close(Socket);
    }

    private void Write(ReadOnlySpan<byte> first, ReadOnlySpan<byte> second, ReadOnlySpan<byte> third)
    {
        _unsent.Append(first);
        _unsent.Append(second);
        _unsent.Append(third);
    }
}
