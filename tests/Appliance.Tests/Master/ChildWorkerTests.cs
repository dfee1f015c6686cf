using Appliance.Master;
using Appliance.Native;

namespace Appliance.Tests.Master;

/// <summary>How long a worker's successor waits, by what has ended its processes in a row.</summary>
public sealed class ChildWorkerTests
{
    [Theory]
    [InlineData(ProcessEnd.Expected, new[] { 0, 0, 0, 0 })]
    [InlineData(ProcessEnd.Failed, new[] { 0, 100, 200, 400, 800, 1600, 3200, 6400, 12_800, 25_600, 30_000, 30_000 })]
    [InlineData(ProcessEnd.KilledForMemory, new[] { 0, 100, 200, 400, 800, 1600, 3200, 6400, 12_800, 25_600, 30_000, 30_000 })]
    [InlineData(ProcessEnd.NotStarted, new[] { 100, 200, 400, 800, 1600, 3200, 6400, 12_800, 25_600, 30_000, 30_000 })]
    [InlineData(ProcessEnd.Killed, new[] { 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 100, 200, 400, 800, 1000, 1000 })]
    public void Pauses_grow_while_it_dies_soon(ProcessEnd end, int[] pauses)
    {
        var worker = new ChildWorker(new(0), new(0), []);
        Assert.Equal(pauses, pauses.Select(_ => worker.NoteEnd(end, ChildWorker.SteadyMs - 1)));
        Assert.Equal(0, worker.NoteEnd(ProcessEnd.Expected, 0));
        Assert.False(worker.KeepsDying);
    }

    [Theory]
    [InlineData(ProcessEnd.Failed)]
    [InlineData(ProcessEnd.KilledForMemory)]
    [InlineData(ProcessEnd.Killed)]
    public void One_that_has_served_for_long_waits_for_nothing(ProcessEnd end)
    {
        var worker = new ChildWorker(new(0), new(0), []);
        for (var i = 0; i < 50; i++)
        {
            _ = worker.NoteEnd(end, 0);
        }

        Assert.True(worker.KeepsDying);
        Assert.Equal(0, worker.NoteEnd(end, ChildWorker.SteadyMs));
        Assert.False(worker.KeepsDying);
    }

    [Theory]
    [InlineData(0, "exit status 0", false)]
    [InlineData(0x0700, "exit status 7", true)]
    [InlineData(9, "signal 9", false)]
    [InlineData(11, "signal 11", true)]
    [InlineData(0x8B, "signal 11", true)]
    public void Ends_are_told_apart(int status, string text, bool isFailure)
    {
        var end = new ExitStatus(status);
        Assert.Equal((text, isFailure, status == 0), (end.ToString(), end.IsFailure, end.IsFine));
    }

    [Fact]
    public void End_of_which_nobody_knows_is_a_failure_without_a_signal() =>
        Assert.Equal(
            ("with unknown status", true, false, 0),
            (ExitStatus.Unknown.ToString(), ExitStatus.Unknown.IsFailure, ExitStatus.Unknown.IsFine, ExitStatus.Unknown.Signal));

    [Fact]
    public void State_of_a_process_is_read()
    {
        var state = ProcessState.Read(Environment.ProcessId);
        Assert.NotNull(state);
        Assert.True(state.Value is { IsTraced: false, CpuMs: > 0 }, state.ToString());
        Assert.Null(ProcessState.Read(int.MaxValue));
    }
}
