using System.Runtime.CompilerServices;
using VerifyTests;

namespace VerifyXunit;

/// <summary>
/// Stand-in for Verify.Xunit with the calls that this project uses: compares a text with the file
/// <c>TYPE.METHOD.verified.txt</c> beside the test. Here TYPE is the name of the test's source file.
/// </summary>
public static class Verifier
{
    /// <summary>Compares <paramref name="target"/> with the verified file of the calling test.</summary>
    /// <param name="target">The text as received; line ends are compared as LF.</param>
    /// <param name="settings">Where the file lies and what is scrubbed; the result takes the same calls.</param>
    /// <param name="sourceFile">Left to the compiler.</param>
    /// <param name="methodName">Left to the compiler.</param>
    /// <returns>To be awaited; throws <see cref="VerifyException"/> if the texts differ or nothing is verified yet.</returns>
    public static SettingsTask Verify(
        string? target,
        VerifySettings? settings = null,
        [CallerFilePath] string sourceFile = "",
        [CallerMemberName] string methodName = "")
    {
        var effective = new VerifySettings(settings);
        return new SettingsTask(effective, () => Snapshot.CompareAsync(target ?? "null", effective, sourceFile, methodName));
    }
}
