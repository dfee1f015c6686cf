using Appliance.Metrics;

namespace Appliance.Tests.Metrics;

/// <summary>When a server of --proc=MIN-MAX gets a worker more or less.</summary>
public sealed class WorkerScalingTests
{
    /// <summary>Idle percent of each second, and how many workers there are after it.</summary>
    public static TheoryData<double[], int[]> Courses => new()
    {
        { [10, 10, 10, 10, 10, 10, 10], [2, 2, 2, 2, 2, 3, 3] },
        { [10, 10, 10, 50, 10, 10, 10, 10, 10, 10], [2, 2, 2, 2, 2, 2, 2, 2, 2, 3] },
        { [19.9, 19.9, 19.9, 19.9, 19.9, 19.9], [2, 2, 2, 2, 2, 3] },
        { [20, 20, 20, 20, 20, 20, 20, 20], [2, 2, 2, 2, 2, 2, 2, 2] },
        { [80, 80, 80, 80, 80, 80, 80, 80, 80, 80, 80, 80], [2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2] },
        { [90, 90, 90, 90, 90, 90, 90, 90, 90, 90, 90, 90], [2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 1, 1] },
        { [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0], [2, 2, 2, 2, 2, 3, 3, 3, 3, 3, 3, 4, 4, 4, 4, 4, 4, 4, 4] },
    };

    [Theory]
    [MemberData(nameof(Courses))]
    public void Workers_follow_the_load(double[] idle, int[] expected)
    {
        var scaling = new WorkerScaling();
        int workers = 2;
        List<int> course = [];
        for (int second = 0; second < idle.Length; second++)
        {
            workers = scaling.Decide(idle[second], workers, least: 1, most: 4, second * 1000);
            course.Add(workers);
        }

        Assert.Equal(expected, course);
    }

    [Fact]
    public void Limits_that_have_changed_count_at_once()
    {
        var scaling = new WorkerScaling();
        Assert.Equal(3, scaling.Decide(50, 5, least: 1, most: 3, 0));
        Assert.Equal(4, scaling.Decide(50, 2, least: 4, most: 8, 1000));
    }
}
