using System.Text;
using Appliance.Logging;
using Appliance.Rooms;

namespace Appliance.Journal;

/// <summary>Counts what a journal will never have, and says so in the log, at most once a second.</summary>
internal sealed class JournalLosses(string path, RoomLog rooms, EventLog log)
{
    private const int TellEveryMs = 1000;

    private long _records;
    private string _room = "";
    private long _notBeforeMs;

    /// <summary>Whether rooms were given up whose last ids the file has not got, and it does not know that yet.</summary>
    public bool AreIdsLost { get; set; }

    /// <summary>Records of a room were overwritten before they could be read.</summary>
    public void Note(int slot, long records)
    {
        _records += records;
        _room = Encoding.UTF8.GetString(rooms.NameOf(slot));
    }

    /// <summary>Logs the losses, if it is time to.</summary>
    public void Tell(long nowMs)
    {
        int givenUp = rooms.Header.JournalMissed;
        AreIdsLost |= givenUp > 0;
        if (nowMs < _notBeforeMs || (_records == 0 && givenUp == 0))
        {
            return;
        }

        if (_records > 0)
        {
            log.Write(EventCatalogue.JournalOvertaken, path, _records, _room);
        }

        if (givenUp > 0)
        {
            log.Write(EventCatalogue.JournalGivenUp, path, givenUp);
        }

        _ = Interlocked.Add(ref rooms.Header.JournalMissed, -givenUp);
        (_records, _notBeforeMs) = (0, nowMs + TellEveryMs);
    }
}
