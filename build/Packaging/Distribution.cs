using System.Security.Cryptography;

namespace Build.Packaging;

/// <summary>The files that are given away, and their checksums.</summary>
public static class Distribution
{
    private const string Sums = $"{BuildContext.Artifacts}/SHA256SUMS";

    /// <summary>Adds a file under its full name and under a short one that stays the same over versions.</summary>
    public static void Add(BuildContext context, string file, string shortName)
    {
        File.Copy(file, Path.Combine(BuildContext.Artifacts, shortName), overwrite: true);
        WriteSums(context.Version);
    }

    /// <summary>SHA-256 of a file in lower-case hexadecimal.</summary>
    public static string Sha256(string file) => Convert.ToHexStringLower(SHA256.HashData(File.ReadAllBytes(file)));

    /// <summary>Writes what <c>sha256sum --check SHA256SUMS</c> reads: of the binary, and of everything under its full name.</summary>
    private static void WriteSums(string version)
    {
        var files = Directory.EnumerateFiles(BuildContext.Artifacts, $"appliance?{version}*").Append(BuildContext.Binary)
            .Order(StringComparer.Ordinal)
            .Select(file => $"{Sha256(file)}  {Path.GetFileName(file)}\n");
        File.WriteAllText(Sums, string.Concat(files));
    }
}
