using System.Net;
using System.Net.Sockets;
using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace Appliance.PackageTests.Harness;

/// <summary>Connections into the network of another process: a socket belongs to the namespace in which it was made, whoever uses it.</summary>
public static partial class NetworkNamespace
{
    private const int CLONE_NEWNET = 0x40000000;

    /// <summary>Connects within the network of a process.</summary>
    /// <exception cref="SocketException">Nobody listens there.</exception>
    public static Task<Socket> ConnectAsync(int pid, IPEndPoint address)
    {
        var connected = new TaskCompletionSource<Socket>();
        var thread = new Thread(() =>
        {
            try
            {
                // The thread ends in the other namespace; no other thread ever enters it.
                using var target = File.OpenHandle($"/proc/{pid}/ns/net");
                if (setns(target, CLONE_NEWNET) != 0)
                {
                    throw new IOException($"setns: errno {Marshal.GetLastPInvokeError()}");
                }

                var socket = new Socket(address.AddressFamily, SocketType.Stream, ProtocolType.Tcp);
                socket.Connect(address);
                connected.SetResult(socket);
            }
            catch (Exception failure) when (failure is SocketException or IOException or UnauthorizedAccessException)
            {
                connected.SetException(failure);
            }
        });
        thread.Start();
        return connected.Task;
    }

    [LibraryImport("libc", SetLastError = true)]
    private static partial int setns(SafeFileHandle descriptor, int type);
}
