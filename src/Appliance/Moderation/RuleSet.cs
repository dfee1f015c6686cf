using System.Buffers.Binary;
using System.Text;
using Appliance.Config;
using Appliance.Rooms;

namespace Appliance.Moderation;

/// <summary>Rules as a worker looks them up: never changed, and without an allocation.</summary>
public sealed class RuleSet
{
    private readonly Subjects _bans = new();
    private readonly Subjects _mutes = new();
    private readonly Dictionary<ulong, RoomState> _rooms = [];

    /// <summary>By the hash of a room's name, rules that hold in it alone.</summary>
    private readonly Dictionary<ulong, (Subjects Bans, Subjects Mutes)> _inRooms = [];

    /// <summary>Some rules.</summary>
    public RuleSet(IEnumerable<ModerationRule> rules)
    {
        foreach (var rule in rules)
        {
            if (rule.Action != RuleAction.Room)
            {
                var (bans, mutes) = rule.Room.Length == 0 ? (_bans, _mutes) : In(rule.Room);
                (rule.Action == RuleAction.Ban ? bans : mutes).Add(rule);
            }
            else if (RoomState.Read(rule.Reason) is { IsOpen: false } state)
            {
                _rooms[RoomLog.HashOf(Encoding.UTF8.GetBytes(rule.Subject))] = state;
                HasRooms = true;
                ConcernsMessages |= state.SlowSeconds > 0 || state.IsReadOnly;
            }
        }

        HasBans = _bans.KeepOut;
        HasRoomBans = _inRooms.Values.Any(room => room.Bans.KeepOut);
        ConcernsMessages |= Concern(_bans, _mutes) || _inRooms.Values.Any(room => Concern(room.Bans, room.Mutes));
    }

    /// <summary>No rule.</summary>
    public static RuleSet Empty { get; } = new([]);

    /// <summary>Whether any message has to be looked at.</summary>
    public bool ConcernsMessages { get; }

    /// <summary>Whether any address or user is kept out.</summary>
    public bool HasBans { get; }

    /// <summary>Whether any address or user is kept out of a room.</summary>
    public bool HasRoomBans { get; }

    /// <summary>Whether any room has a state.</summary>
    public bool HasRooms { get; }

    /// <summary>What keeps a client out; null for nothing.</summary>
    /// <param name="high">Its address, the first 8 bytes as they lie in memory.</param>
    /// <param name="low">The 8 bytes behind them.</param>
    /// <param name="user">The user of its token; empty for none.</param>
    /// <param name="unixSeconds">The time.</param>
    public ModerationRule? BanOf(ulong high, ulong low, ReadOnlySpan<byte> user, long unixSeconds) =>
        HasBans ? _bans.Find(high, low, user, default, unixSeconds) : null;

    /// <summary>What keeps a client out of a room, by the hash of its name, but of no other; null for nothing.</summary>
    public ModerationRule? BanIn(ulong room, ulong high, ulong low, ReadOnlySpan<byte> user, long unixSeconds) =>
        HasRoomBans && _inRooms.TryGetValue(room, out var rules) ? rules.Bans.Find(high, low, user, default, unixSeconds) : null;

    /// <summary>What keeps whoever writes under a name out, of all rooms or of the one with that hash; null for nothing.</summary>
    public ModerationRule? BanOfName(ulong room, ReadOnlySpan<byte> name, long unixSeconds) => _bans.FindName(name, unixSeconds)
        ?? (_inRooms.TryGetValue(room, out var rules) ? rules.Bans.FindName(name, unixSeconds) : null);

    /// <summary>What keeps a client from writing to the room with a hash; null for nothing.</summary>
    public ModerationRule? MuteOf(ulong room, ulong high, ulong low, ReadOnlySpan<byte> user, ReadOnlySpan<byte> name, long unixSeconds) =>
        _mutes.Find(high, low, user, name, unixSeconds)
        ?? (_inRooms.TryGetValue(room, out var rules) ? rules.Mutes.Find(high, low, user, name, unixSeconds) : null);

    /// <summary>What may be done in a room, by the hash of its name.</summary>
    public RoomState StateOf(ulong room) => HasRooms ? _rooms.GetValueOrDefault(room) : default;

    private static bool Concern(Subjects bans, Subjects mutes) => mutes.KeepOut || mutes.HasNames || bans.HasNames;

    private (Subjects Bans, Subjects Mutes) In(string room)
    {
        ulong hash = RoomLog.HashOf(Encoding.UTF8.GetBytes(room));
        if (!_inRooms.TryGetValue(hash, out var rules))
        {
            rules = (new Subjects(), new Subjects());
            _inRooms.Add(hash, rules);
        }

        return rules;
    }

    /// <summary>Rules of one action, by whom they concern.</summary>
    private sealed class Subjects
    {
        private const int CharactersMax = ModerationRule.SubjectBytesMax;

        /// <summary>For each length of a prefix, the networks of that length.</summary>
        private readonly List<(int Bits, Dictionary<UInt128, ModerationRule> Networks)> _lengths = [];

        private readonly Dictionary<string, ModerationRule> _users = new(StringComparer.Ordinal);
        private readonly Dictionary<string, ModerationRule> _names = new(StringComparer.OrdinalIgnoreCase);

        /// <summary>Whether they concern any address or user.</summary>
        public bool KeepOut => _lengths.Count > 0 || _users.Count > 0;

        public bool HasNames => _names.Count > 0;

        public void Add(ModerationRule rule)
        {
            switch (rule.Kind)
            {
                case RuleSubject.User:
                    _users[rule.Subject] = rule;
                    break;
                case RuleSubject.Name:
                    _names[rule.Subject] = rule;
                    break;
                case RuleSubject.Network when NetworkList.TryParse(rule.Subject, out var first, out int bits):
                    int place = _lengths.FindIndex(length => length.Bits == bits);
                    if (place < 0)
                    {
                        place = _lengths.Count;
                        _lengths.Add((bits, []));
                    }

                    _lengths[place].Networks[first] = rule;
                    break;
                case RuleSubject.Network or RuleSubject.Room:
                default:
                    // Damage.
                    break;
            }
        }

        public ModerationRule? Find(ulong high, ulong low, ReadOnlySpan<byte> user, ReadOnlySpan<byte> name, long unixSeconds) =>
            FindNetwork(high, low, unixSeconds) ?? FindIn(_users, user, unixSeconds) ?? FindName(name, unixSeconds);

        public ModerationRule? FindName(ReadOnlySpan<byte> name, long unixSeconds) => FindIn(_names, name, unixSeconds);

        private ModerationRule? FindNetwork(ulong high, ulong low, long unixSeconds)
        {
            if ((high | low) == 0)
            {
                // A client of a unix socket has no address.
                return null;
            }

            var address = new UInt128(BinaryPrimitives.ReverseEndianness(high), BinaryPrimitives.ReverseEndianness(low));
            foreach (var (bits, networks) in _lengths)
            {
                if (networks.TryGetValue(NetworkList.FirstOf(address, bits), out var rule) && NetworkList.Covers(address, bits) && rule.HoldsAt(unixSeconds))
                {
                    return rule;
                }
            }

            return null;
        }

        private static ModerationRule? FindIn(Dictionary<string, ModerationRule> rules, ReadOnlySpan<byte> subject, long unixSeconds)
        {
            if (rules.Count == 0 || subject.IsEmpty || subject.Length > CharactersMax)
            {
                return null;
            }

            Span<char> text = stackalloc char[CharactersMax];
            int length = Encoding.UTF8.GetChars(subject, text);
            return rules.GetAlternateLookup<ReadOnlySpan<char>>().TryGetValue(text[..length], out var rule) && rule.HoldsAt(unixSeconds) ? rule : null;
        }
    }
}
