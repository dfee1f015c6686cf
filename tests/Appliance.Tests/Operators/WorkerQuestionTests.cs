using Appliance.Operators;

namespace Appliance.Tests.Operators;

/// <summary>What comes of asking one worker, or several.</summary>
public sealed class WorkerQuestionTests
{
    [Theory]
    [InlineData("ok", "ok")]
    [InlineData("ok 3", "ok 3")]
    [InlineData("failed why", "failed why")]
    [InlineData("ok 3", "ok 2", "failed none", "ok 1")]
    [InlineData("failed none", "failed none", "failed none")]
    [InlineData("failed no worker has answered in time")]
    public void Answers_are_summed_up(string outcome, params string[] answers)
    {
        var question = Question(0, answers);
        Assert.Equal((outcome, 0, false), (question.Outcome, question.Awaited, question.WorkerIsDone));
    }

    [Theory]
    [InlineData("ok", true, "ok")]
    [InlineData("ok\n{1}\n{2}", true, "ok\n{1}\n{2}")]
    [InlineData("ok\n{1}\n{2}", true, "ok\n{1}", "ok\n{2}")]
    [InlineData("ok\n{2}", true, "ok", "ok\n{2}")]
    [InlineData("more 1-35\n{1}\n{2}", false, "ok\n{1}", "more 35\n{2}")]
    public void Workers_add_to_a_list(string outcome, bool done, params string[] answers)
    {
        var question = Question(100, answers);
        Assert.Equal((outcome, done), (question.Outcome, question.WorkerIsDone));
        Assert.Equal(100 - (outcome.Length - outcome.Split('\n')[0].Length), question.BytesLeft);
    }

    [Fact]
    public void Full_list_goes_on_with_the_next_worker()
    {
        var question = Question(100, "ok\n{1}");
        question.GoOnAt(new(7), "0");
        Assert.Equal(("more 7-0\n{1}", false), (question.Outcome, question.WorkerIsDone));
    }

    private static WorkerQuestion Question(int bytesMax, params string[] answers)
    {
        var question = new WorkerQuestion(ControlCommand.Read("clients"u8.ToArray(), out _)!, untilMs: 0) { ListBytesMax = bytesMax, Awaited = answers.Length };
        for (int worker = 0; worker < answers.Length; worker++)
        {
            question.Take(new(worker), answers[worker]);
        }

        return question;
    }
}
