using System.Runtime.CompilerServices;

namespace Appliance.Fuzz.Driver;

/// <summary>Where inputs lie.</summary>
internal static class FuzzFolders
{
    /// <summary>The root of the working copy.</summary>
    public static string Root { get; } = Path.GetFullPath(Path.Combine(Path.GetDirectoryName(ThisFile())!, "../../.."));

    /// <summary>The inputs that every run begins with.</summary>
    public static string CorpusOf(string target) => Path.Combine(Root, "tests/Appliance.Fuzz/Corpus", target);

    /// <summary>What runs leave: the input under way, and those that broke something.</summary>
    public static string WorkOf(string target) => Directory.CreateDirectory(Path.Combine(Root, "artifacts/fuzz", target)).FullName;

    /// <summary>The name of an input: what it holds.</summary>
    public static string NameOf(ReadOnlySpan<byte> input) =>
        Convert.ToHexStringLower(System.Security.Cryptography.SHA256.HashData(input).AsSpan(0, 6));

    private static string ThisFile([CallerFilePath] string path = "") => path;
}
