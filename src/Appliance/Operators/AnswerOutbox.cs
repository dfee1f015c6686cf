using Appliance.Logging;

namespace Appliance.Operators;

/// <summary>
/// Answers on their way to those who asked. One that finds no room in the queue is tried again for a while, one that nobody takes is
/// taken back: an asker that is gone, or does not read, costs a few kilobytes for a few seconds, and makes place as soon as another
/// needs it. What is lost is counted and told once a second.
/// </summary>
internal sealed class AnswerOutbox(ControlQueue queue, EventLog log)
{
    /// <summary>Answers that wait, and answers that have not been seen to be taken: no more of each.</summary>
    private const int AnswersMax = 64;

    /// <summary>How long an answer waits for room in the queue.</summary>
    private const int RoomMsMax = 2000;

    /// <summary>How long it then waits for its asker, when nobody else needs the place.</summary>
    private const int UntakenMsMax = 10_000;

    /// <summary>How long it does when somebody needs it: an asker that is there takes it within a millisecond.</summary>
    private const int UntakenMsMin = 250;

    private const int TellEveryMs = 1000;

    private readonly LinkedList<Entry> _waiting = new();
    private readonly LinkedList<Entry> _sent = new();
    private long _toldMs = long.MinValue / 2;
    private int _lost;

    /// <summary>Whether an answer may lie in the queue for nobody, or a loss is not told yet.</summary>
    public bool HasUntaken => _sent.Count > 0 || _lost > 0;

    /// <summary>Sends an answer, or keeps it until there is room.</summary>
    public void Put(long asker, byte[] text, long nowMs)
    {
        var entry = new Entry(asker, text, nowMs);
        if (_waiting.Count == 0 && queue.TryAnswer(asker, text))
        {
            NoteSent(entry);
            return;
        }

        // Of those who wait, whoever asks again and again has one place.
        if (Find(_waiting, asker) is { } former || (former = _waiting.Count == AnswersMax ? _waiting.First : null) is not null)
        {
            _waiting.Remove(former);
            _lost++;
        }

        _ = _waiting.AddLast(entry);
    }

    /// <summary>Tries again what waits, and takes back what lies there too long. Returns whether anything still waits.</summary>
    public bool Retry(long nowMs)
    {
        if (_sent.Count > 0 && queue.TryReadStatus(out var status) && status.msg_qnum == 0)
        {
            _sent.Clear();
        }

        TakeBack(nowMs - (_waiting.Count > 0 ? UntakenMsMin : UntakenMsMax));
        while (_waiting.First is { Value: var entry })
        {
            bool sent = queue.TryAnswer(entry.Asker, entry.Text);
            if (!sent && nowMs - entry.AtMs <= RoomMsMax)
            {
                break;
            }

            _waiting.RemoveFirst();
            _lost += sent ? 0 : 1;
            if (sent)
            {
                NoteSent(entry with { AtMs = nowMs });
            }
        }

        if (_lost > 0 && nowMs - _toldMs >= TellEveryMs)
        {
            log.Write(EventCatalogue.QueueAnswersLost, _lost);
            (_toldMs, _lost) = (nowMs, 0);
        }

        return _waiting.Count > 0;
    }

    private static LinkedListNode<Entry>? Find(LinkedList<Entry> list, long asker)
    {
        var node = list.First;
        while (node is not null && node.Value.Asker != asker)
        {
            node = node.Next;
        }

        return node;
    }

    private void NoteSent(Entry entry)
    {
        // Who asks again has taken the answer before, or never will.
        if (Find(_sent, entry.Asker) is { } former)
        {
            _sent.Remove(former);
        }
        else if (_sent.Count == AnswersMax)
        {
            TakeBack(_sent.First!.Value);
        }

        _ = _sent.AddLast(entry with { Text = [] });
    }

    private void TakeBack(long sentBeforeMs)
    {
        while (_sent.First is { Value: var sent } && sent.AtMs < sentBeforeMs)
        {
            TakeBack(sent);
        }
    }

    private void TakeBack(Entry sent)
    {
        _ = _sent.Remove(sent);
        _lost += queue.Withdraw(sent.Asker);
    }

    private sealed record Entry(long Asker, byte[] Text, long AtMs);
}
