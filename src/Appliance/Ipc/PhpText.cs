using System.Diagnostics;
using System.Globalization;
using System.Text;

namespace Appliance.Ipc;

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
        Append(text, value);
        return text.ToString();
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

    private static void Append(StringBuilder text, PhpValue value) => _ = value switch
    {
        PhpNull => text.Append("null"),
        PhpBool one => text.Append(one.Value ? "true" : "false"),
        PhpInt number => text.Append(number.Value),
        PhpFloat number => text.Append(PhpSerialization.FloatText(number.Value)),
        PhpString bytes => text.Append('\'').Append(PrintableText.Escape(bytes.Bytes.Span, "'\\")).Append('\''),
        PhpArray array => AppendArray(text, array),
        PhpObject thing => AppendObject(text, thing),
        PhpCustomObject thing => text.Append(PrintableText.Escape(thing.ClassName.Bytes.Span)).Append(" {").Append(PrintableText.Escape(thing.Data.Span)).Append('}'),
        PhpEnum name => text.Append(EnumName(name)),
        PhpReference reference => text.Append('&').Append(reference.To),
        _ => throw new UnreachableException(),
    };

    private static StringBuilder AppendArray(StringBuilder text, PhpArray array)
    {
        bool isList = array.IsList;
        string separator = "[";
        foreach (var (key, value) in array.Entries)
        {
            _ = text.Append(separator);
            if (!isList)
            {
                Append(text, key);
                _ = text.Append(" => ");
            }

            Append(text, value);
            separator = ", ";
        }

        return text.Append(array.Entries.Count == 0 ? "[]" : "]");
    }

    private static StringBuilder AppendObject(StringBuilder text, PhpObject thing)
    {
        string separator = "";
        _ = text.Append(PrintableText.Escape(thing.ClassName.Bytes.Span)).Append(" {");
        foreach (var (key, value) in thing.Properties)
        {
            _ = text.Append(separator).Append(PropertyName(key)).Append(": ");
            Append(text, value);
            separator = ", ";
        }

        return text.Append('}');
    }
}
