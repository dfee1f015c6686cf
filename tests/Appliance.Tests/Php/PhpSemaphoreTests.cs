using Appliance.Native;
using Appliance.Php;
using Appliance.SystemV;
using Appliance.Tests.Rooms;

namespace Appliance.Tests.Php;

/// <summary>The protocol of PHP's three semaphores, among users in one process.</summary>
public sealed class PhpSemaphoreTests : IDisposable
{
    private const uint Mode = 0x180; // 0600

    private readonly StateDirectory _state = new();
    private readonly SystemVKey _key;

    public PhpSemaphoreTests() => _key = SystemVKey.OfPath(_state.Path, 'A');

    private int Id => PhpSemaphore.Find(_key)!.Value;

    [Fact]
    public void Who_comes_first_sets_the_number_of_holders()
    {
        using var first = PhpSemaphore.Join(_key, 2, Mode);
        using var second = PhpSemaphore.Join(_key, 7, Mode);
        Assert.Equal((2, 2), (PhpSemaphore.Figures(_key, Id).Value, PhpSemaphore.Figures(_key, Id).Usage));
        Assert.True(first.Acquire(TimeSpan.Zero));
        Assert.True(second.Acquire(TimeSpan.Zero));
        using var third = PhpSemaphore.Join(_key, 7, Mode);
        Assert.False(third.Acquire(TimeSpan.Zero));
        Assert.False(third.Acquire(TimeSpan.FromMilliseconds(1)));
        first.Dispose();
        Assert.True(third.Acquire(timeout: null));
    }

    [Fact]
    public void Leaving_takes_nothing_back_that_was_not_taken()
    {
        PhpSemaphore.Join(_key, 1, Mode).Dispose();
        Assert.Equal((1, 0, 0), (PhpSemaphore.Figures(_key, Id).Value, PhpSemaphore.Figures(_key, Id).Usage, PhpSemaphore.Figures(_key, Id).Waiting));
        using var alone = PhpSemaphore.Join(_key, 3, Mode);
        Assert.Equal(3, PhpSemaphore.Figures(_key, Id).Value);
        Assert.Equal(Environment.ProcessId, PhpSemaphore.Figures(_key, Id).LastPid);
    }

    [Fact]
    public void Semaphore_that_is_removed_is_told_from_one_that_is_taken()
    {
        using var user = PhpSemaphore.Join(_key, 1, Mode);
        PhpSemaphore.Remove(_key, Id);
        Assert.Null(PhpSemaphore.Find(_key));
        Assert.Contains("was removed", Assert.Throws<IOException>(() => user.Acquire(TimeSpan.Zero)).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(4)]
    public void Set_of_another_size_is_not_touched(int count)
    {
        _ = Syscall.SemaphoreGet(_key.Value, count, Syscall.IPC_CREAT | Syscall.IPC_EXCL | (int)Mode).OrThrow("semget");
        string expected = $"is a set of {count}";
        Assert.Contains(expected, Assert.Throws<IOException>(() => PhpSemaphore.Find(_key)).Message, StringComparison.Ordinal);
        Assert.Contains(expected, Assert.Throws<IOException>(() => PhpSemaphore.Join(_key, 1, Mode)).Message, StringComparison.Ordinal);
    }

    public void Dispose()
    {
        if (Syscall.SemaphoreGet(_key.Value, 0, 0) is { Ok: true } left)
        {
            Syscall.SemaphoreRemove(left.Value).OrThrow("semctl");
        }

        _state.Dispose();
    }
}
