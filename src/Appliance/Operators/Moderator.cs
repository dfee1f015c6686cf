using System.Globalization;
using System.Text;
using System.Text.Json;
using Appliance.Logging;
using Appliance.Moderation;
using Appliance.Native;
using Appliance.Protocols;
using Appliance.Rooms;

namespace Appliance.Operators;

/// <summary>
/// Does what moderators ask for, whoever has asked for it and was let: changes the rules that all processes share, and has them written to the
/// file by a thread of its own, so that no disk holds up the server. Keeps nothing itself: another master may go on at any time.
/// </summary>
public sealed class Moderator : IDisposable
{
    /// <summary>Rules at most: a network takes the place of many addresses.</summary>
    public const int RulesMax = 2000;

    private const int JoinMsMax = 3000;

    private readonly ModerationTable? _table;
    private readonly string _stateDirectory;
    private readonly uint _layout;
    private readonly EventLog _log;
    private readonly Lock _gate = new();
    private Thread? _writer;
    private bool _hasMore;

    private Moderator(ModerationTable? table, string stateDirectory, uint layout, EventLog log) =>
        (_table, _stateDirectory, _layout, _log) = (table, stateDirectory, layout, log);

    /// <summary>Makes the table of a server that begins, from its file; one that goes on for another process finds it filled.</summary>
    /// <param name="stateDirectory">The server's.</param>
    /// <param name="rooms">The rooms, which no worker uses yet.</param>
    /// <param name="isSuccessor">Whether another process of the same server still uses them.</param>
    /// <param name="log">Where what is wrong with the file is told.</param>
    /// <exception cref="IOException">The file cannot be read, or is somebody else's: nobody who was kept out must get in by that.</exception>
    public static Moderator Open(string stateDirectory, RoomLog rooms, bool isSuccessor, EventLog log)
    {
        bool isNew = !isSuccessor || ModerationTable.Open(rooms) is null;
        var table = ModerationTable.Make(rooms, isAlone: !isSuccessor);
        if (isNew && table is not null)
        {
            byte[] text = RuleFile.Read(stateDirectory);
            var rules = ModerationRule.ReadAll(text);
            int damaged = text.Count((byte)'\n') - rules.Count;
            if (damaged > 0)
            {
                log.Write(EventCatalogue.RulesDamaged, Path.Combine(stateDirectory, RuleFile.Name), damaged);
            }

            table.Change(_ => ModerationRule.WriteAll(rules.Take(RulesMax)));
        }

        return new Moderator(table, stateDirectory, rooms.Layout.Version, log);
    }

    /// <summary>Does a command; <c>ok</c>, or <c>failed REASON</c>.</summary>
    public string Do(ModerationCommand command, long unixSeconds)
    {
        if (_table is null)
        {
            return NoTable;
        }

        string outcome = "ok";
        _table.Change(text =>
        {
            var rules = ModerationRule.ReadAll(text);
            _ = rules.RemoveAll(rule => !rule.HoldsAt(unixSeconds));
            bool wasThere = rules.RemoveAll(rule => rule.IsSameAs(command.Rule)) > 0;
            outcome = command.IsUndone
                ? wasThere || command.Rule.Action == RuleAction.Room ? "ok" : $"failed there is no {command.Rule.ActionWord} of {Describe(command.Rule)}"
                : rules.Count < RulesMax ? "ok"
                : Text($"failed all {RulesMax} places for bans, mutes and rooms are taken: unban some, or ban a network in place of its addresses");
            if (!command.IsUndone && outcome == "ok")
            {
                rules.Add(command.Rule);
            }

            return outcome == "ok" ? ModerationRule.WriteAll(rules) : null;
        });
        if (outcome == "ok")
        {
            Save();
        }

        return outcome;
    }

    /// <summary><c>bans [CURSOR]</c>: a page of the rules that hold, a line of JSON each.</summary>
    public string List(string arguments, int bytesMax, long unixSeconds)
    {
        if (_table is null)
        {
            return NoTable;
        }

        if (!int.TryParse(arguments.Length == 0 ? "0" : arguments, NumberStyles.None, CultureInfo.InvariantCulture, out int from))
        {
            return $"failed {PrintableText.Quote(arguments)} is not a cursor from an answer's first line: more CURSOR";
        }

        var lines = new StringBuilder();
        var rules = ModerationRule.ReadAll(_table.Read(out _));
        for (int i = from; i < rules.Count; i++)
        {
            string line = rules[i].HoldsAt(unixSeconds) ? JsonOf(rules[i]) : "";
            if (line.Length + lines.Length > bytesMax - RoomReport.OutcomeBytesMax && lines.Length > 0)
            {
                return Text($"more {i}{lines}");
            }

            _ = lines.Append(line);
        }

        return $"ok{lines}";
    }

    /// <summary>Waits until the last change is on disk, unless the disk does not answer.</summary>
    public void Dispose()
    {
        Thread? writer;
        lock (_gate)
        {
            writer = _writer;
        }

        _ = writer?.Join(JoinMsMax);
    }

    private string NoTable => Text($"failed room logs of layout {_layout} have no place for it: stop the server and start it anew");

    private static string Describe(ModerationRule rule) =>
        PrintableText.Quote(rule.Kind is RuleSubject.User or RuleSubject.Name ? $"{rule.KindWord}:{rule.Subject}" : rule.Subject)
        + (rule.Room.Length > 0 ? $" in room '{rule.Room}'" : "");

    private static string JsonOf(ModerationRule rule) => Text($$"""

        {"action":"{{rule.ActionWord}}","kind":"{{rule.KindWord}}","subject":"{{Escape(rule.Subject)}}","until":{{rule.UntilSeconds}},
        """) + Text($$"""
        "since":{{rule.SinceSeconds}},"reason":"{{Escape(rule.Reason)}}","room":"{{rule.Room}}"}
        """);

    /// <summary>ASCII alone: as many bytes as characters.</summary>
    private static string Escape(string text) => JsonEncodedText.Encode(text).ToString();

    private static string Text(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);

    /// <summary>Has the file written by a thread, which there is only while it has something to do.</summary>
    private void Save()
    {
        lock (_gate)
        {
            _hasMore = true;
            if (_writer is not null)
            {
                return;
            }

            try
            {
                var writer = new Thread(WriteAll) { IsBackground = true, Name = "bans" };
                writer.Start();
                _writer = writer;
                return;
            }
            catch (Exception refusal) when (refusal is OutOfMemoryException or ThreadStartException)
            {
                _log.Write(EventCatalogue.RulesUnwritten, Path.Combine(_stateDirectory, RuleFile.Name), TaskLimit.WayOut());
            }
        }
    }

    private void WriteAll()
    {
        while (true)
        {
            lock (_gate)
            {
                if (!_hasMore)
                {
                    _writer = null;
                    return;
                }

                _hasMore = false;
            }

            try
            {
                RuleFile.Write(_stateDirectory, _table!.Read(out _));
            }
            catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
            {
                _log.Write(EventCatalogue.RulesUnwritten, Path.Combine(_stateDirectory, RuleFile.Name), failure.Message);
            }
        }
    }
}
