using System.Globalization;
using System.Net;
using System.Net.Sockets;
using Appliance.SystemTests.Harness;

namespace Appliance.SystemTests;

/// <summary>That the harness sees what other tests rely on it to see.</summary>
[Trait(TestEngine.Name, TestEngine.Any)]
public sealed class HarnessTests
{
    [Fact]
    public async Task Unread_bytes_of_a_socket_are_seen()
    {
        using var listener = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        listener.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        listener.Listen();
        using var client = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        await client.ConnectAsync(listener.LocalEndPoint!);
        using var server = await listener.AcceptAsync();
        var (local, remote) = ((IPEndPoint)server.LocalEndPoint!, (IPEndPoint)server.RemoteEndPoint!);
        Assert.Equal(0, SocketDiagnostics.UnreadBytes(local, remote));

        _ = await client.SendAsync(new byte[5]);
        Assert.True(SpinWait.SpinUntil(() => SocketDiagnostics.UnreadBytes(local, remote) == 5, TimeLimit.Event), "5 unread bytes are not seen");
        _ = await server.ReceiveAsync(new byte[5]);
        Assert.Equal(0, SocketDiagnostics.UnreadBytes(local, remote));
    }

    [Theory]
    [InlineData("C100", "a reserved bit")]
    [InlineData("8180", "masked")]
    [InlineData("8300", "a reserved opcode")]
    [InlineData("0900", "a fragmented ping")]
    [InlineData("817E0001", "a length not minimal")]
    [InlineData("880161", "a close frame of 1 byte")]
    public void Bad_frames_of_a_server_are_seen(string bytes, string why) =>
        Assert.ThrowsAny<InvalidDataException>(() => Assert.True(ServerFrame.TryParse(Convert.FromHexString(bytes), out _) < 0, why));

    [Fact]
    public async Task Objects_that_are_left_behind_are_seen()
    {
        await using var server = await ApplianceServer.StartAsync();
        var segment = Assert.Single(await SystemVObjects.OfDirectoryAsync(server.StateDirectory), one => one.Kind == "shm");
        Assert.Equal(segment, Assert.Single(SystemVObjects.CreatedBy([server.Pid])));
    }

    [Fact]
    public async Task What_a_test_starts_gets_its_signals_even_under_nohup()
    {
        const long FromHangupToTermination = 0b0100_1010_0000_0111; // HUP, INT, QUIT, USR1, USR2, TERM
        var status = await CommandResult.RunAsync("sh", "-c", "sed -n 's/^SigIgn:[[:space:]]*//p' /proc/$$/status");
        Assert.Equal(
            0, long.Parse(status.Output, NumberStyles.HexNumber | NumberStyles.AllowTrailingWhite, CultureInfo.InvariantCulture) & FromHangupToTermination);
    }
}
