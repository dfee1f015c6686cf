using System.Globalization;

namespace Appliance.Moderation;

/// <summary>What may be done in a room: <c>slow=5 read-only locked closed</c>, or nothing of it.</summary>
/// <param name="SlowSeconds">Seconds between two messages of one connection; 0: as many as <c>--max-rate</c> lets.</param>
/// <param name="IsReadOnly">Whether nobody may write.</param>
/// <param name="IsLocked">Whether nobody may join.</param>
/// <param name="IsClosed">Whether nobody may be in it.</param>
public readonly record struct RoomState(int SlowSeconds, bool IsReadOnly, bool IsLocked, bool IsClosed)
{
    /// <summary>Longest time between two messages.</summary>
    public const int SlowSecondsMax = 86_400;

    private const string Slow = "slow=";

    /// <summary>Whether anything is forbidden.</summary>
    public bool IsOpen => this == default;

    /// <summary>Reads a state; null for what is none.</summary>
    public static RoomState? Read(string text)
    {
        var state = default(RoomState);
        foreach (string word in text.Split(' ', StringSplitOptions.RemoveEmptyEntries))
        {
            if (word.StartsWith(Slow, StringComparison.Ordinal)
                && int.TryParse(word.AsSpan(Slow.Length), NumberStyles.None, CultureInfo.InvariantCulture, out int seconds) && seconds <= SlowSecondsMax)
            {
                state = state with { SlowSeconds = seconds };
                continue;
            }

            switch (word)
            {
                case "read-only":
                    state = state with { IsReadOnly = true };
                    break;
                case "locked":
                    state = state with { IsLocked = true };
                    break;
                case "closed":
                    state = state with { IsClosed = true };
                    break;
                default:
                    return null;
            }
        }

        return state;
    }

    /// <summary>The state as it is read.</summary>
    public override string ToString()
    {
        List<string> words = [];
        if (SlowSeconds > 0)
        {
            words.Add(string.Create(CultureInfo.InvariantCulture, $"{Slow}{SlowSeconds}"));
        }

        foreach (var (holds, word) in new[] { (IsReadOnly, "read-only"), (IsLocked, "locked"), (IsClosed, "closed") })
        {
            if (holds)
            {
                words.Add(word);
            }
        }

        return string.Join(' ', words);
    }
}
