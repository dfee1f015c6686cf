using System.Diagnostics;
using Appliance.Native;
using Appliance.Php;
using Appliance.SystemV;
using Appliance.Tests.Rooms;

namespace Appliance.Tests.Php;

/// <summary>Segments of variables in the kernel's memory.</summary>
public sealed class VariableSegmentTests : IDisposable
{
    private const uint Mode = 0x180; // 0600

    private readonly StateDirectory _state = new();
    private readonly SystemVKey _key;

    public VariableSegmentTests() => _key = SystemVKey.OfPath(_state.Path, 'A');

    [Fact]
    public void What_is_not_there_is_not_opened_and_leaves_no_lock()
    {
        Assert.Null(VariableSegment.Open(_key, forWriting: false));
        Assert.Null(SystemVTable.Find(SystemVKind.Semaphores, ~_key.Value));
    }

    [Fact]
    public void Variables_outlive_who_has_stored_them()
    {
        using (var made = VariableSegment.OpenOrMake(_key, 1000, Mode))
        {
            Assert.Equal(0, made.Chain.Put(5, "N;"u8));
            Assert.NotNull(SystemVTable.Find(SystemVKind.Semaphores, ~_key.Value));
        }

        Assert.Null(SystemVTable.Find(SystemVKind.Semaphores, ~_key.Value));
        using var found = VariableSegment.Open(_key, forWriting: false)!;
        Assert.Equal("N;"u8.ToArray(), found.Chain.ValueOf(found.Chain.Find(5)!));
        Assert.Equal((1000, 1), (found.Status.shm_segsz, found.Status.shm_nattch));
    }

    [Fact]
    public void Another_size_counts_for_a_new_segment_alone()
    {
        VariableSegment.OpenOrMake(_key, 1000, Mode).Dispose();
        using var again = VariableSegment.OpenOrMake(_key, 5000, 0x1B6);
        Assert.Equal((1000, Mode), (again.Status.shm_segsz, again.Status.shm_perm_mode & Syscall.IpcModeMask));
    }

    [Fact]
    public void Growing_keeps_everything_but_the_identifier()
    {
        using var segment = VariableSegment.OpenOrMake(_key, 200, 0x1A0);
        int former = segment.Id;
        Assert.Equal(0, segment.Chain.Put(1, "i:1;"u8));
        Assert.Equal(0, segment.Chain.Put(-1, new byte[40]));
        Assert.True(segment.Chain.Put(2, new byte[100]) > 0);
        Assert.Equal(0, segment.Grow(1000));
        Assert.Equal(0, segment.Chain.Put(2, new byte[100]));
        Assert.Equal([1, -1, 2], segment.Chain.Variables.Select(variable => variable.Key));
        Assert.Equal("i:1;"u8.ToArray(), segment.Chain.ValueOf(segment.Chain.Find(1)!));
        Assert.NotEqual(former, segment.Id);
        Assert.Equal((1000, 0x1A0U), (segment.Status.shm_segsz, segment.Status.shm_perm_mode & Syscall.IpcModeMask));
        Assert.Equal(Errno.EINVAL, Syscall.ShmStatus(former, out _).Error);
    }

    [Fact]
    public void Growth_that_the_kernel_refuses_changes_nothing()
    {
        using var segment = VariableSegment.OpenOrMake(_key, 200, Mode);
        Assert.Equal(0, segment.Chain.Put(1, "i:1;"u8));
        Assert.ThrowsAny<SyscallException>(() => segment.Grow(long.MaxValue / 2));
        Assert.Equal("i:1;"u8.ToArray(), segment.Chain.ValueOf(segment.Chain.Find(1)!));
        Assert.Equal(segment.Id, Syscall.ShmGet(_key.Value, 0, 0).Value);
    }

    [Fact]
    public void Lock_of_a_process_that_was_killed_is_free_again()
    {
        string program = Path.Combine(_state.Path, "holder");
        CCompiler.Build(
            """
            #include <stdio.h>
            #include <stdlib.h>
            #include <sys/sem.h>
            #include <unistd.h>
            int main(int count, char **words)
            {
                int id = semget(atoi(words[count - 1]), 1, IPC_CREAT | 0600);
                struct sembuf lock = {0, 1, SEM_UNDO};
                if (semop(id, &lock, 1) == 0) puts("held");
                fflush(stdout);
                pause();
            }
            """,
            program);
        using var holder = Process.Start(new ProcessStartInfo(program, [$"{~_key.Value}"]) { UseShellExecute = false, RedirectStandardOutput = true })!;
        Assert.Equal("held", holder.StandardOutput.ReadLine());
        VariableSegment? opened = null;
        var opening = new Thread(() => opened = VariableSegment.OpenOrMake(_key, 1000, Mode)) { IsBackground = true };
        opening.Start();
        Assert.True(SpinWait.SpinUntil(WaitsForZero, TimeSpan.FromSeconds(10)));
        Assert.Null(opened);
        holder.Kill();
        holder.WaitForExit();
        Assert.True(opening.Join(TimeSpan.FromSeconds(10)));
        Assert.NotNull(opened);
        opened.Dispose();
        Assert.Null(SystemVTable.Find(SystemVKind.Semaphores, ~_key.Value));
    }

    public void Dispose()
    {
        if (Syscall.ShmGet(_key.Value, 0, 0) is { Ok: true } left)
        {
            Syscall.ShmRemove(left.Value).OrThrow("shmctl");
        }

        if (Syscall.SemaphoreGet(~_key.Value, 0, 0) is { Ok: true } lost)
        {
            Syscall.SemaphoreRemove(lost.Value).OrThrow("semctl");
        }

        _state.Dispose();
    }

    /// <summary>Whether somebody waits for the lock, as ipcs(1) shows it: the third number of the only semaphore.</summary>
    private bool WaitsForZero()
    {
        string semaphore = $"{Syscall.SemaphoreGet(~_key.Value, 0, 0).Value}";
        using var list = Process.Start(new ProcessStartInfo("ipcs", ["-s", "-i", semaphore]) { UseShellExecute = false, RedirectStandardOutput = true })!;
        string[] lines = list.StandardOutput.ReadToEnd().Split('\n', StringSplitOptions.RemoveEmptyEntries);
        return lines[^1].Split(' ', StringSplitOptions.RemoveEmptyEntries) is [_, _, _, "1", ..];
    }
}
