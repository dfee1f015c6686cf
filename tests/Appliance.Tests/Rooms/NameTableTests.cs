using Appliance.Loop;
using Appliance.Rooms;

namespace Appliance.Tests.Rooms;

/// <summary>Whose names are: over workers, times, and deaths.</summary>
public sealed class NameTableTests
{
    private const long NowMs = 1_000_000_000;
    private static readonly NameOwner Ann = new(1, 10);
    private static readonly NameOwner Bob = new(2, 20);
    private static readonly NameOwner AnnAgain = new(3, 10);
    private static readonly NameOwner User = new(4, 0);
    private static readonly NameOwner OtherUser = new(5, 0);

    [Fact]
    public void Name_is_one_owners_until_it_ends_and_a_while_longer()
    {
        using var memory = new MemoryRoomLog();
        var table = Make(memory);
        ulong name = table.NumberOf("ann"u8);
        Assert.True(table.TryClaim(name, Ann, NowMs));
        Assert.False(table.TryClaim(name, Bob, NowMs));
        Assert.False(NameTable.Open(memory.Log)!.TryClaim(name, AnnAgain, NowMs + NameTable.KeptMs - 1));
        Assert.True(table.TryClaim(table.NumberOf("bob"u8), Bob, NowMs));
        Assert.True(table.TryClaim(name, Ann, NowMs + NameTable.KeptMs - 1));
        Assert.False(table.TryClaim(name, Bob, NowMs + NameTable.KeptMs));
        Assert.True(table.TryClaim(name, Bob, NowMs + (2 * NameTable.KeptMs)));
        Assert.False(table.TryClaim(name, Ann, NowMs + (2 * NameTable.KeptMs)));
    }

    [Fact]
    public void Who_comes_again_from_the_same_address_gets_the_name_again_and_nobody_else()
    {
        using var memory = new MemoryRoomLog();
        var table = Make(memory);
        ulong name = table.NumberOf("ann"u8);
        Assert.True(table.TryClaim(name, Ann, NowMs));
        table.Release(name, Bob, hasEnded: true, NowMs);
        Assert.False(table.TryClaim(name, AnnAgain, NowMs));
        table.Release(name, Ann, hasEnded: true, NowMs);
        Assert.False(table.TryClaim(name, Bob, NowMs));
        Assert.False(table.TryClaim(name, User, NowMs));
        Assert.True(table.TryClaim(name, AnnAgain, NowMs));
        table.Release(name, AnnAgain, hasEnded: false, NowMs);
        Assert.True(table.TryClaim(name, Bob, NowMs));
    }

    [Fact]
    public void User_keeps_the_name_over_all_connections()
    {
        using var memory = new MemoryRoomLog();
        var table = Make(memory);
        ulong name = table.NumberOf("ann"u8);
        Assert.True(table.TryClaim(name, User, NowMs));
        Assert.True(table.TryClaim(name, User, NowMs));
        table.Release(name, User, hasEnded: true, NowMs);
        Assert.False(table.TryClaim(name, OtherUser, NowMs));
        Assert.False(table.TryClaim(name, Ann, NowMs));
        Assert.True(table.TryClaim(name, User, NowMs));
        Assert.True(table.TryClaim(name, OtherUser, NowMs + NameTable.KeptMs));
    }

    /// <summary>The slot's next process has another number.</summary>
    [Fact]
    public void Name_of_a_dead_worker_is_for_the_same_address()
    {
        using var memory = new MemoryRoomLog();
        var table = Make(memory);
        ulong name = table.NumberOf("ann"u8);
        Assert.True(table.TryClaim(name, Ann, NowMs));
        memory.Log.Worker(new WorkerSlot(5)).Pid = Environment.ProcessId + 1;
        Assert.False(table.TryClaim(name, Bob, NowMs));
        Assert.True(table.TryClaim(name, AnnAgain, NowMs));
    }

    [Fact]
    public void Full_table_keeps_no_further_name_and_refuses_nobody()
    {
        using var memory = new MemoryRoomLog();
        var table = Make(memory);
        int kept = 0;
        const int Names = 100_000;
        for (ulong i = 1; i <= Names; i++)
        {
            Assert.True(table.TryClaim(table.NumberOf(BitConverter.GetBytes(i)), new NameOwner(i, 1), NowMs));
        }

        for (ulong i = 1; i <= Names; i++)
        {
            kept += table.TryClaim(table.NumberOf(BitConverter.GetBytes(i)), Bob with { Owner = Names + 1 }, NowMs) ? 0 : 1;
        }

        Assert.InRange(kept, 50_000, NameTable.TableBytes / 32);
        Assert.True(table.TryClaim(table.NumberOf("ann"u8), Ann, NowMs + NameTable.KeptMs));
        Assert.False(table.TryClaim(table.NumberOf("ann"u8), Bob, NowMs + NameTable.KeptMs));
    }

    [Fact]
    public void Table_is_there_once_it_is_made_and_stays_when_it_is_made_again()
    {
        using var memory = new MemoryRoomLog();
        Assert.Null(NameTable.Open(memory.Log));
        var table = Make(memory);
        ulong name = table.NumberOf("ann"u8);
        Assert.True(table.TryClaim(name, Ann, NowMs));
        NameTable.Make(memory.Log, isAlone: true);
        Assert.Equal(name, table.NumberOf("ann"u8));
        Assert.False(table.TryClaim(name, Bob, NowMs));
        Assert.NotEqual(name, table.NumberOf("anna"u8));
    }

    private static NameTable Make(MemoryRoomLog memory)
    {
        NameTable.Make(memory.Log, isAlone: false);
        memory.Log.Worker(new WorkerSlot(5)).Pid = Environment.ProcessId;
        return NameTable.Open(memory.Log)!;
    }
}
