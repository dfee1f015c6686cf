using System.Text;
using Appliance.Config;

namespace Appliance.Cli;

/// <summary>A file that belongs to an installed system.</summary>
/// <param name="Path">Where, without the leading slash.</param>
/// <param name="Content">What.</param>
internal sealed record PackageFile(string Path, byte[] Content)
{
    /// <summary>Whether it begins with <c>#!</c>: such a file is a program.</summary>
    public bool IsExecutable => Content.AsSpan().StartsWith("#!"u8);
}

/// <summary>Everything but the binary itself that an installed system has: carried inside the binary, or made from its tables.</summary>
internal static class PackageFiles
{
    private const string Prefix = "Package/";
    private const string Manuals = "usr/share/man/";

    /// <summary>All files, ordered by path.</summary>
    public static IReadOnlyList<PackageFile> All() => [.. Embedded().Concat(Made()).OrderBy(file => file.Path, StringComparer.Ordinal)];

    private static IEnumerable<PackageFile> Made() =>
    [
        new("etc/appliance/appliance.conf", Encoding.UTF8.GetBytes(SampleConfiguration.Write(Paths.OfSystem))),
        new("usr/share/bash-completion/completions/appliance", Encoding.UTF8.GetBytes(Completions.Bash())),
        new("usr/share/fish/vendor_completions.d/appliance.fish", Encoding.UTF8.GetBytes(Completions.Fish())),
        new("usr/share/zsh/vendor-completions/_appliance", Encoding.UTF8.GetBytes(Completions.Zsh())),
    ];

    private static IEnumerable<PackageFile> Embedded()
    {
        var assembly = typeof(PackageFiles).Assembly;
        foreach (string name in assembly.GetManifestResourceNames().Where(name => name.StartsWith(Prefix, StringComparison.Ordinal)))
        {
            using var stream = assembly.GetManifestResourceStream(name)!;
            byte[] content = new byte[stream.Length];
            stream.ReadExactly(content);
            string path = name[Prefix.Length..];
            yield return new PackageFile(path, path.StartsWith(Manuals, StringComparison.Ordinal) ? ManualPage.Fill(content) : content);
        }
    }
}
