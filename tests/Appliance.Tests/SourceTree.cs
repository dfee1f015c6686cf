using System.Runtime.CompilerServices;

namespace Appliance.Tests;

/// <summary>The sources of the product, for tests about the sources themselves.</summary>
internal static class SourceTree
{
    /// <summary>What a build leaves behind.</summary>
    private static readonly string[] Made = [".git", "artifacts", "bin", "obj", "TestResults"];

    /// <summary>The folder of the repository.</summary>
    public static string Repository { get; } = Path.GetFullPath(Path.Combine(Path.GetDirectoryName(ThisFile())!, "../.."));

    /// <summary>The folder src/Appliance.</summary>
    public static string Root { get; } = Path.Combine(Repository, "src/Appliance");

    /// <summary>All source files, as paths below <see cref="Root"/>.</summary>
    public static IReadOnlyList<string> Files { get; } =
        [.. Directory.EnumerateFiles(Root, "*.cs", SearchOption.AllDirectories).Select(path => Path.GetRelativePath(Root, path)).Order(StringComparer.Ordinal)];

    /// <summary>The folder of a file, which is its layer; empty for a file that lies in none.</summary>
    public static string LayerOf(string file) => file.Contains('/', StringComparison.Ordinal) ? file[..file.IndexOf('/', StringComparison.Ordinal)] : "";

    public static string[] Lines(string file) => File.ReadAllLines(Path.Combine(Root, file));

    /// <summary>A file of the repository.</summary>
    public static string Text(string path) => File.ReadAllText(Path.Combine(Repository, path));

    /// <summary>Files of the whole repository that end so, as paths below it; what a build has made is none.</summary>
    public static IEnumerable<string> Written(string ending) => Below(new DirectoryInfo(Repository))
        .Where(file => file.Name.EndsWith(ending, StringComparison.Ordinal))
        .Select(file => Path.GetRelativePath(Repository, file.FullName))
        .Order(StringComparer.Ordinal);

    private static IEnumerable<FileInfo> Below(DirectoryInfo folder) => folder.EnumerateFiles().Concat(
        folder.EnumerateDirectories().Where(one => !Made.Contains(one.Name, StringComparer.Ordinal)).SelectMany(Below));

    private static string ThisFile([CallerFilePath] string path = "") => path;
}
