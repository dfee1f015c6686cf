using Appliance.Connections;

namespace Appliance.Tests.Connections;

/// <summary>Objects that are lent by number.</summary>
public sealed class PoolTests
{
    [Fact]
    public void Numbers_begin_at_one_and_are_lent_once()
    {
        var pool = new Pool<object>();
        int[] numbers = [pool.Borrow(7), pool.Borrow(8), pool.Borrow(9)];
        Assert.Equal([1, 2, 3], numbers);
        Assert.Equal(3, numbers.Select(number => pool[number]).Distinct().Count());
    }

    [Fact]
    public void Object_that_came_back_is_lent_again_under_its_number()
    {
        var pool = new Pool<object>();
        _ = pool.Borrow(7);
        int second = pool.Borrow(8);
        object item = pool[second];
        pool.Return(second, 8);
        Assert.Equal(second, pool.Borrow(9));
        Assert.Same(item, pool[second]);
        Assert.Equal(3, pool.Borrow(8));
    }
}
