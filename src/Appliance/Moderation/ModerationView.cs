using Appliance.Chat;
using Appliance.Rooms;

namespace Appliance.Moderation;

/// <summary>
/// The rules as one worker knows them. Once a turn it compares a number with the one in shared memory; a message costs it a branch while no rule
/// concerns messages.
/// </summary>
/// <param name="table">What all processes share; null where the segment has no place for it.</param>
public sealed class ModerationView(ModerationTable? table)
{
    /// <summary>When each connection wrote last to a slow room; no more than there are descriptors.</summary>
    private readonly Dictionary<int, (uint Generation, long AtMs)> _senders = [];
    private long _generation = -1;

    /// <summary>The rules in force.</summary>
    public RuleSet Rules { get; private set; } = RuleSet.Empty;

    /// <summary>The rule that has kept the last message from being sent; null for the state of a room.</summary>
    public ModerationRule? Refusing { get; private set; }

    /// <summary>Seconds until the next message, when the last one was refused because its room is slow.</summary>
    public int WaitSeconds { get; private set; }

    /// <summary>Takes rules over that have changed; false when none have.</summary>
    public bool TryUpdate()
    {
        if (table is null || table.Generation == _generation)
        {
            return false;
        }

        Rules = new RuleSet(ModerationRule.ReadAll(table.Read(out _generation)));
        return true;
    }

    /// <summary>Whether a message may be sent; called only when <see cref="RuleSet.ConcernsMessages"/>.</summary>
    /// <param name="sender">The connection: descriptor and generation.</param>
    /// <param name="address">Its address.</param>
    /// <param name="user">The user of its token; empty for none.</param>
    /// <param name="name">The name that it writes under.</param>
    /// <param name="room">The hash of the room's name.</param>
    /// <param name="moderates">Whether it may moderate the room: then the room's state does not bind it.</param>
    /// <param name="clock">The time: in seconds since 1970, and in milliseconds of the loop's clock.</param>
    public ChatRefusal Check(
        (int Descriptor, uint Generation) sender, (ulong High, ulong Low) address, ReadOnlySpan<byte> user, ReadOnlySpan<byte> name, ulong room,
        bool moderates, (long UnixSeconds, long NowMs) clock)
    {
        Refusing = Rules.BanOfName(room, name, clock.UnixSeconds);
        if (Refusing is not null)
        {
            return ChatRefusal.Banned;
        }

        Refusing = Rules.MuteOf(room, address.High, address.Low, user, name, clock.UnixSeconds);
        if (Refusing is not null)
        {
            return ChatRefusal.Muted;
        }

        var state = Rules.StateOf(room);
        return moderates ? ChatRefusal.None
            : state.IsReadOnly ? ChatRefusal.ReadOnly
            : state.SlowSeconds > 0 && !TryTake(sender, state.SlowSeconds * 1000L, clock.NowMs) ? ChatRefusal.TooSoon
            : ChatRefusal.None;
    }

    /// <summary>When a connection wrote last to a slow room, in milliseconds of the loop's clock; 0 for never.</summary>
    public long WroteMs((int Descriptor, uint Generation) sender) =>
        _senders.TryGetValue(sender.Descriptor, out var last) && last.Generation == sender.Generation ? last.AtMs : 0;

    /// <summary>A connection that comes from another worker has written to a slow room then.</summary>
    public void NoteWritten((int Descriptor, uint Generation) sender, long atMs) => _senders[sender.Descriptor] = (sender.Generation, atMs);

    private bool TryTake((int Descriptor, uint Generation) sender, long everyMs, long nowMs)
    {
        if (_senders.TryGetValue(sender.Descriptor, out var last) && last.Generation == sender.Generation && nowMs - last.AtMs < everyMs)
        {
            WaitSeconds = (int)((everyMs - (nowMs - last.AtMs) + 999) / 1000);
            return false;
        }

        _senders[sender.Descriptor] = (sender.Generation, nowMs);
        return true;
    }
}
