using System.Text;
using Appliance.Logging;
using Appliance.Loop;
using Appliance.Metrics;
using Appliance.Native;
using Appliance.Protocols.Http;

namespace Appliance.Monitoring;

/// <summary>
/// The monitoring port: HTTP and the protocol of a Zabbix agent, told apart by the first byte. Connections, their buffers and their
/// time are bounded; when all places are taken, the one that has waited longest makes room, so that who asks now is answered.
/// </summary>
public sealed unsafe class MonitorServer : IDisposable
{
    /// <summary>Connections at a time; each may hold a buffer of 16 KiB.</summary>
    public const int ConnectionsMax = 512;

    private const int AcceptsMax = 64;
    private const int AskMs = 10_000;
    private const int AnswerMs = 30_000;
    private const int KeepAliveMs = 60_000;
    private const int LingerMs = 2000;

    private readonly ListenSocket _listener;
    private readonly Poller _poller;
    private readonly LoopClock _clock;
    private readonly Responses _responses;
    private readonly Func<ServedHosts> _hosts;
    private readonly EventLog _log;
    private readonly LineLimit _refused;
    private readonly Dictionary<int, MonitorConnection> _connections = [];
    private uint _generation;
    private bool _pausesAccepting;

    /// <summary>Serves a listening socket.</summary>
    /// <param name="listener">The socket, which stays the caller's.</param>
    /// <param name="poller">What the thread waits for.</param>
    /// <param name="clock">The thread's time.</param>
    /// <param name="responses">The answers.</param>
    /// <param name="hosts">By which hosts it may be asked now.</param>
    /// <param name="log">The log.</param>
    public MonitorServer(ListenSocket listener, Poller poller, LoopClock clock, Responses responses, Func<ServedHosts> hosts, EventLog log)
    {
        (_hosts, _log, _refused) = (hosts, log, new LineLimit(log, EventCatalogue.HostRefusedMore));
        _listener = listener;
        _poller = poller;
        _clock = clock;
        _responses = responses;
        _ = _poller.Add(listener.Descriptor, 0).OrThrow("epoll_ctl");
    }

    /// <summary>Connections now.</summary>
    public int ConnectionCount => _connections.Count;

    /// <summary>Something happened to the listening socket or to a connection.</summary>
    public void OnEvent(in PollEvent happened)
    {
        if (happened.Descriptor == _listener.Descriptor)
        {
            Accept();
        }
        else if (_connections.TryGetValue(happened.Descriptor, out var connection) && connection.Generation == happened.Generation)
        {
            if (happened.Writable && connection.State == MonitorState.Answering)
            {
                Send(connection);
                Understand(connection);
            }
            else if (happened.Readable)
            {
                Receive(connection);
            }
        }
    }

    /// <summary>Closes whose time is over, and takes connections again after a pause; once a second.</summary>
    public void OnTick()
    {
        _refused.TellSum(_clock.NowMs);
        if (_pausesAccepting)
        {
            _pausesAccepting = !_poller.Add(_listener.Descriptor, 0).Ok;
        }

        foreach (var connection in _connections.Values.Where(connection => _clock.NowMs >= connection.DeadlineMs).ToArray())
        {
            bool isSlowQuestion = connection.State == MonitorState.Asking && (!connection.IsAnswered || connection.InputLength > 0);
            if (isSlowQuestion)
            {
                byte[] response = HttpResponse.Refuse(408, $"no whole request within {AskMs / 1000} seconds");
                bool isHead = HttpRequestReader.IsHead(connection.Input);
                Answer(connection, response.AsMemory(0, isHead ? HttpResponse.HeadLength(response) : response.Length), closes: true);
            }
            else
            {
                Close(connection);
            }
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (var connection in _connections.Values.ToArray())
        {
            Close(connection);
        }

        _poller.Remove(_listener.Descriptor);
    }

    private void Accept()
    {
        for (int i = 0; i < AcceptsMax; i++)
        {
            var accepted = Syscall.Accept(_listener.Descriptor, out _);
            if (accepted.Ok)
            {
                Open(accepted.Value);
            }
            else if (accepted.Error is Errno.EMFILE or Errno.ENFILE or Errno.ENOBUFS or Errno.ENOMEM)
            {
                _poller.Remove(_listener.Descriptor);
                _pausesAccepting = true;
                return;
            }
            else if (accepted.WouldBlock)
            {
                return;
            }
        }
    }

    private void Open(int fd)
    {
        if (_connections.Count >= ConnectionsMax)
        {
            Close(_connections.Values.MinBy(connection => (connection.State == MonitorState.Asking ? 0L : AnswerMs) + connection.DeadlineMs)!);
        }

        _generation = _generation == uint.MaxValue ? 1 : _generation + 1;
        if (!_poller.Add(fd, _generation).Ok)
        {
            _ = Syscall.Close(fd);
            return;
        }

        _connections[fd] = new MonitorConnection(fd, _generation) { DeadlineMs = _clock.NowMs + AskMs };
    }

    private void Receive(MonitorConnection connection)
    {
        SysResult received;
        fixed (byte* free = connection.Free)
        {
            received = Syscall.Receive(connection.Descriptor, free, connection.Free.Length);
        }

        if (received.WouldBlock)
        {
            return;
        }

        if (!received.Ok || received.Value == 0)
        {
            Close(connection);
            return;
        }

        if (connection.State == MonitorState.Lingering)
        {
            return;
        }

        if (connection.InputLength == 0)
        {
            connection.DeadlineMs = _clock.NowMs + AskMs;
        }

        connection.Received(received.Value);
        Understand(connection);
    }

    /// <summary>Answers the questions that are there, one after the other: the next when the client has taken the answer.</summary>
    private void Understand(MonitorConnection connection)
    {
        while (connection.State == MonitorState.Asking && connection.InputLength > 0)
        {
            switch (ZabbixProtocol.Read(connection.Input, out string key))
            {
                case ZabbixReadStatus.Complete:
                    bool isSupported = ZabbixItems.TryGet(_responses.Sample!, key, out string value);
                    Answer(connection, ZabbixProtocol.Answer(isSupported, value), closes: true);
                    return;
                case ZabbixReadStatus.Incomplete:
                    return;
                case ZabbixReadStatus.Malformed:
                    Answer(connection, ZabbixProtocol.Answer(isSupported: false, "Unsupported item key."), closes: true);
                    return;
                case ZabbixReadStatus.Other:
                    if (!TryAnswerHttp(connection))
                    {
                        return;
                    }

                    break;
                default:
                    throw new System.Diagnostics.UnreachableException();
            }
        }
    }

    /// <summary>Answers a request of HTTP; false when it is not whole yet.</summary>
    private bool TryAnswerHttp(MonitorConnection connection)
    {
        var status = HttpRequestReader.Read(connection.Input, out var request, out int consumed);
        if (status == HttpReadStatus.Incomplete)
        {
            return false;
        }

        bool isHead = HttpRequestReader.IsHead(connection.Input);
        byte[] response = Respond(status, request, out bool closes);
        connection.Consume(consumed);
        Answer(connection, response.AsMemory(0, isHead ? HttpResponse.HeadLength(response) : response.Length), closes);
        return true;
    }

    private byte[] Respond(HttpReadStatus status, in HttpRequest request, out bool closes)
    {
        closes = true;
        var refusal = HttpGate.Check(status, request);
        refusal = refusal == HttpRefusal.None ? HttpGate.CheckHost(request, _hosts()) : refusal;
        refusal = refusal == HttpRefusal.None ? HttpGate.CheckPage(request) : refusal;
        if (refusal == HttpRefusal.ForeignHost && _refused.TryTake(_clock.NowMs))
        {
            _log.Write(EventCatalogue.HostRefused, Encoding.ASCII.GetString(request.Header("host"u8)));
        }

        if (refusal != HttpRefusal.None)
        {
            string words = refusal == HttpRefusal.Malformed ? "this is neither a request of HTTP/1.1 nor a key of Zabbix" : HttpGate.WordsOf(refusal);
            return HttpResponse.Refuse(HttpGate.StatusOf(refusal), words, refusal == HttpRefusal.Method ? HttpGate.Allow : "");
        }

        if ((HttpGate.IsOptions(request) ? HttpResponse.Options : _responses.Find(Encoding.Latin1.GetString(request.Path), request)) is { } response)
        {
            closes = !request.KeepsAlive;
            return closes ? HttpResponse.Closing(response) : response;
        }

        return HttpResponse.Refuse(404, "there is nothing here; /metrics, /nagios, /status, /healthz, /readyz and a page at / are");
    }

    private void Answer(MonitorConnection connection, ReadOnlyMemory<byte> answer, bool closes)
    {
        connection.Answer = answer;
        connection.ClosesBehind = closes;
        connection.State = MonitorState.Answering;
        connection.DeadlineMs = _clock.NowMs + AnswerMs;
        Send(connection);
    }

    private void Send(MonitorConnection connection)
    {
        SysResult sent;
        fixed (byte* bytes = connection.Answer.Span)
        {
            sent = Syscall.Send(connection.Descriptor, bytes, connection.Answer.Length, 0);
        }

        if (!sent.Ok && !sent.WouldBlock)
        {
            Close(connection);
            return;
        }

        connection.Answer = connection.Answer[(sent.Ok ? sent.Value : 0)..];
        if (!connection.Answer.IsEmpty)
        {
            _poller.Watch(connection.Descriptor, connection.Generation, read: false, write: true);
            return;
        }

        connection.IsAnswered = true;
        _poller.Watch(connection.Descriptor, connection.Generation, read: true, write: false);
        if (connection.ClosesBehind)
        {
            connection.Dispose();
            connection.State = MonitorState.Lingering;
            connection.DeadlineMs = _clock.NowMs + LingerMs;
            _ = Syscall.Shutdown(connection.Descriptor, Syscall.SHUT_WR);
            return;
        }

        connection.State = MonitorState.Asking;
        connection.DeadlineMs = _clock.NowMs + (connection.InputLength > 0 ? AskMs : KeepAliveMs);
    }

    private void Close(MonitorConnection connection)
    {
        if (_connections.Remove(connection.Descriptor))
        {
            connection.Dispose();
            _ = Syscall.Close(connection.Descriptor);
        }
    }
}
