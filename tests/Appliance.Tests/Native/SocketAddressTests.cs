using System.Net;
using Appliance.Native;
using SocketAddress = Appliance.Native.SocketAddress;

namespace Appliance.Tests.Native;

/// <summary>Addresses go to the kernel and come back as they were.</summary>
public sealed class SocketAddressTests
{
    [Theory]
    [InlineData("127.0.0.1", "::ffff:127.0.0.1")]
    [InlineData("::1", "::1")]
    public void Internet_address_comes_back_from_the_kernel(string ip, string expected)
    {
        byte[] bytes = IPAddress.Parse(ip).GetAddressBytes();
        int fd = Syscall.Socket(bytes.Length == 4 ? Syscall.AF_INET : Syscall.AF_INET6).OrThrow("socket");
        try
        {
            Assert.True(Syscall.Bind(fd, SocketAddress.Internet(bytes, 0)).Ok);
            Assert.True(Syscall.GetSockName(fd, out var address).Ok);
            byte[] sixteen = new byte[16];
            address.CopyIp(sixteen);
            Assert.Equal(IPAddress.Parse(expected), new IPAddress(sixteen));
            Assert.InRange(address.Port, 1, 65_535);
        }
        finally
        {
            Syscall.Close(fd);
        }
    }

    [Theory]
    [InlineData("10.1.2.3", 9000, Syscall.AF_INET, 16)]
    [InlineData("2001:db8::1", 65_535, Syscall.AF_INET6, 28)]
    public void Internet_address_is_written(string ip, int port, int family, uint length)
    {
        var address = SocketAddress.Internet(IPAddress.Parse(ip).GetAddressBytes(), port);
        Assert.Equal((port, family, length), (address.Port, address.Family, address.Length));
    }

    [Fact]
    public void Unix_socket_has_no_ip()
    {
        var address = SocketAddress.Unix("/run/a");
        byte[] sixteen = [.. Enumerable.Repeat((byte)1, 16)];
        address.CopyIp(sixteen);
        Assert.Equal((Syscall.AF_UNIX, 2u + 6 + 1), (address.Family, address.Length));
        Assert.All(sixteen, value => Assert.Equal(0, value));
    }

    [Fact]
    public void Failed_call_names_itself_and_the_errno()
    {
        var result = Syscall.Close(-1);
        Assert.False(result.Ok);
        Assert.Equal("close: Bad file descriptor (EBADF)", Assert.Throws<SyscallException>(() => result.OrThrow("close")).Message);
    }
}
