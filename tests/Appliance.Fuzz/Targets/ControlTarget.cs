using System.Globalization;
using System.Text;
using Appliance.Fuzz.Driver;
using Appliance.Operators;
using Appliance.Rooms;
using static Appliance.Fuzz.Driver.FuzzException;

namespace Appliance.Fuzz.Targets;

/// <summary>
/// Messages of the control queue: a command or a reason; questions about rooms have an answer that fits; workers' answers are summed up.
/// </summary>
internal sealed unsafe class ControlTarget : IFuzzTarget
{
    private const int AnswerBytesMax = 8000;

    private readonly GuardedMemory _memory;
    private readonly RoomLog _log;

    public ControlTarget()
    {
        var layout = new RoomLogLayout(4, RoomLogLayout.RingBytesMin);
        _memory = new GuardedMemory(layout.SegmentBytes);
        _log = new RoomLog(_memory.Start, layout);
        _log.WriteHeader();
        foreach (string name in (string[])["lobby", "other"])
        {
            _ = _log.Join(Encoding.ASCII.GetBytes(name), worker: default, unixMs: 1_700_000_000_000, nowMs: 0, out int slot);
            byte[] frame = [0x81, 126, 0, 196, .. "{\"message\":\"hello\"}"u8, .. Enumerable.Repeat((byte)' ', 178)];
            for (int i = 0; i < 100; i++)
            {
                _log.Ring(slot).Append(frame, [new LogRecord(frame.Length, IdOffset: 100, RecordKind.Chat)]);
            }
        }
    }

    public static FuzzTarget Row { get; } = new(
        "control",
        "control queue: a command or a reason, answers within their limit",
        () => new ControlTarget())
    {
        Words =
        [
            "say ", "@lobby ", "@other ", "kick ", "reload", "reopen", "stop", "ask 2 ", "status", "rooms ", "clients ", "history ",
            "last ", "after ", "1700000000000000", "1700000000000050", "{\"name\":\"a\",\"message\":\"b\"}",
            "s:4:\"stop\";", "ok ", "ok 3\n", "more ", "failed ", "\n", "\t", "\0", "0-0", "\xC3\xA4", "10000",
        ],
    };

    public void Run(ReadOnlySpan<byte> input)
    {
        var command = ControlCommand.Read(input.ToArray(), out string reason);
        Require((command is null) == (reason.Length > 0), "what is refused has a reason, and nothing else");
        if (command is not null)
        {
            Require(command.Asker is 0 or > 1, "an answer has a type of its own");
            Require(
                !command.Word.Contains(' ', StringComparison.Ordinal) && command.Text.StartsWith(command.Word, StringComparison.Ordinal),
                "a command begins with its word");
            RequireAnswer(RoomReport.Rooms(_log, command.Arguments, AnswerBytesMax));
            RequireAnswer(RoomReport.History(_log, command.Arguments, AnswerBytesMax));
        }

        string text = Encoding.UTF8.GetString(input);
        var question = new WorkerQuestion(new ControlCommand { Word = "kick", Arguments = "", Text = "kick" }, untilMs: 0) { Awaited = 2 };
        question.Take(new(0), text);
        question.Take(new(1), "ok 1");
        Require(question.Outcome.Length > 0 && question.Awaited == 0, "a question has an outcome");
    }

    public void Dispose() => _memory.Dispose();

    private static void RequireAnswer(string answer)
    {
        string first = answer.Split('\n')[0];
        bool isOutcome = first.Split(' ') switch
        {
            ["ok", ..] or ["failed", _, ..] => true,
            ["more", var number] => long.TryParse(number, NumberStyles.None, CultureInfo.InvariantCulture, out _),
            _ => false,
        };
        Require(isOutcome && !first.Any(char.IsControl), "an answer begins with its outcome");
        Require(Encoding.UTF8.GetByteCount(answer) <= AnswerBytesMax, "an answer fits into a message");
    }
}
