using System.Diagnostics;

namespace Appliance.Tests;

/// <summary>The C compiler of the system, which knows the kernel's and libc's layouts.</summary>
internal static class CCompiler
{
    private const string Program = "clang";

    /// <summary>Compiles a source without linking it and returns what the compiler says; empty when all is well.</summary>
    public static string Check(string source) => Run(source, ["-fsyntax-only"]);

    /// <summary>Makes a program.</summary>
    public static void Build(string source, string path) => Assert.Equal("", Run(source, ["-o", path, "-pthread"]));

    private static string Run(string source, string[] arguments)
    {
        var start = new ProcessStartInfo(Program, ["-x", "c", "-std=gnu17", "-Wall", "-Werror", .. arguments, "-"])
        {
            UseShellExecute = false,
            RedirectStandardInput = true,
            RedirectStandardError = true,
        };
        using var compiler = Process.Start(start)!;
        compiler.StandardInput.Write(source);
        compiler.StandardInput.Close();
        string said = compiler.StandardError.ReadToEnd();
        compiler.WaitForExit();
        return compiler.ExitCode == 0 ? "" : said;
    }
}
