using System.Net;
using System.Net.Sockets;
using System.Text;

namespace Appliance.SystemTests.Harness;

/// <summary>A client that follows one room through everything, coming again and again, and checks that it misses and repeats nothing.</summary>
public sealed class StormClient(IPEndPoint address, string room)
{
    private static readonly TimeSpan Retry = TimeSpan.FromMilliseconds(50);

    private RawClient? _raw;
    private int _granted;
    private int _used;
    private int _usedOnceBack;
    private volatile bool _restarts;
    private volatile bool _away;

    /// <summary>Its room.</summary>
    public string Room { get; } = room;

    /// <summary>Id of the last message that it has got; 0 for none.</summary>
    public long LastId { get; private set; }

    /// <summary>Messages that it has got.</summary>
    public int Received { get; private set; }

    /// <summary>How often its connection has ended.</summary>
    public int Ends { get; private set; }

    /// <summary>What was wrong; null for nothing.</summary>
    public string? Fault { get; private set; }

    /// <summary>Inode of the server's end of its connection.</summary>
    public uint? Inode => Fault is null && _raw is { } raw ? SocketDiagnostics.Inode(raw.RemoteAddress, raw.LocalAddress) : null;

    /// <summary>Its connection may end, until it is back: its worker is killed, or the server stops.</summary>
    public void Grant() => _ = Interlocked.Increment(ref _granted);

    /// <summary>From now on its connection may end however often.</summary>
    public void BeginRestart() => _restarts = true;

    /// <summary>Whether a server has its connection.</summary>
    public bool IsBack => !_away && Inode > 0;

    /// <summary>From now on it may not end any more.</summary>
    public void EndRestart() => _restarts = false;

    /// <summary>Joins the room for the first time.</summary>
    public async Task OpenAsync() => _raw = await JoinAsync("history=0");

    /// <summary>Says something, if it is there at the moment; false when it is not.</summary>
    public async Task<bool> SayAsync(string message)
    {
        try
        {
            await (_raw ?? throw new EndOfStreamException()).SendAsync(ClientFrame.Text(ChatClient.Json(message)));
            return true;
        }
        catch (Exception e) when (e is SocketException or EndOfStreamException or ObjectDisposedException)
        {
            return false;
        }
    }

    /// <summary>Reads all that comes, until it is enough or something is wrong.</summary>
    public async Task FollowAsync(CancellationToken enough)
    {
        try
        {
            while (Fault is null && !enough.IsCancellationRequested)
            {
                await ReadAsync(enough);
            }
        }
        catch (OperationCanceledException) when (enough.IsCancellationRequested)
        {
            // That was all.
        }
        catch (Exception e) when (e is TimeoutException or InvalidDataException)
        {
            Fault = enough.IsCancellationRequested ? null : $"{LastId}: {e.Message}";
        }
        finally
        {
            await (_raw?.DisposeAsync() ?? ValueTask.CompletedTask);
        }
    }

    private async Task ReadAsync(CancellationToken enough)
    {
        try
        {
            var frame = await _raw!.ReadFrameAsync().WaitAsync(enough);
            if (frame.Opcode == Opcode.Text)
            {
                Take(frame.Text);
            }
            else if (frame.Opcode == Opcode.Close)
            {
                await ComeAgainAsync($"close {frame.CloseCode} {Encoding.UTF8.GetString(frame.Payload.AsSpan(2))}", enough);
            }
        }
        catch (EndOfStreamException e)
        {
            await ComeAgainAsync(e.Message, enough);
        }
    }

    /// <summary>Ids of a room grow by one.</summary>
    private void Take(string json)
    {
        const string Field = "\"id\":\"";
        var at = json.IndexOf(Field, StringComparison.Ordinal);
        var id = at < 0 ? 0 : long.Parse(json.AsSpan(at + Field.Length, 16), System.Globalization.CultureInfo.InvariantCulture);
        if (id == 0 || (LastId != 0 && id != LastId + 1))
        {
            Fault = $"behind {LastId} came {json}";
        }

        LastId = id;
        Received++;
        _used = _usedOnceBack;
    }

    private async Task ComeAgainAsync(string why, CancellationToken enough)
    {
        _away = true;
        Ends++;
        if (!_restarts && Volatile.Read(ref _granted) == _used)
        {
            Fault = $"{LastId}: cut off, though its worker was not killed: {why}";
            return;
        }

        var former = _raw;
        while (true)
        {
            try
            {
                _usedOnceBack = Volatile.Read(ref _granted);
                _raw = await JoinAsync(LastId == 0 ? "history=10000" : $"after={LastId}");
                await (former?.DisposeAsync() ?? ValueTask.CompletedTask);
                _away = false;
                return;
            }
            catch (Exception e) when (e is SocketException or EndOfStreamException)
            {
                await Task.Delay(Retry, enough);
            }
        }
    }

    private async Task<RawClient> JoinAsync(string query)
    {
        var raw = await RawClient.ConnectAsync(address);
        _ = await raw.UpgradeAsync($"/?room={Room}&{query}");
        return raw;
    }
}
