using System.Text;

namespace Appliance.Php;

/// <summary>A value as PHP's serialize() writes it. Objects are data here like everything else: none is ever brought to life.</summary>
public abstract record PhpValue;

/// <summary><c>N;</c></summary>
public sealed record PhpNull : PhpValue
{
    /// <summary>The one there is.</summary>
    public static PhpNull Instance { get; } = new();
}

/// <summary><c>b:1;</c></summary>
public sealed record PhpBool(bool Value) : PhpValue
{
    /// <summary>True.</summary>
    public static PhpBool True { get; } = new(Value: true);

    /// <summary>False.</summary>
    public static PhpBool False { get; } = new(Value: false);
}

/// <summary><c>i:42;</c></summary>
public sealed record PhpInt(long Value) : PhpValue;

/// <summary><c>d:0.5;</c>, <c>d:INF;</c>, <c>d:NAN;</c></summary>
public sealed record PhpFloat(double Value) : PhpValue;

/// <summary><c>s:5:"hello";</c>: bytes of any kind, in no encoding that anybody has promised.</summary>
public sealed record PhpString(ReadOnlyMemory<byte> Bytes) : PhpValue
{
    /// <summary>The string of a text, in UTF-8.</summary>
    public static PhpString Of(string text) => new(Encoding.UTF8.GetBytes(text));

    /// <summary>Strings are equal when their bytes are.</summary>
    public bool Equals(PhpString? other) => other is not null && Bytes.Span.SequenceEqual(other.Bytes.Span);

    /// <inheritdoc/>
    public override int GetHashCode()
    {
        var hash = default(HashCode);
        hash.AddBytes(Bytes.Span);
        return hash.ToHashCode();
    }
}

/// <summary>An element of an array, or a property of an object.</summary>
/// <param name="Key">An int or a string.</param>
/// <param name="Value">What lies there.</param>
public sealed record PhpEntry(PhpValue Key, PhpValue Value);

/// <summary><c>a:1:{i:0;s:5:"hello";}</c></summary>
public sealed record PhpArray(IReadOnlyList<PhpEntry> Entries) : PhpValue
{
    /// <summary>Whether the keys are 0, 1, 2 and so on.</summary>
    public bool IsList
    {
        get
        {
            int next = 0;
            while (next < Entries.Count && Entries[next].Key is PhpInt number && number.Value == next)
            {
                next++;
            }

            return next == Entries.Count;
        }
    }
}

/// <summary>
/// <c>O:3:"Foo":1:{s:1:"a";i:1;}</c>. The name of a property that is not public has its class, or <c>*</c> for protected, between two
/// zero bytes before it.
/// </summary>
public sealed record PhpObject(PhpString ClassName, IReadOnlyList<PhpEntry> Properties) : PhpValue;

/// <summary><c>C:3:"Foo":2:{ab}</c>: an object that has written itself, in a form that only its class knows.</summary>
public sealed record PhpCustomObject(PhpString ClassName, ReadOnlyMemory<byte> Data) : PhpValue;

/// <summary><c>E:11:"Suit:Hearts";</c>: a case of an enumeration.</summary>
public sealed record PhpEnum(PhpString Name) : PhpValue;

/// <summary><c>r:1;</c> or <c>R:1;</c>: an object, or a variable, that came before.</summary>
/// <param name="To">Its number: values are counted from 1 as they come, keys are not.</param>
/// <param name="IsVariable">True for <c>R</c>, a PHP reference; false for <c>r</c>, the same object once more.</param>
public sealed record PhpReference(long To, bool IsVariable) : PhpValue;
