using System.Collections.Concurrent;
using System.Globalization;
using Appliance.Logging;
using Appliance.Native;
using Appliance.SystemV;

namespace Appliance.Operators;

/// <summary>A message that may be a command.</summary>
/// <param name="Text">Its bytes.</param>
/// <param name="IsOld">Whether it was in the queue before this server was.</param>
public readonly record struct ControlMessage(byte[] Text, bool IsOld)
{
    /// <summary>What it says; null when that is no command.</summary>
    public ControlCommand? Command { get; init; }

    /// <summary>Why it is none.</summary>
    public string Reason { get; init; } = "";

    /// <summary>Who has sent it.</summary>
    public ControlSender Sender { get; init; }
}

/// <summary>
/// The server's own message queue. A thread waits at it, because a System V queue has no descriptor that a loop could watch, and passes
/// messages to the loop through a small inbox: when the inbox is full the thread waits, the queue fills, and the kernel makes the flooding
/// process wait or refuses its messages. Other processes are not affected.
/// </summary>
public sealed class ControlQueue : IDisposable
{
    /// <summary>Message type of commands; every other type is the mailbox of an asker.</summary>
    public const long CommandType = 1;

    /// <summary>Commands that wait for the loop: what it can do in a millisecond or two.</summary>
    private const int InboxMax = 64;

    /// <summary>How long after a failure the queue is made anew.</summary>
    private const int RetryMs = 500;

    private const long UnknownCount = -1;
    private const int MailboxCheckMs = 5000;
    private const int JoinMsMax = 1000;
    private const int OwnerAndGroup = 0x1B0; // 0660

    private readonly SystemVKey _key;
    private readonly EventLog _log;
    private readonly CancellationTokenSource _closing = new();
    private readonly BlockingCollection<ControlMessage> _inbox = new(InboxMax);
    private readonly Lock _gate = new();
    private readonly StandbyThread _thread;
    private readonly StandbyThread _mailboxes;
    private int _threadId;
    private Action _arrived = () => { };
    private long _oldLeft;
    private string _failure = "";
    private int _id = -1;
    private bool _released;
    private MessageQueue? _first;
    private MessageQueue? _answers;
    private MessageQueueStatus _lastStatus;

    /// <summary>The queue of a key; it is made when <see cref="Start"/> is called.</summary>
    public ControlQueue(SystemVKey key, EventLog log)
    {
        _key = key;
        _log = log;
        _thread = new StandbyThread("control queue", Read);
        _mailboxes = new StandbyThread("mailboxes", WatchMailboxes);
    }

    /// <summary>The longest answer that can be given: one message, and no more than a quarter of what the queue holds.</summary>
    public int AnswerBytesMax => TryReadStatus(out var status) ? (int)Math.Min(MessageQueue.Limits.MessageBytesMax, status.msg_qbytes / 4) : 0;

    /// <summary>Whether everybody may send chat messages; asked by another thread.</summary>
    public Func<bool> MaySay { get; set; } = () => true;

    /// <summary>Makes the queue, or takes over one that is there, and begins to read.</summary>
    /// <param name="arrived">Called on another thread when there is something to take.</param>
    /// <param name="isSuccessor">Whether this goes on with what another process of the same server has left in it.</param>
    public void Start(Action arrived, bool isSuccessor)
    {
        Syscall.InterruptCalls(Syscall.SIGURG);
        _arrived = arrived;
        _oldLeft = isSuccessor ? 0 : UnknownCount;

        // Here and not by the thread: whoever sees that the server is ready finds its queue.
        _first = TryOpen();
        _thread.Start();
        _mailboxes.Start();
    }

    /// <summary>How the queue is; false while there is none. One system call, from any thread.</summary>
    public bool TryReadStatus(out MessageQueueStatus status) => Syscall.MessageStatus(Volatile.Read(ref _id), out status).Ok;

    /// <summary>The next message, if there is one.</summary>
    public bool TryTake(out ControlMessage message) => _inbox.TryTake(out message);

    /// <summary>Puts an answer into the queue; false when there is no room for it now. Answers never take more than half of the queue.</summary>
    public bool TryAnswer(long type, ReadOnlySpan<byte> text) =>
        TryReadStatus(out var status) && status.msg_cbytes + text.Length <= status.msg_qbytes / 2 && Answers.Send(type, text, wait: false).Ok;

    /// <summary>Takes back the answers of a type that nobody has taken; returns how many there were.</summary>
    public int Withdraw(long type) => Answers.Discard(type);

    /// <summary>Stops reading and leaves the queue to the next process: what still comes here is passed on to it.</summary>
    public void Release()
    {
        Volatile.Write(ref _released, true);
        GiveBack();
    }

    /// <summary>
    /// Ends the reading for good after <see cref="Release"/>, before the next process begins to: the kernel gives a message straight to a
    /// thread that waits, and one that still did when its process ends would take a command with it. A signal has it look up.
    /// </summary>
    public void Finish()
    {
        for (int waitedMs = 0; !_thread.Join(1) && waitedMs < JoinMsMax; waitedMs++)
        {
            // One that comes just before the thread waits is lost on it; the next one is not.
            _ = Syscall.SignalThread(Volatile.Read(ref _threadId), Syscall.SIGURG);
        }

        GiveBack();
    }

    /// <summary>Goes on reading after <see cref="Release"/>, unless something has come meanwhile.</summary>
    public void Reclaim() => Volatile.Write(ref _released, false);

    /// <summary>Stops reading and removes the queue, unless it was released.</summary>
    public void Dispose()
    {
        lock (_gate)
        {
            _closing.Cancel();
            if (!Volatile.Read(ref _released) && TryReadStatus(out var status) && Syscall.MessageRemove(_id).Ok && status.msg_qnum > 0)
            {
                _log.Write(EventCatalogue.QueueRemovedFull, status.msg_qnum);
            }
        }

        _ = _mailboxes.Join();
        if (_thread.Join(Volatile.Read(ref _released) ? 0 : JoinMsMax))
        {
            _inbox.Dispose();
            _closing.Dispose();
        }
    }

    /// <summary>The queue as the loop's thread uses it.</summary>
    private MessageQueue Answers => _answers is { } answers && answers.Id == _id ? answers : _answers = MessageQueue.Of(_id);

    private void GiveBack()
    {
        while (_inbox.TryTake(out var message))
        {
            _ = Answers.Send(CommandType, message.Text, wait: false);
        }
    }

    private void Read()
    {
        Volatile.Write(ref _threadId, Syscall.ThreadId());
        while (!_closing.IsCancellationRequested)
        {
            if ((Interlocked.Exchange(ref _first, null) ?? TryOpen()) is { } queue)
            {
                ReadUntilRemoved(queue);
            }

            _ = !_closing.IsCancellationRequested && _closing.Token.WaitHandle.WaitOne(_failure.Length > 0 ? RetryMs : 0);
        }
    }

    private void ReadUntilRemoved(MessageQueue queue)
    {
        while (true)
        {
            var received = queue.Receive(CommandType, except: false, wait: _oldLeft <= 0, out var message);
            if (Volatile.Read(ref _released))
            {
                _ = received.Ok && queue.Send(message.Type, message.Text, wait: false).Ok;
                _closing.Cancel();
                return;
            }

            if (received.Ok)
            {
                bool isOld = _oldLeft > 0;
                _oldLeft -= isOld ? 1 : 0;
                if (!TryAdd(ReadMessage(message.Text, isOld)))
                {
                    return;
                }

                _arrived();
            }
            else if (received.Error == Errno.ENOMSG)
            {
                // What is left of the others is not ours.
                _oldLeft = 0;
            }
            else if (received.Error != Errno.EINTR)
            {
                if (!_closing.IsCancellationRequested)
                {
                    _failure = SyscallException.Describe(received.Error);
                    _log.Write(EventCatalogue.QueueLost, _key.ToString(), _failure);
                }

                return;
            }
        }
    }

    /// <summary>
    /// Looks at once who has sent a message, before others send more and the process ends. Of a chat message, which many may send a second and
    /// nearly all may, nobody need know.
    /// </summary>
    private ControlMessage ReadMessage(byte[] text, bool isOld)
    {
        var command = ControlCommand.Read(text, out string reason);
        bool matters = command is { Proof: "" } && (ControlWords.Find(command.Word) is { IsChat: false } || !MaySay());
        var sender = matters && TryReadStatus(out var after) ? ControlSender.Of(after) : default;
        return new ControlMessage(text, isOld) { Command = command, Reason = reason, Sender = sender };
    }

    private bool TryAdd(ControlMessage message)
    {
        try
        {
            _inbox.Add(message, _closing.Token);
            return true;
        }
        catch (OperationCanceledException)
        {
            return false;
        }
    }

    /// <summary>The queue; null when it cannot be had now, which is told once.</summary>
    private MessageQueue? TryOpen()
    {
        lock (_gate)
        {
            if (_closing.IsCancellationRequested)
            {
                return null;
            }

            try
            {
                var queue = Open();
                Volatile.Write(ref _id, queue.Id);
                _failure = "";
                return queue;
            }
            catch (Exception failure) when (failure is SyscallException or IOException)
            {
                if (failure.Message != _failure)
                {
                    _failure = failure.Message;
                    _log.Write(EventCatalogue.QueueFailed, _failure);
                }

                return null;
            }
        }
    }

    /// <summary>
    /// Makes the queue or takes it over. One that another user has made is never used: its maker could read and remove what is in it.
    /// </summary>
    private MessageQueue Open()
    {
        if (MessageQueue.Find(_key) is { } shut && Syscall.MessageStatus(shut.Id, out _).Error == Errno.EACCES && shut.Remove().Ok)
        {
            // Ours, but with a mode that shuts us out ourselves; another user's stays, and is named below.
            _log.Write(EventCatalogue.QueueShut, _key.ToString());
        }

        var queue = MessageQueue.Open(_key, OwnerAndGroup);
        var status = queue.ReadStatus();
        if (status.msg_perm_uid != Syscall.EffectiveUserId() || !Ownership.OfProcess.Covers(status.msg_perm_cuid))
        {
            if (!queue.Remove().Ok)
            {
                throw new IOException(string.Create(
                    CultureInfo.InvariantCulture,
                    $"the queue of key {_key} belongs to {Ownership.Name(status.msg_perm_uid)}: that user or root must remove it (ipcrm -q {queue.Id})"));
            }

            _log.Write(EventCatalogue.QueueForeign, _key.ToString(), status.msg_perm_uid, status.msg_qnum);
            queue = MessageQueue.Open(_key, OwnerAndGroup);
            status = queue.ReadStatus();
        }

        if ((status.msg_perm_mode & 0x1FF) != OwnerAndGroup)
        {
            status.msg_perm_mode = OwnerAndGroup;
            _ = queue.Change(status).OrThrow($"msgctl IPC_SET {_key}");
        }

        _oldLeft = _oldLeft == UnknownCount ? status.msg_qnum : 0;
        _log.Write(EventCatalogue.QueueOpened, _key.ToString(), status.msg_qnum);
        return queue;
    }

    /// <summary>A thread of its own, because a timer keeps a pool of threads awake that costs an idle server twenty times as much.</summary>
    private void WatchMailboxes()
    {
        while (!_closing.Token.WaitHandle.WaitOne(MailboxCheckMs))
        {
            EmptyMailboxes();
        }
    }

    /// <summary>
    /// Messages of other types are none of the server's business, until they fill its queue: when more than half of it is taken and nobody
    /// has received anything for some seconds, they are thrown away until a quarter is left.
    /// </summary>
    private void EmptyMailboxes()
    {
        if (!TryReadStatus(out var status))
        {
            return;
        }

        // What the server itself has received says nothing about mailboxes: commands may come all the time.
        bool untouched = Syscall.IsOwnThread(status.msg_lrpid) || (status.msg_rtime == _lastStatus.msg_rtime && status.msg_lrpid == _lastStatus.msg_lrpid);
        bool stuck = untouched && status.msg_cbytes > status.msg_qbytes / 2 && _lastStatus.msg_cbytes > _lastStatus.msg_qbytes / 2;
        _lastStatus = status;
        if (!stuck)
        {
            return;
        }

        int discarded = 0;
        var queue = MessageQueue.Of(_id);
        while (status.msg_cbytes > status.msg_qbytes / 4 && queue.Discard(CommandType, except: true, messagesMax: 1) == 1 && TryReadStatus(out status))
        {
            discarded++;
        }

        if (discarded > 0)
        {
            _log.Write(EventCatalogue.QueueMailboxesEmptied, discarded);
        }
    }
}
