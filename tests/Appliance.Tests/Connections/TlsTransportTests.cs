using System.Runtime.InteropServices;
using Appliance.Connections;
using Appliance.Tests.Tls;
using Appliance.Tls;

namespace Appliance.Tests.Connections;

/// <summary>A transport of records: what goes to another process, and what stays of a connection that has gone.</summary>
public sealed class TlsTransportTests
{
    private const int Fd = 5;

    private static ReadOnlySpan<byte> Blank => new byte[TlsState.Bytes];

    /// <summary>A worker after the other has the connection, each in the middle of a record.</summary>
    [Fact]
    public void Connection_goes_on_elsewhere_in_the_middle_of_every_record()
    {
        using var scene = new RecordScene();
        using var first = new TlsTransport(16);
        using var second = new TlsTransport(16);
        byte[] state = RecordScene.BytesOf(scene.Server);
        Assert.True(first.IsState(state));
        Assert.True(second.IsState(state));
        first.Restore(Fd, state);
        var transports = (From: first, To: second);
        for (int cut = 1; cut < 60; cut++)
        {
            byte[] record = scene.SealData(ref scene.Client, [.. Enumerable.Repeat((byte)cut, 40)]);
            Assert.Equal(0, transports.From.Open(Fd, record.AsSpan(0, cut)).Length);
            state = new byte[transports.From.StateBytes(Fd)];
            Assert.Equal(TlsState.Bytes + cut, state.Length);
            transports.From.Save(Fd, state);
            transports.From.Forget(Fd);
            Assert.True(transports.To.IsState(state));
            transports.To.Restore(Fd, state);
            Assert.Equal(Enumerable.Repeat((byte)cut, 40), transports.To.Open(Fd, record.AsSpan(cut)).ToArray());

            byte[] answer = new byte[transports.To.SealedBytesMax(1)];
            int length = transports.To.Seal(Fd, [(byte)cut], answer);
            Assert.Equal([(byte)cut], scene.Open(ref scene.Client, answer.AsSpan(0, length)).Data);
            transports = (transports.To, transports.From);
        }
    }

    [Fact]
    public void Nothing_stays_of_a_connection_that_has_gone()
    {
        using var scene = new RecordScene();
        using var transport = new TlsTransport(16);
        byte[] state = RecordScene.BytesOf(scene.Server);
        Assert.True(transport.IsState(state));
        transport.Restore(Fd, [.. state, 23, 3, 3]);
        transport.Keep(Fd, "sealed"u8);
        transport.Forget(Fd);
        Assert.False(transport.HasUnsent(Fd));
        Assert.Equal(TlsState.Bytes, transport.StateBytes(Fd));
        transport.Save(Fd, state);
        Assert.Equal(Blank, state);
    }

    [Fact]
    public void State_that_cannot_go_on_is_refused()
    {
        using var scene = new RecordScene();
        using var transport = new TlsTransport(16);
        byte[] state = RecordScene.BytesOf(scene.Server);
        Assert.True(transport.IsState(Blank));
        Assert.False(transport.IsState(state.AsSpan(1)));
        Assert.False(transport.IsState([.. state, .. new byte[RecordLayer.RecordBytesMax + 1]]));
        MemoryMarshal.Write(state.AsSpan(200), (ushort)0x1305);
        Assert.False(transport.IsState(state));
    }

    [Fact]
    public void Bad_record_is_answered_by_one_alert_and_nothing_more_is_heard_or_said()
    {
        using var scene = new RecordScene();
        using var transport = new TlsTransport(16);
        Assert.True(transport.IsState(RecordScene.BytesOf(scene.Server)));
        transport.Restore(Fd, RecordScene.BytesOf(scene.Server));
        byte[] record = scene.SealData(ref scene.Client, "bad"u8);
        byte[] good = scene.SealData(ref scene.Client, "good"u8);
        record[^1] ^= 1;
        Assert.True(transport.Open(Fd, [.. record, .. good]).IsEmpty);
        Assert.Equal(PeerEnd.Broken, transport.EndOf(Fd));
        Assert.True(transport.Open(Fd, good).IsEmpty);
        Assert.False(transport.End(Fd));
        byte[] alert = transport.Unsent(Fd).ToArray();
        Assert.Equal(RecordLayer.AlertRecordBytes, alert.Length);
        Assert.Equal((TlsAlert.None, 0), Said(scene, alert));
        Assert.True(scene.Client.Is(TlsFlags.PeerHasEnded | TlsFlags.IsBroken));
    }

    [Fact]
    public void End_is_said_once_and_heard()
    {
        using var scene = new RecordScene();
        using var transport = new TlsTransport(16);
        Assert.True(transport.IsState(RecordScene.BytesOf(scene.Server)));
        transport.Restore(Fd, RecordScene.BytesOf(scene.Server));
        Assert.True(transport.End(Fd));
        Assert.False(transport.End(Fd));
        Assert.Equal((TlsAlert.None, 0), Said(scene, transport.Unsent(Fd)));
        Assert.True(scene.Client.Is(TlsFlags.PeerHasEnded));
        Assert.False(scene.Client.Is(TlsFlags.IsBroken));

        byte[] last = [.. scene.SealData(ref scene.Client, "last"u8), .. scene.Seal(ref scene.Client, RecordScene.AlertType, [1, 0])];
        Assert.Equal("last"u8, transport.Open(Fd, last));
        Assert.Equal(PeerEnd.Ended, transport.EndOf(Fd));
    }

    /// <summary>The giver has its connection back with the very number that it had, whoever has looked at its batch meanwhile.</summary>
    [Fact]
    public void Number_of_a_connection_that_comes_back_is_the_next_one()
    {
        using var scene = new RecordScene();
        using var transport = new TlsTransport(16);
        byte[] state = RecordScene.BytesOf(scene.Server);
        Assert.True(transport.IsState(state));
        transport.Restore(Fd, state);
        byte[] sealedBytes = new byte[transport.SealedBytesMax(1)];
        for (ulong number = 0; number < 20; number++)
        {
            int length = transport.Seal(Fd, "x"u8, sealedBytes);
            Assert.Equal("x"u8.ToArray(), scene.Open(ref scene.Client, sealedBytes.AsSpan(0, length)).Data);
            transport.Save(Fd, state);
            Assert.Equal(number + 1, MemoryMarshal.Read<TlsState>(state).Own.Number);
            transport.Forget(Fd);
            transport.Restore(Fd, state);
        }
    }

    private static (TlsAlert Alert, int Left) Said(RecordScene scene, ReadOnlySpan<byte> bytes)
    {
        var (_, alert, left) = scene.Open(ref scene.Client, bytes);
        return (alert, left);
    }
}
