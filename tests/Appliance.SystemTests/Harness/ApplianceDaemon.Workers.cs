using System.Globalization;
using System.Text.RegularExpressions;

namespace Appliance.SystemTests.Harness;

/// <summary>Workers of the daemon, and clients that come to one of them.</summary>
public sealed partial class ApplianceDaemon
{
    /// <summary>The worker of each slot that has one.</summary>
    public IReadOnlyDictionary<int, ProcessStatus> Workers()
    {
        var workers = new Dictionary<int, ProcessStatus>();
        foreach (var child in Master.Children())
        {
            try
            {
                var name = Regex.Match(child.Arguments[0], "^appliance: worker (?<slot>[0-9]+)$", RegexOptions.ExplicitCapture, RegexLimit);
                if (name.Success)
                {
                    workers[int.Parse(name.Groups["slot"].Value, CultureInfo.InvariantCulture)] = child;
                }
            }
            catch (IOException)
            {
                // Ended meanwhile.
            }
        }

        return workers;
    }

    /// <summary>One of the workers, as soon as there is one: a master that has just begun in an upgrade, or whose only worker died, has none.</summary>
    public async Task<ProcessStatus> AnyWorkerAsync(Random random)
    {
        ProcessStatus[] workers = [];
        await WaitUntilAsync("a worker", () => (workers = [.. Workers().Values]).Length > 0);
        return workers[random.Next(workers.Length)];
    }

    /// <summary>Joins a room through whatever worker the kernel picks.</summary>
    public async Task<ChatClient> JoinAsync(string query = "")
    {
        var raw = await RawClient.ConnectAsync(Address);
        _ = await raw.UpgradeAsync("/?" + query);
        return ChatClient.Over(raw);
    }

    /// <summary>Joins a room through the worker of a slot: connections that the kernel gives to another one are given up.</summary>
    public async Task<ChatClient> JoinWorkerAsync(int slot, string query = "")
    {
        using var limit = new CancellationTokenSource(TimeLimit.Event);
        while (true)
        {
            limit.Token.ThrowIfCancellationRequested();
            var raw = await RawClient.ConnectAsync(Address);
            if (await WorkerOfAsync(raw) == slot)
            {
                _ = await raw.UpgradeAsync("/?" + query);
                return ChatClient.Over(raw);
            }

            await raw.DisposeAsync();
        }
    }

    /// <summary>The slot of the worker that has taken a connection; -1 when the connection was lost.</summary>
    public async Task<int> WorkerOfAsync(RawClient client)
    {
        var slot = -1;
        await WaitUntilAsync("a worker to take the connection", () =>
        {
            var inode = SocketDiagnostics.Inode(client.RemoteAddress, client.LocalAddress);
            slot = inode is null or 0 ? -1 : SlotOf($"socket:[{inode}]");
            return slot >= 0 || inode is null;
        });
        return slot;
    }

    private int SlotOf(string socket)
    {
        foreach (var (slot, worker) in Workers())
        {
            try
            {
                if (worker.Descriptors.Values.Contains(socket))
                {
                    return slot;
                }
            }
            catch (IOException)
            {
                // Ended meanwhile.
            }
        }

        return -1;
    }
}
