using System.Globalization;
using System.Runtime.CompilerServices;

namespace Appliance.Native;

/// <summary>
/// What holds at all times unless this program has a fault or its memory is damaged. Each invariant is one line where the state has just
/// been used, in Release too: a process that goes on with a broken one would do harm to clients, so it ends, says which one and with which
/// values, and its master replaces it.
/// </summary>
public static class Invariant
{
    /// <summary>Checks an invariant. While it holds, a branch is all that this costs: the values are neither read nor written down.</summary>
    /// <param name="holds">Whether it holds.</param>
    /// <param name="name">What it is called in the log, unique in the program: what is compared with what.</param>
    /// <param name="values">The values that are compared, and of what.</param>
    /// <exception cref="InvariantException">It does not hold.</exception>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Hold(bool holds, string name, [InterpolatedStringHandlerArgument(nameof(holds))] InvariantValues values)
    {
        if (!holds)
        {
            Break(name, values);
        }
    }

    /// <summary>An invariant does not hold.</summary>
    internal static void Break(string name, InvariantValues values) => throw new InvariantException(name, values.ToText());
}

/// <summary>The values of an invariant, written down only when it does not hold.</summary>
[InterpolatedStringHandler]
public ref struct InvariantValues
{
    private DefaultInterpolatedStringHandler _text;

    /// <summary>Called by the compiler: <paramref name="isWanted"/> says whether it goes on with the parts of the text.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public InvariantValues(int literalLength, int formattedCount, bool holds, out bool isWanted)
    {
        isWanted = !holds;
        _text = holds ? default : new DefaultInterpolatedStringHandler(literalLength, formattedCount, CultureInfo.InvariantCulture);
    }

    /// <summary>Adds text.</summary>
    public void AppendLiteral(string text) => _text.AppendLiteral(text);

    /// <summary>Adds a number.</summary>
    public void AppendFormatted(long value) => _text.AppendFormatted(value);

    /// <summary>Adds a word.</summary>
    public void AppendFormatted(string value) => _text.AppendLiteral(value);

    /// <summary>The whole text.</summary>
    internal string ToText() => _text.ToStringAndClear();
}

/// <summary>An invariant does not hold: nobody goes on with what is wrong, so only the edge of a process, or of the journal, catches this.</summary>
public sealed class InvariantException : Exception
{
    /// <summary>The invariant of a name, and the values that break it.</summary>
    public InvariantException(string name, string values)
        : base($"invariant '{name}' does not hold: {values}") => (Name, Values) = (name, values);

    /// <inheritdoc/>
    public InvariantException()
    {
    }

    /// <inheritdoc/>
    public InvariantException(string message)
        : base(message)
    {
    }

    /// <inheritdoc/>
    public InvariantException(string message, Exception innerException)
        : base(message, innerException)
    {
    }

    /// <summary>What the invariant is called.</summary>
    public string Name { get; } = "";

    /// <summary>The values that break it.</summary>
    public string Values { get; } = "";
}
