using System.Diagnostics;
using System.Globalization;
using System.Text;
using Appliance.Protocols;

namespace Appliance.Php;

/// <summary>Values of PHP for people, in one line: <c>['name' => 'ann', 'tags' => ['a', 'b']]</c>, <c>Foo {a: 1}</c>, <c>Suit::Hearts</c>.</summary>
public static class PhpText
{
    /// <summary>A string that stands alone has no quotes; inside others it has.</summary>
    public static string Show(PhpValue value)
    {
        if (value is PhpString alone)
        {
            return PrintableText.Escape(alone.Bytes.Span);
        }

        var text = new StringBuilder();
        Append(text, value, int.MaxValue);
        return text.ToString();
    }

    /// <summary>The same up to a length, and three points when there is more: no more is looked at than is shown, however large the value.</summary>
    public static string ShowBeginning(PhpValue value, int lettersMax)
    {
        if (value is PhpString alone)
        {
            return PrintableText.EscapeBeginning(alone.Bytes.Span, lettersMax);
        }

        var text = new StringBuilder();
        Append(text, value, lettersMax);
        return PrintableText.Shorten(text.ToString(), lettersMax);
    }

    /// <summary>The name of a type, as PHP's gettype() has it.</summary>
    public static string TypeOf(PhpValue value) => value switch
    {
        PhpNull => "null",
        PhpBool => "bool",
        PhpInt => "int",
        PhpFloat => "float",
        PhpString => "string",
        PhpArray => "array",
        PhpObject or PhpCustomObject => "object",
        PhpEnum => "enum",
        PhpReference => "reference",
        _ => throw new UnreachableException(),
    };

    /// <summary>The name of a property, and who may see it: <c>a</c>, <c>a:protected</c>, <c>a:Foo:private</c>, as print_r says.</summary>
    internal static string PropertyName(PhpValue key)
    {
        var name = key is PhpString text ? text.Bytes.Span : default;
        if (key is PhpInt number)
        {
            return number.Value.ToString(CultureInfo.InvariantCulture);
        }

        int end = name is [0, _, ..] ? name[1..].IndexOf((byte)0) + 1 : 0;
        if (end <= 0)
        {
            return PrintableText.Escape(name);
        }

        string owner = PrintableText.Escape(name[1..end]);
        return PrintableText.Escape(name[(end + 1)..]) + (owner == "*" ? ":protected" : $":{owner}:private");
    }

    /// <summary>A case as PHP writes it: <c>Suit::Hearts</c>.</summary>
    internal static string EnumName(PhpEnum value)
    {
        string name = PrintableText.Escape(value.Name.Bytes.Span);
        int colon = name.IndexOf(':', StringComparison.Ordinal);
        return colon < 0 ? name : $"{name[..colon]}::{name[(colon + 1)..]}";
    }

    /// <summary>Appends a value; once the text is longer than it has to be, what is left of it is left out.</summary>
    private static void Append(StringBuilder text, PhpValue value, int lettersMax) => _ = value switch
    {
        PhpNull => text.Append("null"),
        PhpBool one => text.Append(one.Value ? "true" : "false"),
        PhpInt number => text.Append(number.Value),
        PhpFloat number => text.Append(PhpSerialization.FloatText(number.Value)),
        PhpString bytes => text.Append('\'').Append(PrintableText.Escape(PrintableText.Beginning(bytes.Bytes.Span, lettersMax), "'\\")).Append('\''),
        PhpArray array => AppendArray(text, array, lettersMax),
        PhpObject thing => AppendObject(text, thing, lettersMax),
        PhpCustomObject thing => text.Append(PrintableText.Escape(thing.ClassName.Bytes.Span)).Append(" {")
            .Append(PrintableText.Escape(PrintableText.Beginning(thing.Data.Span, lettersMax))).Append('}'),
        PhpEnum name => text.Append(EnumName(name)),
        PhpReference reference => text.Append('&').Append(reference.To),
        _ => throw new UnreachableException(),
    };

    private static StringBuilder AppendArray(StringBuilder text, PhpArray array, int lettersMax)
    {
        bool isList = array.IsList;
        string separator = "[";
        foreach (var (key, value) in array.Entries)
        {
            if (text.Length > lettersMax)
            {
                break;
            }

            _ = text.Append(separator);
            if (!isList)
            {
                Append(text, key, lettersMax);
                _ = text.Append(" => ");
            }

            Append(text, value, lettersMax);
            separator = ", ";
        }

        return text.Append(array.Entries.Count == 0 ? "[]" : "]");
    }

    private static StringBuilder AppendObject(StringBuilder text, PhpObject thing, int lettersMax)
    {
        string separator = "";
        _ = text.Append(PrintableText.Escape(thing.ClassName.Bytes.Span)).Append(" {");
        foreach (var (key, value) in thing.Properties)
        {
            if (text.Length > lettersMax)
            {
                break;
            }

            _ = text.Append(separator).Append(PropertyName(key)).Append(": ");
            Append(text, value, lettersMax);
            separator = ", ";
        }

        return text.Append('}');
    }
}
