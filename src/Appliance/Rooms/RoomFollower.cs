using Appliance.Loop;
using Appliance.Native;

namespace Appliance.Rooms;

/// <summary>
/// A cursor on every room that is nobody's client, on a thread of its own: the thread sleeps and is woken as workers are, in a slot of its
/// own, and reads as a connection does, without a lock, tail before and after. What fails is tried again every second. A follower that needs no
/// more than the records overrides <see cref="Take"/> and <see cref="OnOvertaken"/>; a mark in the segment says where its successor goes on.
/// </summary>
internal abstract class RoomFollower : IDisposable
{
    private const int RetryMs = 1000;

    /// <summary>A thread that ends and takes longer for one step is left behind: its disk or its peer does not answer.</summary>
    private const int StepMsMax = 3000;

#pragma warning disable CA2213 // One of the table's.
    private readonly Wakeup _wakeup;
#pragma warning restore CA2213
    private readonly Poller _poller = new(1);
    private readonly StandbyThread _thread;
    private FollowerCursors? _cursors;
    private long _retryMs;
    private long _sinceNs;
    private long _steps;
    private volatile bool _stopping;

    /// <summary>A follower that has not begun.</summary>
    /// <param name="name">Of its thread, for ps and debuggers.</param>
    /// <param name="slot">Its slot: one of the <see cref="RoomLogLayout.FollowersMax"/> behind those of the workers.</param>
    /// <param name="rooms">The rooms.</param>
    /// <param name="wakeups">The wake-ups of all slots, its own included from now on.</param>
    /// <exception cref="IOException">The segment, of an older release that runs or ran, has no such slot.</exception>
    /// <exception cref="SyscallException">The host has no thread or descriptor for it.</exception>
    protected RoomFollower(string name, WorkerSlot slot, RoomLog rooms, WakeupTable wakeups)
    {
        if (slot.Index < RoomLogLayout.WorkerSlots || slot.Index >= rooms.Layout.SlotCount)
        {
            _poller.Dispose();
            throw new IOException($"{name}: room logs of layout {rooms.Layout.Version} have no place for it: stop the server and start it anew");
        }

        Slot = slot;
        Rooms = rooms;
        Due = new RoomQueue(rooms.Layout.Rooms);
        _wakeup = wakeups.Ensure(slot);
        _thread = new StandbyThread(name, Run);
        _ = _poller.Add(_wakeup.Descriptor, 0).OrThrow("epoll_ctl");
    }

    /// <summary>Its slot in the segment.</summary>
    public WorkerSlot Slot { get; }

    /// <summary>Whether the last try has failed.</summary>
    protected bool IsFailing { get; private set; }

    /// <summary>Whether it is told to end.</summary>
    protected bool IsStopping => _stopping;

    /// <summary>Once it is told to end: whether nobody uses the rooms any more; otherwise another process goes on.</summary>
    protected bool IsLast { get; private set; }

    /// <summary>The rooms.</summary>
    protected RoomLog Rooms { get; }

    /// <summary>The time at the beginning of the turn.</summary>
    protected LoopClock Clock { get; } = new();

    /// <summary>Rooms that may have got something.</summary>
    protected RoomQueue Due { get; }

    /// <summary>Whether it takes no more in this turn.</summary>
    protected virtual bool HasEnough => false;

    /// <summary>Whether it goes on at once, though no room is due.</summary>
    protected virtual bool HasMoreToDo => false;

    /// <summary>While this is above zero it looks by itself after so many milliseconds, and nobody need wake it.</summary>
    protected virtual int LookAgainMs => 0;

    /// <summary>When it is to turn at the latest, in milliseconds of its clock.</summary>
    protected virtual long NextTurnMs => long.MaxValue;

    /// <summary>Begins, where nobody uses the rooms yet: its first turn is over when this returns.</summary>
    /// <param name="isNew">Whether the rooms are new, and it may fill them.</param>
    /// <exception cref="IOException">It cannot.</exception>
    public virtual void Begin(bool isNew)
    {
        Turn();
        _thread.Start();
    }

    /// <summary>Goes on where another process has ended; one that has begun itself does so anyway. Workers use the rooms.</summary>
    public void Continue() => _thread.Start();

    /// <summary>Settings may have changed.</summary>
    public void OnSettings() => _wakeup.Set();

    /// <summary>Reads what there is, and ends: for as long as that goes on, but not when nothing moves any more.</summary>
    /// <param name="isLast">Whether nobody uses the rooms any more; otherwise another process goes on.</param>
    public void Stop(bool isLast)
    {
        if (_stopping)
        {
            return;
        }

        IsLast = isLast;
        _stopping = true;
        _wakeup.Set();
        if (AwaitEnd())
        {
            _poller.Dispose();
            OnEnded();
        }
    }

    /// <inheritdoc/>
    public void Dispose() => Stop(isLast: true);

    /// <summary>Takes records of a room, each once; what it throws has it get them once more, a second later.</summary>
    protected abstract void Take(in FollowedRecords records);

    /// <summary>Records of a room were overwritten before it could read them.</summary>
    protected abstract void OnOvertaken(int slot, long records);

    /// <summary>A turn: takes what rooms have got.</summary>
    protected virtual void Advance()
    {
        if (_cursors is null)
        {
            Use(FollowerCursors.AtMarks(Rooms, Slot));
        }

        ReadDue();
    }

    /// <summary>Has what was taken kept: behind this it is not read again.</summary>
    protected virtual void Flush() => _cursors!.Keep();

    /// <summary>It has failed; the first of several times in a row says so.</summary>
    protected virtual void OnFailed(Exception failure, bool isFirst)
    {
    }

    /// <summary>It works again.</summary>
    protected virtual void OnRecovered()
    {
    }

    /// <summary>At the end of each turn, whatever came of it.</summary>
    protected virtual void OnTurned()
    {
    }

    /// <summary>The last thing on its thread; <see cref="Due"/> is empty if it has everything.</summary>
    protected virtual void OnFinished()
    {
    }

    /// <summary>Nothing of it runs any more.</summary>
    protected virtual void OnEnded()
    {
    }

    /// <summary>It was told to end and is left behind: for so many seconds it has done nothing.</summary>
    protected virtual void OnLeft(int seconds)
    {
    }

    /// <summary>Goes on with cursors; every room may be further than they are.</summary>
    protected void Use(FollowerCursors cursors)
    {
        cursors.OnMissing = OnOvertaken;
        _cursors = cursors;
        Rooms.Follow(Slot);
        Due.AddAll();
    }

    /// <summary>Has it turn, from any thread.</summary>
    protected void Wake() => _wakeup.Set();

    /// <summary>Since when, on the monotonic clock, the rooms that it has read since this was asked have waited for it; 0 when nobody knows.</summary>
    protected long TakeSinceNs()
    {
        long sinceNs = _sinceNs;
        _sinceNs = 0;
        return sinceNs;
    }

    /// <summary>Takes what rooms that are due have got, one after the other, until it has enough.</summary>
    protected void ReadDue()
    {
        int done = 0;
        while (done < Due.Count && !HasEnough)
        {
            if (_cursors!.Read(Due.Slots[done], out var records))
            {
                Take(records);
            }
            else
            {
                done++;
            }
        }

        Flush();
        Due.RemoveFirst(done);
    }

    /// <summary>Advances; false when that has failed.</summary>
    protected virtual bool TryAdvance()
    {
        try
        {
            Advance();
            if (IsFailing && Due.Count == 0)
            {
                IsFailing = false;
                OnRecovered();
            }

            return true;
        }
        catch (Exception failure) when (failure is IOException or SyscallException or UnauthorizedAccessException or InvariantException)
        {
            _retryMs = Clock.NowMs + RetryMs;
            _cursors?.ReadAgain();
            if (failure is InvariantException)
            {
                // Cursors that are wrong are not used again: the marks say where to go on.
                _cursors = null;
            }

            bool isFirst = !IsFailing;
            IsFailing = true;
            OnFailed(failure, isFirst);
            return false;
        }
        finally
        {
            Volatile.Write(ref _steps, _steps + 1);
        }
    }

    private void Run()
    {
        while (!_stopping)
        {
            Turn();
            Wait();
        }

        Due.AddAll();
        IsFailing = false;
        while (Due.Count > 0 && TryAdvance())
        {
            Clock.Update();
        }

        OnFinished();
    }

    private void Turn()
    {
        Clock.Update();
        for (int slot = Rooms.TakeDirty(Slot, 0); slot >= 0; slot = Rooms.TakeDirty(Slot, slot))
        {
            Due.Add(slot);
        }

        if (!IsFailing || Clock.NowMs >= _retryMs)
        {
            _ = TryAdvance();
        }

        OnTurned();
    }

    /// <summary>Waits until a room has got something, or it is time for what the follower wants, or the next try.</summary>
    private void Wait()
    {
        long waitMs = -1;
        if (IsFailing)
        {
            waitMs = Math.Max(1, _retryMs - Clock.NowMs);
        }
        else if (Due.Count > 0 || HasMoreToDo)
        {
            waitMs = 0;
        }
        else if (LookAgainMs > 0)
        {
            waitMs = LookAgainMs;
        }
        else if (!Rooms.BeginSleep(Slot))
        {
            waitMs = 0;
        }
        else if (NextTurnMs != long.MaxValue)
        {
            waitMs = Math.Max(0, NextTurnMs - Clock.NowMs);
        }

        _ = _poller.Wait((int)waitMs);
        _wakeup.Clear();
        long sinceNs = Rooms.EndSleep(Slot);
        _sinceNs = _sinceNs == 0 ? sinceNs : _sinceNs;
    }

    /// <summary>Waits for the end of the thread, for as long as it takes a step now and then; false, and told, when it does not.</summary>
    private bool AwaitEnd()
    {
        for (long steps = -1; !_thread.Join(StepMsMax); steps = Volatile.Read(ref _steps))
        {
            if (steps == Volatile.Read(ref _steps))
            {
                OnLeft(2 * StepMsMax / 1000);
                return false;
            }
        }

        return true;
    }
}
