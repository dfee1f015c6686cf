using System.Text;
using Appliance.Logging;
using Appliance.Loop;
using Appliance.Rooms;

namespace Appliance.Journal;

/// <summary>
/// Opens a journal: fills a new segment from it, or finds how far it is behind the rooms; cuts a torn end off; sets damaged parts aside
/// and writes the file anew.
/// </summary>
internal static class JournalOpening
{
    /// <summary>More messages a room never gets between two syncs.</summary>
    private const int LostMax = 1_000_000;

    /// <summary>Opens a file for rooms that it may know.</summary>
    /// <param name="path">The file.</param>
    /// <param name="rooms">The rooms.</param>
    /// <param name="isNew">Whether they are to be filled. Nobody else uses them then.</param>
    /// <param name="isAlone">Whether nobody else uses the rooms.</param>
    /// <param name="log">The log.</param>
    /// <exception cref="IOException">It cannot be used.</exception>
    public static (JournalFile File, JournalBatch Batch) Open(string path, RoomLog rooms, bool isNew, bool isAlone, EventLog log)
    {
        var file = JournalFile.Open(path);
        try
        {
            var batch = new JournalBatch(rooms);
            if (IsKnown(file, rooms) && !isNew)
            {
                Each(rooms, slot => batch.Cursors.Move(slot, RoomCursor.AtSynced(rooms.Ring(slot))));
                return (file, batch);
            }

            var summary = JournalSummary.Read(file);
            log.Write(EventCatalogue.JournalRead, path, summary.Entries, summary.Rooms.Count);
            bool isDamaged = Repair(file, summary, log);
            if (isDamaged || (isNew && !file.IsEmpty && !file.Header.IsComplete))
            {
                RaiseLeastId(file, summary);
            }

            if (isNew)
            {
                Fill(file, rooms, summary, log);
            }

            if (isDamaged || file.IsEmpty)
            {
                return WriteAnew(file, rooms);
            }

            if (!isNew)
            {
                // Rooms may have given out what it has not got.
                _ = file.SetComplete(false).OrThrow($"pwrite '{path}'");
            }

            Each(rooms, slot => MoveBehind(rooms, slot, summary, batch, mayRaise: isAlone && !isNew));
            return (file, batch);
        }
        catch
        {
            file.Dispose();
            throw;
        }
    }

    /// <summary>Writes a file anew from the rooms and puts it in its place.</summary>
    /// <exception cref="IOException">It cannot be written.</exception>
    public static (JournalFile File, JournalBatch Batch) WriteAnew(JournalFile file, RoomLog rooms)
    {
        using var rewrite = new JournalRewrite(file, rooms);
        rewrite.Complete(isComplete: false);
        file.Dispose();
        return (rewrite.File, rewrite.Batch);
    }

    /// <summary>Whether the rooms say of this very file, as long as it is, how far it is.</summary>
    private static bool IsKnown(JournalFile file, RoomLog rooms) =>
        file.Header.Identity != 0 && file.Header.Identity == rooms.Header.JournalIdentity && file.Length == rooms.Header.JournalBytes;

    private static void Each(RoomLog rooms, Action<int> act)
    {
        for (int slot = 0; slot < rooms.Layout.Rooms; slot++)
        {
            act(slot);
        }
    }

    /// <summary>A torn end is cut off. Anything else that is damaged is set aside; true when the file must be written anew because of it.</summary>
    private static bool Repair(JournalFile file, JournalSummary summary, EventLog log)
    {
        bool isDamaged = !file.IsEmpty && file.Header.Identity == 0;
        foreach (var part in summary.Damaged)
        {
            if (part.To == file.Length)
            {
                log.Write(EventCatalogue.JournalCut, file.Path, part.To - part.From);
                _ = file.SetComplete(false).OrThrow($"pwrite '{file.Path}'");
                file.Cut(part.From);
                break;
            }

            isDamaged = true;
            log.Write(EventCatalogue.JournalDamaged, file.Path, part.To - part.From, part.From, file.SetAside(part.From, part.To));
        }

        return isDamaged;
    }

    /// <summary>
    /// What may have been given out and lost is never given out again: ids go on at the time, which is ahead of all of them. It is noted,
    /// because a room in which nobody says anything until the next reboot has nothing else that tells.
    /// </summary>
    private static void RaiseLeastId(JournalFile file, JournalSummary summary)
    {
        // All that was said since the last jump may be lost: the next one goes on from there, not from what is kept.
        long last = file.Header.LeastId;
        foreach (var room in summary.Rooms)
        {
            last = Math.Max(last, room.LastId);
        }

        _ = file.SetHeader(file.Header with { IsComplete = false, LeastId = Math.Max(last + LostMax, JournalFile.IdOfNow) }).OrThrow($"pwrite '{file.Path}'");
    }

    /// <summary>Fills the rooms, those that were used last if not all have place. A place is kept for the lobby.</summary>
    private static void Fill(JournalFile file, RoomLog rooms, JournalSummary summary, EventLog log)
    {
        var clock = new LoopClock();
        foreach (var room in summary.Rooms.OrderByDescending(room => room.EndsAt))
        {
            room.Slot = RoomFilling.FindOrCreate(rooms, Encoding.Latin1.GetBytes(room.Name), clock.UnixMs, clock.NowMs);
        }

        long records = 0;
        var reader = new JournalReader(file);
        while (reader.TryRead(out var entry))
        {
            var room = summary.Find(entry.Room);
            bool taken = room is { Slot: >= 0 } && RoomFilling.TryAppend(rooms.Ring(room.Slot), entry.Id, entry.IsMessage, entry.Frame);
            records += taken ? 1 : 0;
            if (taken && Erasure.DeletedBy(entry.IsMessage, entry.Frame) is > 0 and long deleted)
            {
                // The power was cut before the file was written anew without its text.
                _ = rooms.Ring(room!.Slot).Erase(deleted);
            }
        }

        foreach (var room in summary.Rooms.Where(room => room.Slot >= 0))
        {
            RoomFilling.RaiseNextId(rooms.Ring(room.Slot), Math.Max(room.LastId + 1, file.Header.LeastId));
        }

        int left = summary.Rooms.Count(room => room.Slot < 0);
        log.Write(EventCatalogue.JournalRestored, records, summary.Rooms.Count - left, file.Path);
        if (left > 0)
        {
            log.Write(EventCatalogue.JournalRoomsLeft, left, rooms.Layout.Rooms);
        }
    }

    /// <summary>Sets the cursor of a room behind what the file has.</summary>
    private static void MoveBehind(RoomLog rooms, int slot, JournalSummary summary, JournalBatch batch, bool mayRaise)
    {
        if (summary.Find(rooms.NameOf(slot)) is { } room)
        {
            var ring = rooms.Ring(slot);
            if (mayRaise)
            {
                RoomFilling.RaiseNextId(ring, room.LastId + 1);
            }

            batch.Cursors.Move(slot, RoomCursor.Behind(ring, room.LastId));
        }
    }
}
