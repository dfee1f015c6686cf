using System.Diagnostics.CodeAnalysis;
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
    /// <summary>Checks an invariant. While it holds, a branch is all that this costs: numbers are made a text only when it does not.</summary>
    /// <param name="holds">Whether it holds.</param>
    /// <param name="name">What it is called in the log, unique in the program: what is compared with what.</param>
    /// <param name="values">What the numbers are, as <see cref="string.Format(IFormatProvider, string, object[])"/> takes it.</param>
    /// <param name="a">The first number.</param>
    /// <param name="b">The second one, and so on.</param>
    /// <param name="c">Number 2, counted from 0.</param>
    /// <param name="d">Number 3.</param>
    /// <param name="e">Number 4.</param>
    /// <exception cref="InvariantException">It does not hold.</exception>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Hold(bool holds, string name, string values, long a = 0, long b = 0, long c = 0, long d = 0, long e = 0)
    {
        if (!holds)
        {
            Break(name, values, a, b, c, d, e);
        }
    }

    /// <summary>An invariant does not hold.</summary>
    [DoesNotReturn]
    internal static void Break(string name, string values, long a, long b, long c, long d, long e, long f = 0) =>
        throw new InvariantException(name, string.Format(CultureInfo.InvariantCulture, values, a, b, c, d, e, f));
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
