using Appliance.Native;

namespace Appliance.Tests.Native;

/// <summary>Whoever gets no process or thread is told which limits there are.</summary>
public sealed class TaskLimitTests
{
    [Theory]
    [InlineData(Errno.EAGAIN, "pids.max")]
    [InlineData(Errno.EAGAIN, "TasksMax=")]
    [InlineData(Errno.EAGAIN, "ulimit -u")]
    [InlineData(Errno.ENOMEM, "MemoryMax=")]
    [InlineData(Errno.ENOENT, "")]
    public void Limits_are_named(Errno error, string name) => Assert.Contains(name, TaskLimit.WayOut(error), StringComparison.Ordinal);

    [Fact]
    public void Program_that_cannot_be_started_is_named_with_the_reason()
    {
        var failure = Assert.Throws<SyscallException>(() => Syscall.SpawnOrThrow(new SpawnRequest { Path = "/missing", Arguments = ["x"] }));
        Assert.Equal(Errno.ENOENT, failure.Error);
        Assert.StartsWith("posix_spawn '/missing': ", failure.Message, StringComparison.Ordinal);
    }
}
