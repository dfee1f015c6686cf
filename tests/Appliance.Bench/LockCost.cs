using System.Diagnostics;
using System.Runtime.InteropServices;
using Appliance.Native;
using Appliance.Rooms;
using Appliance.SystemV;

namespace Appliance.Bench;

/// <summary>
/// What it costs to take a lock that nobody else wants and to give it back, of the kinds that the product has: the mutex of the room
/// logs and the semaphores that it shares with scripts.
/// </summary>
internal static unsafe class LockCost
{
    /// <summary>The word on the command line.</summary>
    public const string Argument = "locks";

    private const int Rounds = 5;
    private const int OwnerOnly = 0x180; // 0600

    /// <summary>Prints a line for each kind: the least of several rounds, which other programs have disturbed least.</summary>
    public static int Run()
    {
        byte* memory = (byte*)NativeMemory.AlignedAlloc(Syscall.MutexBytes, Syscall.MutexBytes);
        new Span<byte>(memory, Syscall.MutexBytes).Clear();
        var mutex = new SharedLock(memory);
        mutex.Initialize();
        Measure("robust shared mutex", 2_000_000, () =>
        {
            _ = mutex.Enter();
            mutex.Exit();
        });
        NativeMemory.AlignedFree(memory);

        int semaphore = Syscall.SemaphoreGet(0, 1, Syscall.IPC_CREAT | OwnerOnly).OrThrow("semget");
        _ = Syscall.SemaphoreSet(semaphore, 0, 1).OrThrow("semctl SETVAL");
        Measure("semop pair", 200_000, () => Pair(semaphore, 0));
        Measure("semop pair with SEM_UNDO", 200_000, () => Pair(semaphore, Syscall.SEM_UNDO));
        _ = Syscall.SemaphoreRemove(semaphore);

        int id = Syscall.MessageGet(0, Syscall.IPC_CREAT | OwnerOnly).OrThrow("msgget");
        var queue = MessageQueue.Of(id);
        byte[] text = new byte[64];
        Measure("msgsnd and msgrcv of 64 bytes", 200_000, () =>
        {
            _ = queue.Send(1, text, wait: false);
            _ = queue.Receive(1, except: false, wait: false, out _);
        });
        _ = queue.Remove();
        return 0;
    }

    private static void Pair(int semaphore, int flags)
    {
        _ = Syscall.SemaphoreOperate(semaphore, [new SemaphoreStep(0, -1, (short)flags)], timeout: null);
        _ = Syscall.SemaphoreOperate(semaphore, [new SemaphoreStep(0, 1, (short)flags)], timeout: null);
    }

    private static void Measure(string what, int times, Action once)
    {
        double least = double.MaxValue;
        for (int round = 0; round < Rounds; round++)
        {
            long start = Stopwatch.GetTimestamp();
            for (int i = 0; i < times; i++)
            {
                once();
            }

            least = Math.Min(least, Stopwatch.GetElapsedTime(start).TotalNanoseconds / times);
        }

        Console.Out.WriteLine(FormattableString.Invariant($"{what,-32} {least,8:0} ns"));
    }
}
