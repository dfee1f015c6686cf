using System.Runtime.CompilerServices;

namespace Appliance.Tests;

/// <summary>The sources of the product, for tests about the sources themselves.</summary>
internal static class SourceTree
{
    /// <summary>The folder src/Appliance.</summary>
    public static string Root { get; } = Path.GetFullPath(Path.Combine(Path.GetDirectoryName(ThisFile())!, "../../src/Appliance"));

    /// <summary>All source files, as paths below <see cref="Root"/>.</summary>
    public static IReadOnlyList<string> Files { get; } =
        [.. Directory.EnumerateFiles(Root, "*.cs", SearchOption.AllDirectories).Select(path => Path.GetRelativePath(Root, path)).Order(StringComparer.Ordinal)];

    /// <summary>The folder of a file, which is its layer; empty for a file that lies in none.</summary>
    public static string LayerOf(string file) => file.Contains('/', StringComparison.Ordinal) ? file[..file.IndexOf('/', StringComparison.Ordinal)] : "";

    public static string[] Lines(string file) => File.ReadAllLines(Path.Combine(Root, file));

    private static string ThisFile([CallerFilePath] string path = "") => path;
}
