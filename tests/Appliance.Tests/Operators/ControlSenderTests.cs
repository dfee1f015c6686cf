using Appliance.Native;
using Appliance.Operators;

namespace Appliance.Tests.Operators;

/// <summary>Whose a process is, by what /proc tells of it.</summary>
public sealed class ControlSenderTests
{
    private static readonly uint Own = Syscall.EffectiveUserId();

    [Theory]
    [InlineData("Name:\tphp\nUid:\t33\t33\t33\t33\nGid:\t0\t0\t0\t0\n", 33u)]
    [InlineData("Uid:\t33\t0\t0\t0\n", 33u)]
    [InlineData("Uid:\t0\t33\t0\t0\n", 33u)]
    [InlineData("Uid:\t0\t0\t0\t33\n", 33u)]
    [InlineData("Uid:\t0\t0\t0\t0\n", 0u)]
    public void A_process_that_has_any_foreign_id_is_foreign(string status, uint user) => Assert.Equal(user, ControlSender.UserIn(status));

    [Theory]
    [InlineData("")]
    [InlineData("Uid:")]
    [InlineData("Uid:\t0\t0\t0\n")]
    [InlineData("Uid:\t0\t0\t0\t0\t0\n")]
    [InlineData("Uid:\t0\t0\t0\t-1\n")]
    [InlineData("Uid:\t0\t0\t0\t0")]
    public void What_cannot_be_read_is_nobodys(string status) => Assert.Null(ControlSender.UserIn(status));

    [Fact]
    public void Sender_is_known_only_of_an_empty_queue_and_is_never_the_server_itself()
    {
        // The process with which all began is somebody's whom this test knows: root's, or nobody's where it is not to be seen.
        Assert.Equal(0, ControlSender.Of(new MessageQueueStatus { msg_lspid = 1, msg_qnum = 1 }).Pid);
        Assert.False(ControlSender.Of(new MessageQueueStatus { msg_lspid = Environment.ProcessId }).IsTrusted);
        Assert.False(ControlSender.Of(new MessageQueueStatus { msg_lspid = int.MaxValue }).IsTrusted);
        Assert.False(ControlSender.Of(default).IsTrusted);
        var first = ControlSender.Of(new MessageQueueStatus { msg_lspid = 1 });
        Assert.Equal((1, first.User is 0 || first.User == Own), (first.Pid, first.IsTrusted));
    }
}
