using Appliance.Logging;
using Appliance.Native;
using Appliance.Rooms;

namespace Appliance.Journal;

/// <summary>
/// Keeps a journal from growing without limit, and free of text that was deleted: one that is too long, or has such text, is written anew from
/// the rooms.
/// </summary>
internal sealed class JournalUpkeep(string path, RoomLog rooms, EventLog log) : IDisposable
{
    /// <summary>A shorter file is not worth the work.</summary>
    private const long BytesEnough = 64 << 20;

    /// <summary>A longer one is written anew when it is so many times what the rooms hold, or what it was when it was written last.</summary>
    private const int Times = 2;

    private const int RetryMs = 60_000;

    private JournalRewrite? _rewrite;
    private long _limit = BytesEnough;
    private long _written;
    private long _notBeforeMs;
    private long _erasures;

    /// <summary>When a new file is to be begun at the latest, in milliseconds of the caller's clock: while the one in use has text that was deleted.</summary>
    public long DueMs => HasDeleted ? _notBeforeMs : long.MaxValue;

    private bool HasDeleted => Volatile.Read(ref rooms.Header.Erasures) != rooms.Header.JournalErasures;

    /// <summary>Whether a new file is being written, or is to be begun at once.</summary>
    public bool IsUnderWay(long nowMs) => _rewrite is not null || DueMs <= nowMs;

    /// <summary>
    /// Begins a new file if it is time for one, or writes its next part. Returns what is the journal from now on when it is done; the former
    /// file is the caller's to close. When it fails the former one stays in use.
    /// </summary>
    public JournalRewrite? Step(JournalFile file, long nowMs)
    {
        if (_rewrite is null && (nowMs < _notBeforeMs || !(HasDeleted || (file.Length > _limit && IsTooLong(file)))))
        {
            return null;
        }

        try
        {
            _erasures = _rewrite is null ? Volatile.Read(ref rooms.Header.Erasures) : _erasures;
            _rewrite ??= new JournalRewrite(file, rooms);
            _ = _rewrite.Step(file.Header.IsComplete, out bool isDone).OrThrow($"'{path}.new'");
            if (!isDone)
            {
                return null;
            }

            var done = _rewrite;
            _rewrite = null;
            _written = done.File.Length;
            rooms.Header.JournalErasures = _erasures;
            log.Write(EventCatalogue.JournalRewritten, path, file.Length, _written);
            return done;
        }
        catch (Exception failure) when (failure is IOException or SyscallException or UnauthorizedAccessException)
        {
            Abandon();
            _notBeforeMs = nowMs + RetryMs;
            log.Write(EventCatalogue.JournalNotRewritten, path, failure.Message);
            return null;
        }
    }

    /// <summary>Gives a new file up that is not done.</summary>
    public void Abandon()
    {
        _rewrite?.Dispose();
        _rewrite = null;
    }

    /// <inheritdoc/>
    public void Dispose() => Abandon();

    private bool IsTooLong(JournalFile file)
    {
        long live = 0;
        for (int slot = 0; slot < rooms.Layout.Rooms; slot++)
        {
            live += rooms.NameOf(slot).IsEmpty ? 0 : rooms.Ring(slot).Head - rooms.Ring(slot).Tail;
        }

        _limit = Math.Max(BytesEnough, Times * Math.Max(live, _written));
        return file.Length > _limit;
    }
}
