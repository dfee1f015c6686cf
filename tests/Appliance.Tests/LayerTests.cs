using System.Reflection;
using System.Text.RegularExpressions;
using Appliance.Native;

namespace Appliance.Tests;

/// <summary>The sources hold to the architecture: folder is namespace is layer, and arrows only go down.</summary>
public sealed class LayerTests
{
    private const int LinesMax = 400;

    /// <summary>What each layer may use; Cli may use all.</summary>
    private static readonly Dictionary<string, string[]> Layers = new(StringComparer.Ordinal)
    {
        [""] = ["Cli"],
        ["Cli"] = ["Master", "Worker", "Connections", "Chat", "WebSocket", "Http", "Metrics", "Ipc", "Loop", "Config", "Logging", "Native", "Web"],
        ["Master"] = ["Native", "Loop", "Ipc", "Http", "Metrics", "Config", "Logging"],
        ["Worker"] = ["Native", "Loop", "Ipc", "Connections", "Chat", "Metrics", "Config", "Logging"],
        ["Connections"] = ["Native", "Loop", "Http", "WebSocket", "Chat", "Ipc", "Metrics", "Config", "Web"],
        ["Chat"] = [],
        ["WebSocket"] = ["Http"],
        ["Http"] = [],
        ["Metrics"] = [],
        ["Ipc"] = ["Native"],
        ["Loop"] = ["Native"],
        ["Config"] = [],
        ["Logging"] = ["Config", "Native"],
        ["Native"] = [],
        ["Web"] = [],
    };

    /// <summary>A namespace in a using, or in a name that is written out.</summary>
    private static readonly Regex LayerName = new(@"\bAppliance\.(?<layer>\w+)", RegexOptions.NonBacktracking | RegexOptions.ExplicitCapture);

    private static readonly Assembly Product = typeof(Syscall).Assembly;

    public static TheoryData<string> Files => [.. SourceTree.Files];

    [Fact]
    public void Sources_are_found() => Assert.NotEmpty(SourceTree.Files);

    [Theory]
    [MemberData(nameof(Files))]
    public void File_uses_only_layers_below(string file)
    {
        string layer = SourceTree.LayerOf(file);
        Assert.True(Layers.TryGetValue(layer, out string[]? allowed), $"folder {layer} has no row in the table of layers");

        var used = SourceTree.Lines(file).SelectMany(line => LayerName.Matches(line)).Select(match => match.Groups["layer"].Value);
        var above = used.Where(name => Layers.ContainsKey(name) && name != layer).Except(allowed, StringComparer.Ordinal);
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
    public void File_is_short(string file) => Assert.InRange(SourceTree.Lines(file).Length, 1, LinesMax);

    [Theory]
    [MemberData(nameof(Files))]
    public void Imports_are_in_Native_alone(string file)
    {
        bool imports = SourceTree.Lines(file).Any(line => line.Contains("LibraryImport", StringComparison.Ordinal) || line.Contains("DllImport", StringComparison.Ordinal));
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
}
