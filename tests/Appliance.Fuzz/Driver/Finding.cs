using System.Diagnostics;
using System.Text.RegularExpressions;

namespace Appliance.Fuzz.Driver;

/// <summary>An input that broke something.</summary>
/// <param name="Input">The input.</param>
/// <param name="What">What happened.</param>
internal sealed record Finding(byte[] Input, string What)
{
    private static readonly Regex Digits = new("[0-9]+", RegexOptions.None, TimeSpan.FromSeconds(1));

    /// <summary>Saves the input and says where it is and how to run it again.</summary>
    public string Report(string target)
    {
        string path = Path.Combine(FuzzFolders.WorkOf(target), $"finding-{FuzzFolders.NameOf(Input)}");
        File.WriteAllBytes(path, Input);
        string shown = Path.GetRelativePath(FuzzFolders.Root, path);
        return $"""
            {target}: {What}
              input      {shown} ({Input.Length} bytes)
              reproduce  ./build.sh fuzz {target} {shown}
              mended     cp {shown} {Path.GetRelativePath(FuzzFolders.Root, FuzzFolders.CorpusOf(target))}/NAME
            """;
    }

    /// <summary>
    /// What two failures of one cause have in common: type, message but for its numbers, and where the product, or else the target, was.
    /// </summary>
    public static string KindOf(Exception failure)
    {
        var frames = new StackTrace(failure).GetFrames().Select(frame => frame.GetMethod())
            .Where(method => method?.DeclaringType is not null);
        var place = frames.FirstOrDefault(method => method!.DeclaringType!.FullName!.StartsWith("Appliance.", StringComparison.Ordinal));
        string message = failure is FuzzException ? Digits.Replace(failure.Message, "0") : "";
        return $"{failure.GetType()} {place?.DeclaringType}.{place?.Name} {message}";
    }
}
