using System.Reflection;
using System.Text.RegularExpressions;
using Appliance.Native;

namespace Appliance.Tests;

/// <summary>The sources hold to the architecture: folder is namespace is layer, and arrows only go down.</summary>
public sealed class LayerTests
{
    /// <summary>What each layer may use, as ARCHITECTURE.md says; "" is Program.cs.</summary>
    private static readonly Dictionary<string, string[]> Layers = ReadTable();

    /// <summary>A namespace in a using, and in a name that is written out or begins with it; a property may be called as a layer is.</summary>
    private static readonly Regex LayerName = new(
        @"\bAppliance\.(?<layer>\w+)|(?<![\w.])(?<layer>[A-Z]\w+)\.(\w+\.)*(?<type>[A-Z]\w+)", RegexOptions.ExplicitCapture, TimeSpan.FromSeconds(5));

    private static readonly Assembly Product = typeof(Syscall).Assembly;

    public static TheoryData<string> Files => [.. SourceTree.Files];

    [Fact]
    public void Every_layer_has_a_row_and_uses_only_those_above_it_in_reading_order()
    {
        List<string> read = [];
        foreach (var (layer, allowed) in Layers)
        {
            Assert.Empty(allowed.Except(read, StringComparer.Ordinal));
            read.Add(layer);
        }

        Assert.Equal(
            SourceTree.Files.Select(SourceTree.LayerOf).Distinct(StringComparer.Ordinal).Order(StringComparer.Ordinal), read.Order(StringComparer.Ordinal));
    }

    [Theory]
    [MemberData(nameof(Files))]
    public void File_uses_only_layers_below(string file)
    {
        string layer = SourceTree.LayerOf(file);
        var used = SourceTree.Lines(file).SelectMany(line => LayerName.Matches(line))
            .Where(match => !match.Groups["type"].Success || TypesOf(match.Groups["layer"].Value).Contains(match.Groups["type"].Value, StringComparer.Ordinal))
            .Select(match => match.Groups["layer"].Value);
        var above = used.Where(name => Layers.ContainsKey(name) && name != layer).Except(Layers[layer], StringComparer.Ordinal);
        Assert.Empty(above);
    }

    [Theory]
    [MemberData(nameof(Files))]
    public void File_declares_the_namespace_of_its_folder(string file)
    {
        var declared = SourceTree.Lines(file).Where(line => line.StartsWith("namespace ", StringComparison.Ordinal));
        string folder = (Path.GetDirectoryName(file) ?? "").Replace('/', '.');
        Assert.All(declared, line => Assert.Equal($"namespace Appliance.{folder};", line));
        Assert.True(folder.Length == 0 || declared.Any(), "declares no namespace");
    }

    [Theory]
    [MemberData(nameof(Files))]
    public void Imports_are_in_Native_alone(string file)
    {
        bool imports = SourceTree.Lines(file)
            .Any(line => line.Contains("LibraryImport", StringComparison.Ordinal) || line.Contains("DllImport", StringComparison.Ordinal));
        Assert.True(!imports || SourceTree.LayerOf(file) == "Native");
    }

    [Fact]
    public void Types_of_Native_that_import_are_private() => Assert.All(
        Product.GetTypes().Where(type => type.Name == "Imports"),
        type => Assert.True(type.IsNestedPrivate));

    [Fact]
    public void No_type_is_named_like_a_namespace()
    {
        var types = Product.GetTypes().Where(type => type.Namespace?.StartsWith("Appliance", StringComparison.Ordinal) == true);
        var namespaces = types.SelectMany(type => type.Namespace!.Split('.')).ToHashSet(StringComparer.Ordinal);
        Assert.DoesNotContain(types, type => !type.IsNested && namespaces.Contains(type.Name));
    }

    private static IEnumerable<string> TypesOf(string layer) => Product.GetTypes()
        .Where(type => type.Namespace is { } name && (name == $"Appliance.{layer}" || name.StartsWith($"Appliance.{layer}.", StringComparison.Ordinal)))
        .Select(type => type.Name);

    /// <summary>Rows of the form: | `Folder/` | purpose | Layer Layer |, with "-" for none and "all" for all rows before.</summary>
    private static Dictionary<string, string[]> ReadTable()
    {
        Dictionary<string, string[]> layers = new(StringComparer.Ordinal);
        var rows = File.ReadLines(Path.Combine(SourceTree.Repository, "ARCHITECTURE.md")).Where(line => line.StartsWith("| `", StringComparison.Ordinal));
        foreach (string line in rows)
        {
            string[] cells = line.Split('|', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries);
            string folder = cells[0].Trim('`');
            layers[folder.EndsWith('/') ? folder[..^1] : ""] = cells[^1] switch { "-" => [], "all" => [.. layers.Keys], var names => names.Split(' ') };
        }

        return layers;
    }
}
