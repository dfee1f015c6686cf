using Appliance.Master;

namespace Appliance.Tests.Master;

/// <summary>Connections are spread so that no worker has more than 1.2 times what another one has, with few moves.</summary>
public sealed class BalanceTests
{
    public static TheoryData<int[], string> Cases => new()
    {
        { [], "" },
        { [7], "" },
        { [0, 0, 0], "" },
        { [1, 0], "" },
        { [5, 5, 4], "" },
        { [120, 100], "" },
        { [121, 100], "0>1:10" },
        { [10, 0], "0>1:5" },
        { [0, 10], "1>0:5" },
        { [3, 0, 0], "0>2:1 0>1:1" },
        { [4, 4, 2], "1>2:1" },
        { [100, 0, 0, 0], "0>3:25 0>2:25 0>1:25" },
        { [50, 50, 0, 0], "0>3:25 1>2:25" },
        { [7, 1, 7, 1], "0>3:3 2>1:3" },
    };

    [Theory]
    [MemberData(nameof(Cases))]
    public void Moves_are_those(int[] counts, string expected) =>
        Assert.Equal(expected, string.Join(' ', Balance.Plan(counts).Select(move => $"{move.From}>{move.To}:{move.Count}")));

    [Fact]
    public void After_the_moves_all_have_the_same_to_one()
    {
        var random = new Random(1);
        for (int round = 0; round < 2000; round++)
        {
            int[] counts = [.. Enumerable.Range(0, random.Next(1, 65)).Select(_ => random.Next(random.Next(1, 1000)))];
            var moves = Balance.Plan(counts);
            if (Balance.IsEven(counts))
            {
                Assert.Empty(moves);
                continue;
            }

            Assert.True(moves.Count < counts.Length);
            Assert.All(moves, move => Assert.True(move.Count > 0));
            int[] after = [.. counts];
            foreach (var move in moves)
            {
                after[move.From] -= move.Count;
                after[move.To] += move.Count;
            }

            Assert.InRange(after.Max() - after.Min(), 0, 1);
        }
    }

    [Theory]
    [InlineData(10, 3, "4 3 3")]
    [InlineData(2, 3, "1 1 0")]
    [InlineData(0, 2, "0 0")]
    [InlineData(9, 1, "9")]
    public void Whole_is_split(int count, int takers, string expected) => Assert.Equal(expected, string.Join(' ', Balance.Split(count, takers)));
}
