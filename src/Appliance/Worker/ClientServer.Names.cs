using Appliance.Rooms;

namespace Appliance.Worker;

/// <summary>Names that belong to clients.</summary>
public sealed unsafe partial class ClientServer
{
    /// <summary>How often names are kept anew: often enough that a slow turn, or a missed one, loses none.</summary>
    private const int KeepNamesEveryMs = NameTable.KeptMs / 3;

    /// <summary>Names are kept while they are to be unique; otherwise nothing is, and an idle worker does not turn for it.</summary>
    private void KeepNames()
    {
        if (_context.Settings.UniqueNames)
        {
            _context.Timers.Arm(_namesTimer, _context.NowMs + KeepNamesEveryMs, KeepNamesEveryMs);
        }
        else
        {
            _context.Timers.Cancel(_namesTimer);
            _table.ReleaseNames();
        }
    }
}
