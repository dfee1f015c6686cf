using System.Buffers.Binary;
using System.Net;
using System.Runtime.InteropServices;

namespace Appliance.SystemTests.Harness;

/// <summary>What the kernel tells of any TCP socket of the host by <c>sock_diag(7)</c>.</summary>
public static partial class SocketDiagnostics
{
    private const int MessageHeaderBytes = 16;
    private const int SocketIdBytes = 48;
    private const int RequestBytes = MessageHeaderBytes + 8 + SocketIdBytes;
    private const int StateOffset = MessageHeaderBytes + 1;
    private const int ReceiveQueueOffset = MessageHeaderBytes + 4 + SocketIdBytes + 4;
    private const int InodeOffset = ReceiveQueueOffset + 12;
    private const byte Established = 1;
    private const ushort SockDiagByFamily = 20;

    /// <summary>Bytes that the owner of the IPv4 socket from <paramref name="local"/> to <paramref name="remote"/> has not read; 0 if there is none.</summary>
    public static int UnreadBytes(IPEndPoint local, IPEndPoint remote) =>
        Ask(local, remote) is { } answer ? BinaryPrimitives.ReadInt32LittleEndian(answer.AsSpan(ReceiveQueueOffset)) : 0;

    /// <summary>Bytes that this socket has not got rid of: its peer has not taken them; 0 if there is none.</summary>
    public static int UnsentBytes(IPEndPoint local, IPEndPoint remote) =>
        Ask(local, remote) is { } answer ? BinaryPrimitives.ReadInt32LittleEndian(answer.AsSpan(ReceiveQueueOffset + 4)) : 0;

    /// <summary>Inode of that socket, as <c>/proc/PID/fd</c> shows it; 0 while nobody has accepted it, null if it is not connected (any more).</summary>
    public static uint? Inode(IPEndPoint local, IPEndPoint remote) =>
        Ask(local, remote) is { } answer && answer[StateOffset] == Established ? BinaryPrimitives.ReadUInt32LittleEndian(answer.AsSpan(InodeOffset)) : null;

    /// <summary>The answer about one socket; null if there is none.</summary>
    private static byte[]? Ask(IPEndPoint local, IPEndPoint remote)
    {
        var netlink = Libc.socket(Libc.AF_NETLINK, Libc.SOCK_RAW, Libc.NETLINK_SOCK_DIAG);
        Assert.True(netlink >= 0, $"socket(AF_NETLINK): errno {Marshal.GetLastPInvokeError()}");
        try
        {
            var request = Request(local, remote);
            Assert.Equal(request.Length, Libc.send(netlink, request, request.Length, 0));
            var reply = new byte[4096];
            var received = Libc.recv(netlink, reply, reply.Length, 0);
            var isSocket = received >= InodeOffset + 4 && BinaryPrimitives.ReadUInt16LittleEndian(reply.AsSpan(4)) == SockDiagByFamily;
            return isSocket ? reply : null;
        }
        finally
        {
            _ = Libc.close(netlink);
        }
    }

    /// <summary>A netlink header with an <c>inet_diag_req_v2</c> that names one socket.</summary>
    private static byte[] Request(IPEndPoint local, IPEndPoint remote)
    {
        const ushort NlmRequest = 1;
        const byte TcpProtocol = 6;
        var request = new byte[RequestBytes];
        BinaryPrimitives.WriteInt32LittleEndian(request, RequestBytes);
        BinaryPrimitives.WriteUInt16LittleEndian(request.AsSpan(4), SockDiagByFamily);
        BinaryPrimitives.WriteUInt16LittleEndian(request.AsSpan(6), NlmRequest);
        request[MessageHeaderBytes] = Libc.AF_INET;
        request[MessageHeaderBytes + 1] = TcpProtocol;
        BinaryPrimitives.WriteUInt32LittleEndian(request.AsSpan(MessageHeaderBytes + 4), uint.MaxValue);

        // Ports and addresses in network order, 16 bytes an address; no interface; a cookie of all ones matches any.
        var id = request.AsSpan(MessageHeaderBytes + 8);
        BinaryPrimitives.WriteUInt16BigEndian(id, (ushort)local.Port);
        BinaryPrimitives.WriteUInt16BigEndian(id[2..], (ushort)remote.Port);
        local.Address.GetAddressBytes().CopyTo(id[4..]);
        remote.Address.GetAddressBytes().CopyTo(id[20..]);
        id[40..].Fill(0xFF);
        return request;
    }

    private static partial class Libc
    {
        internal const int AF_INET = 2;
        internal const int AF_NETLINK = 16;
        internal const int SOCK_RAW = 3;
        internal const int NETLINK_SOCK_DIAG = 4;

        [LibraryImport("libc", SetLastError = true)]
        internal static partial int socket(int domain, int type, int protocol);

        [LibraryImport("libc", SetLastError = true)]
        internal static partial nint send(int descriptor, byte[] bytes, nint count, int flags);

        [LibraryImport("libc", SetLastError = true)]
        internal static partial nint recv(int descriptor, [Out] byte[] bytes, nint count, int flags);

        [LibraryImport("libc")]
        internal static partial int close(int descriptor);
    }
}
