using System.Text.RegularExpressions;
using Appliance.Connections;
using Appliance.Delivery;
using Appliance.Moving;
using Appliance.Native;
using Appliance.Rooms;
using Appliance.Tests.Connections;
using Appliance.Tests.Delivery;
using Appliance.Tests.Rooms;
using Appliance.Tests.Tls;

namespace Appliance.Tests;

/// <summary>
/// Each invariant can fire: a row breaks one thing, or several that another invariant would not see first, and the worker's own code finds it.
/// Names of the rows and of the sources are the same, so none is without a proof.
/// </summary>
public sealed unsafe class InvariantTests
{
    private const int FrameBytes = InvariantScene.FrameBytes;

    private static readonly Regex NameInSource = new(
        """(Invariant\.Hold|HoldLocked)\((?<condition>[^"{;]*)"(?<name>[^"]+)",""", RegexOptions.ExplicitCapture, TimeSpan.FromSeconds(5));

    private static readonly Dictionary<string, Action<InvariantScene>> Rows = new(StringComparer.Ordinal)
    {
        // Connections/
        ["free object against holder"] = static scene =>
        {
            var pool = new Pool<object>();
            InvariantScene.Hidden<Stack<int>>(pool, "_free").Push(pool.Borrow(7));
            _ = pool.Borrow(8);
        },
        ["returned object against holder"] = static scene =>
        {
            var pool = new Pool<object>();
            pool.Return(pool.Borrow(7), 8);
        },
        ["bytes taken against bytes queued"] = scene =>
        {
            scene.Table.OutboxOf(scene.Fd).Append("abc"u8);
            scene.Table.OutboxOf(scene.Fd).Consume(4);
        },
        ["closed descriptor against table"] = scene => scene.Table.Close(scene.Table.Capacity - 1),
        ["waiting list against its links"] = scene =>
        {
            scene.Table[scene.Waiting].Neighbours = (scene.Fd, -1);
            scene.Audit();
        },
        ["close list against flag"] = scene =>
        {
            scene.Table.MarkForClose(scene.Fd);
            scene.Client.Set(ConnectionFlags.ClosePending, false);
            scene.Table.HoldPendingClose(scene.Fd);
        },
        ["close flag against list"] = scene => AfterAudit(scene, () => scene.Client.Set(ConnectionFlags.ClosePending, true)),
        ["flush flag against list"] = scene => AfterAudit(scene, () => scene.Client.Set(ConnectionFlags.FlushQueued, true)),
        ["connection against generation"] = scene => AfterAudit(scene, () => scene.Client.Generation = 0),
        ["connection count against table"] = scene => AfterAudit(scene, () => scene.Client.State = ConnectionState.None),
        ["waiting count against table"] = scene => AfterAudit(scene, () => scene.Table[scene.Waiting].MemberIndex = Connection.NoMember),
        ["blocked count against flags"] = scene => AfterAudit(scene, () => scene.Client.Set(ConnectionFlags.Blocked, true)),
        ["outbox against holder"] = scene => AfterAudit(scene, () => scene.Client.Outbox = 5),
        ["request against holder"] = scene => AfterAudit(scene, () =>
        {
            _ = scene.Table.HeadOf(ref scene.Table[scene.Other]);
            scene.Client.Head = scene.Table[scene.Other].Head;
        }),
        ["reader against holder"] = scene => AfterAudit(scene, () => scene.Client.Reader = -1),

        // Delivery/
        ["newcomer against list"] = scene => scene.Rooms.Attach(scene.Fd),
        ["member index against list"] = scene =>
        {
            scene.Client.MemberIndex = scene.Table[scene.Other].MemberIndex;
            scene.Rooms.Leave(scene.Fd);
        },
        ["served member against list"] = scene =>
        {
            scene.Client.MemberIndex = scene.Table[scene.Other].MemberIndex;
            scene.Say();
            scene.EndTurn();
        },
        ["served end against end of log"] = scene =>
        {
            scene.Say();
            scene.Rooms.Append();
            InvariantScene.Hidden<Queue<(LogEnd End, long SinceNs)>>(scene.Audience, "_waiting").Clear();
            scene.Delivery.Deliver();
        },
        ["dirty list against room"] = scene =>
        {
            scene.Rooms.Dirty.Enqueue(scene.Audience);
            scene.Delivery.Deliver();
        },
        ["dirty room against list"] = scene => AfterAudit(scene, () =>
        {
            scene.Say();
            scene.Rooms.Append();
            scene.Rooms.Dirty.Clear();
        }),
        ["member against views"] = scene => AfterAudit(scene, () => scene.Client.View = 1),
        ["sealed bytes against memory"] = static _ =>
        {
            using var streams = new StreamScene(() => new CountedTransport { SealedBytesMin = 1 << 20 });
            streams.Join(0, transport: 1);
            streams.Say(1);
            streams.Deliver(0);
        },
        ["pending batch against list"] = scene => AfterAudit(scene, () => scene.Lobby.Batch = new RecordBatch()),
        ["room of members against directory"] = scene => AfterAudit(
            scene, () => *(ulong*)(StateDirectory.BaseOf(scene.Log) + scene.Log.Layout.DirectoryOffset) = 7),
        ["counted members against list"] = scene => AfterAudit(scene, () => scene.Ring.CountMember(new(0), -1)),
        ["chat client against members"] = scene => AfterAudit(scene, () => scene.Client.MemberIndex = Connection.NoMember),
        ["member against rooms"] = scene => AfterAudit(scene, () => scene.Client.Room = 1),
        ["cursor against head"] = scene => AfterAudit(scene, () => scene.Client.Position++),
        ["cursor against what was served"] = scene => AfterAudit(scene, () => scene.Client.Position--),

        // Rooms/
        ["positions and ids of a room"] = scene =>
        {
            scene.Header->Head = -1;
            _ = scene.Ring.BoundaryFrom(0);
        },
        ["tail against head"] = scene =>
        {
            scene.Header->Tail = scene.Header->Head + 1;
            _ = scene.Ring.TailBefore(scene.Ring.Head);
        },
        ["end of log against ring"] = scene =>
        {
            scene.Say();
            scene.Rooms.Append();
            scene.Header->Head += RoomLogLayout.RingBytesMin;
            scene.Delivery.Deliver();
        },
        ["newest record against head"] = scene =>
        {
            scene.Header->Head = scene.Header->Tail;
            scene.Append();
        },
        ["record length against index"] = scene => scene.Append(lengthSaid: RoomLogLayout.RecordBytesMin - 1),
        ["batch bytes against records"] = scene => scene.Append(lengthSaid: FrameBytes - 1),
        ["record numbers against index"] = scene =>
        {
            scene.Header->FirstId -= RoomLogLayout.RingBytesMin / RoomLogLayout.RecordBytesMin;
            scene.Append();
        },
        ["new tail against log"] = scene =>
        {
            scene.Append(500);
            scene.Ring.IndexOf(scene.Header->FirstId + 1) = long.MaxValue;
            scene.Append(RoomLogLayout.RingBytesMin / FrameBytes);
        },
        ["room names against directory"] = scene =>
        {
            _ = scene.Log.Join("a"u8, new(0), StateDirectory.UnixMs, StateDirectory.UnixMs, out int slot);
            ((ulong*)(StateDirectory.BaseOf(scene.Log) + scene.Log.Layout.DirectoryOffset))[slot] ^= 0x10;
            _ = scene.Log.Join("a"u8, new(0), StateDirectory.UnixMs, StateDirectory.UnixMs, out _);
        },
        ["follower cursor against head"] = scene =>
            (RoomCursor.AtOldest(scene.Ring) with { Position = scene.Ring.Head + 1 }).HoldBelowHead(scene.Log, 0),
        ["figures against their writer"] = scene =>
        {
            scene.Log.Worker(new(0)).Sequence = 3;
            Scoreboard.EndTurn(scene.Log, new(0), default, 0, 0, 0);
        },
        ["slot against process"] = scene =>
        {
            _ = Scoreboard.Begin(scene.Log, new(0), Environment.ProcessId, StateDirectory.UnixMs);
            Scoreboard.HoldOwner(scene.Log, new(0));
            scene.Log.Worker(new(0)).Pid++;
            Scoreboard.HoldOwner(scene.Log, new(0));
        },

        // Tls/
        ["record to seal against libcrypto"] = static _ =>
        {
            using var records = new RecordScene();
            records.Server.Suite = 1;
            records.Seal(ref records.Server, RecordScene.DataType, "a"u8);
        },

        // Moving/
        ["packed connection against close list"] = scene =>
        {
            scene.Table.MarkForClose(scene.Fd);
            scene.Worker.Packing.Pack(new HandoverBatch(), scene.Fd);
        },
        ["packed batch against what its taker demands"] = scene =>
        {
            var batch = new HandoverBatch();
            scene.Worker.Packing.Pack(batch, scene.Fd);
            batch.Records[0].HeadBytes = 1;
            _ = batch.Send(scene.Other);
        },
        ["unpacked bytes against batch"] = scene =>
        {
            var batch = new HandoverBatch();
            _ = batch.Lend(1);
            scene.Worker.Packing.Unpack(batch);
        },
    };

    public static TheoryData<string> Names => [.. Rows.Keys];

    [Theory]
    [MemberData(nameof(Names))]
    public void Broken_invariant_names_itself_and_its_values(string name)
    {
        using var scene = new InvariantScene();
        var broken = Assert.Throws<InvariantException>(() => Rows[name](scene));
        Assert.Equal(name, broken.Name);
        Assert.NotEmpty(broken.Values);
        Assert.Equal($"invariant '{name}' does not hold: {broken.Values}", broken.Message);
    }

    [Fact]
    public void Every_invariant_of_the_sources_has_a_row()
    {
        var names = SourceTree.Files.SelectMany(file => NameInSource.Matches(string.Join('\n', SourceTree.Lines(file))))
            .Select(match => match.Groups["name"].Value);
        Assert.Equal(Rows.Keys.Order(StringComparer.Ordinal), names.Order(StringComparer.Ordinal));
    }

    /// <summary>Whatever comes and goes while the table is counted, the count is right; and nothing is written down while all holds.</summary>
    [Fact]
    public void Sound_worker_is_audited_without_a_complaint_and_without_memory()
    {
        using var scene = new InvariantScene();
        var random = new Random(1);
        List<int> opened = [];
        for (int i = 0; i < 2_000; i++)
        {
            if (opened.Count < 20 && random.Next(2) == 0)
            {
                opened.Add(scene.Open());
            }
            else if (opened.Count > 0)
            {
                int at = random.Next(opened.Count);
                scene.Table.SetBlocked(ref scene.Table[opened[at]], true);
                if (random.Next(2) == 0)
                {
                    scene.Table.Admit(opened[at]);
                }

                scene.Table.Close(opened[at]);
                opened.RemoveAt(at);
            }

            _ = scene.Table.AuditNext();
        }

        scene.Audit();
        long before = GC.GetAllocatedBytesForCurrentThread();
        scene.Audit();
        Assert.Equal(before, GC.GetAllocatedBytesForCurrentThread());
    }

    /// <summary>Breaks something of a worker that was found sound, and looks again.</summary>
    private static void AfterAudit(InvariantScene scene, Action damage)
    {
        scene.Audit();
        damage();
        scene.Audit();
    }
}
