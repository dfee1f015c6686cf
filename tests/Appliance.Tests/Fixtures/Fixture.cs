using System.Runtime.CompilerServices;

namespace Appliance.Tests.Fixtures;

/// <summary>Bytes that some release has written, kept beside this file for all later ones to be compared with.</summary>
internal static class Fixture
{
    /// <summary>The bytes of a fixture.</summary>
    public static byte[] Read(string name) => File.ReadAllBytes(PathOf(name));

    /// <summary>
    /// What is written today is what was written then. If it is not, it lies beside the fixture as <c>*.received</c>: a change of the
    /// layout takes a new number and a new fixture, see docs/handover.md.
    /// </summary>
    public static void AssertEqual(string name, byte[] written)
    {
        string path = PathOf(name);
        bool same = File.Exists(path) && written.AsSpan().SequenceEqual(File.ReadAllBytes(path));
        if (!same)
        {
            File.WriteAllBytes($"{path}.received", written);
        }

        Assert.True(same, $"{path} is not what is written today: compare it with {name}.received");
    }

    private static string PathOf(string name) => Path.Combine(Path.GetDirectoryName(ThisFile())!, name);

    private static string ThisFile([CallerFilePath] string path = "") => path;
}
