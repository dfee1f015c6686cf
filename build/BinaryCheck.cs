using System.Globalization;
using System.Text.RegularExpressions;
using Cake.Core;

namespace Build;

/// <summary>Holds the published binary against what is promised of it: runs on any Linux from glibc 2.34 on, hardened, stripped, small.</summary>
public static partial class BinaryCheck
{
    /// <summary>The latest glibc that the binary may ask for: that of Debian 12, Ubuntu 22.04 and RHEL 9.</summary>
    public static Version GlibcMax { get; } = new(2, 34);

    /// <summary>The largest binary, in bytes; docs/size.md says what it is made of.</summary>
    private const long BytesMax = 7_000_000;

    private static readonly string[] Libraries = ["linux-vdso.so.1", "libc.so.6", "libm.so.6"];

    /// <summary>Throws with every broken promise in one message.</summary>
    /// <exception cref="CakeException">At least one promise is broken.</exception>
    public static void Run(BuildContext context, string binary)
    {
        var faults = ForeignLibraries(context, binary)
            .Concat(GlibcSymbols(context, binary))
            .Concat(Hardening(context, binary))
            .Concat(Size(binary))
            .ToList();
        if (faults.Count > 0)
        {
            throw new CakeException($"{binary}: {string.Join("; ", faults)}");
        }
    }

    private static IEnumerable<string> Size(string binary) => new FileInfo(binary).Length is var bytes and > BytesMax
        ? [string.Create(CultureInfo.InvariantCulture, $"has {bytes} bytes, more than {BytesMax}: docs/size.md says how to find what came in")]
        : [];

    private static IEnumerable<string> ForeignLibraries(BuildContext context, string binary) =>
        context.Capture("ldd", binary)
            .Select(line => line.Trim().Split(' ')[0])
            .Where(library => !Libraries.Contains(library, StringComparer.Ordinal)
                && !Path.GetFileName(library).StartsWith("ld-linux", StringComparison.Ordinal))
            .Select(library => $"needs the library {library}");

    private static IEnumerable<string> GlibcSymbols(BuildContext context, string binary) =>
        context.Capture("readelf", "--wide", "--dyn-syms", binary)
            .Select(line => GlibcSymbol().Match(line))
            .Where(match => match.Success && Version.Parse(match.Groups["version"].Value) > GlibcMax)
            .Select(match => string.Create(CultureInfo.InvariantCulture, $"{match.Groups["name"].Value} needs a glibc later than {GlibcMax}"));

    private static IEnumerable<string> Hardening(BuildContext context, string binary)
    {
        var elf = string.Join('\n', context.Capture("readelf", "--wide", "--file-header", "--dynamic", "--segments", "--sections", binary));
        (string Fault, bool Holds)[] promises =
        [
            ("is no position-independent executable", elf.Contains("Flags: NOW PIE", StringComparison.Ordinal)),
            ("has no full RELRO", elf.Contains("GNU_RELRO", StringComparison.Ordinal) && elf.Contains("BIND_NOW", StringComparison.Ordinal)),
            ("has an executable stack", ExecutableStack().Count(elf) == 0),
            ("is not stripped", !elf.Contains(".symtab", StringComparison.Ordinal)),
            ("has a library search path of its own", !elf.Contains("RUNPATH", StringComparison.Ordinal) && !elf.Contains("(RPATH)", StringComparison.Ordinal)),
        ];
        return promises.Where(promise => !promise.Holds).Select(promise => promise.Fault);
    }

    [GeneratedRegex(@"\s(?<name>\w+@+GLIBC_(?<version>\d+\.\d+))", RegexOptions.ExplicitCapture, matchTimeoutMilliseconds: 1000)]
    private static partial Regex GlibcSymbol();

    [GeneratedRegex(@"GNU_STACK.*RWE", RegexOptions.ExplicitCapture, matchTimeoutMilliseconds: 1000)]
    private static partial Regex ExecutableStack();
}
