using System.Diagnostics;
using System.Runtime.InteropServices;

namespace Appliance.Loop;

/// <summary>Is told which timers have run out.</summary>
public interface ITimerHandler
{
    /// <summary>
    /// A timer has run out. A one-shot timer is not armed any more, a persistent one is armed for its next time; this and any other
    /// timer may be armed or cancelled from here.
    /// </summary>
    void OnTimer(TimerId timer, long nowMs);
}

/// <summary>
/// Timers, numbered from 0, in a hashed wheel: arming, re-arming and cancelling cost the same however many there are, and an unarmed
/// timer costs 16 bytes of untouched memory. Fires up to <see cref="TickMs"/> late, never early.
/// </summary>
public sealed unsafe class TimerWheel : IDisposable
{
    /// <summary>The wheel's resolution: half of what a person notices, and at most ten wake-ups a second.</summary>
    public const int TickMs = 100;

    private const int Slots = 512;
    private const int FirstSentinel = 1;
    private const int Expiring = FirstSentinel + Slots;
    private const int FirstTimer = Expiring + 1;

    private readonly int _timers;
    private Node* _nodes;
    private long _tick;
    private int _armed;

    /// <summary>A wheel for timers 0 to <paramref name="timers"/> - 1 that starts at the given time.</summary>
    public TimerWheel(int timers, long nowMs)
    {
        _timers = timers;
        _nodes = (Node*)NativeMemory.AllocZeroed((nuint)(FirstTimer + timers), (nuint)sizeof(Node));
        _tick = nowMs / TickMs;
        for (int sentinel = FirstSentinel; sentinel <= Expiring; sentinel++)
        {
            _nodes[sentinel].Next = _nodes[sentinel].Previous = sentinel;
        }
    }

    /// <summary>Sets a timer to run out at a time; one that is armed is set anew.</summary>
    /// <param name="timer">Its number.</param>
    /// <param name="atMs">When.</param>
    /// <param name="everyMs">For a persistent timer: how long after that again and again.</param>
    public void Arm(TimerId timer, long atMs, int everyMs = 0)
    {
        Cancel(timer);
        _nodes[FirstTimer + timer.Index].EveryMs = everyMs;
        long tick = Math.Max((atMs + TickMs - 1) / TickMs, _tick + 1);
        int node = FirstTimer + timer.Index;
        _nodes[node].Tick = (uint)tick;
        Link(node, FirstSentinel + (int)(tick % Slots));
        _armed++;
    }

    /// <summary>Takes a timer out; one that is not armed stays so.</summary>
    public void Cancel(TimerId timer)
    {
        Debug.Assert((uint)timer.Index < (uint)_timers);
        int node = FirstTimer + timer.Index;
        if (_nodes[node].Next != 0)
        {
            Unlink(node);
            _armed--;
        }
    }

    /// <summary>How long a wait may last until a timer may run out; -1 when none is armed.</summary>
    public int MillisecondsToNext(long nowMs)
    {
        if (_armed == 0)
        {
            return -1;
        }

        long tick = _tick + 1;
        while (tick < _tick + Slots && IsEmpty(FirstSentinel + (int)(tick % Slots)))
        {
            tick++;
        }

        return (int)Math.Max(0, (tick * TickMs) - nowMs);
    }

    /// <summary>When an armed timer runs out, to <see cref="TickMs"/>; 0 for one that is not armed.</summary>
    public long DueMs(TimerId timer)
    {
        ref var node = ref _nodes[FirstTimer + timer.Index];
        return node.Next == 0 ? 0 : (_tick + (int)(node.Tick - (uint)_tick)) * TickMs;
    }

    /// <summary>Tells the handler every timer that has run out by now.</summary>
    public void Expire<THandler>(long nowMs, THandler handler)
        where THandler : class, ITimerHandler
    {
        long now = nowMs / TickMs;
        if (_armed == 0 || now - _tick > Slots)
        {
            _tick = Math.Max(_tick, _armed == 0 ? now : now - Slots);
        }

        while (_tick < now)
        {
            _tick++;
            ExpireSlot(FirstSentinel + (int)(_tick % Slots), nowMs, (uint)now, handler);
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        NativeMemory.Free(_nodes);
        _nodes = null;
    }

    private void ExpireSlot<THandler>(int slot, long nowMs, uint now, THandler handler)
        where THandler : class, ITimerHandler
    {
        // The slot's timers move to a list of their own first: a handler may arm timers into this very slot.
        while (!IsEmpty(slot))
        {
            int node = _nodes[slot].Next;
            Unlink(node);
            Link(node, Expiring);
        }

        while (!IsEmpty(Expiring))
        {
            int node = _nodes[Expiring].Next;
            Unlink(node);
            if ((int)(now - _nodes[node].Tick) < 0)
            {
                Link(node, slot);
                continue;
            }

            _armed--;
            var timer = new TimerId(node - FirstTimer);
            if (_nodes[node].EveryMs > 0)
            {
                Arm(timer, nowMs + _nodes[node].EveryMs, _nodes[node].EveryMs);
            }

            handler.OnTimer(timer, nowMs);
        }
    }

    private bool IsEmpty(int sentinel) => _nodes[sentinel].Next == sentinel;

    private void Link(int node, int sentinel)
    {
        int last = _nodes[sentinel].Previous;
        _nodes[node].Previous = last;
        _nodes[node].Next = sentinel;
        _nodes[last].Next = node;
        _nodes[sentinel].Previous = node;
    }

    private void Unlink(int node)
    {
        _nodes[_nodes[node].Previous].Next = _nodes[node].Next;
        _nodes[_nodes[node].Next].Previous = _nodes[node].Previous;
        _nodes[node].Next = 0;
    }

    /// <summary>Next is 0 for a timer that is not armed: zeroed memory is a wheel of unarmed timers.</summary>
    private struct Node
    {
        public int Next;
        public int Previous;
        public uint Tick;
        public int EveryMs;
    }
}
