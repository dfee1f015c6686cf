using Appliance.PackageTests.Harness;

namespace Appliance.PackageTests;

/// <summary>The same sources make the same files, to the bit: built once more, in another folder.</summary>
public sealed class ReproducibilityTests
{
    [Fact]
    public async Task Second_build_gives_the_same_files()
    {
        var copy = Directory.CreateTempSubdirectory("appliance-again-");
        try
        {
            // The commit is part of the version, so the copy is a checkout as well.
            var sources = $"cd '{Artifacts.Repository}' && {{ git ls-files --cached --others --exclude-standard -z "
                + "| while IFS= read -r -d '' file; do [ ! -e \"$file\" ] || printf '%s\\0' \"$file\"; done; printf '.git\\0'; }";
            _ = await Artifacts.SucceedAsync("bash", "-c", $"{sources} | tar --create --null --files-from=- | tar --extract --directory '{copy.FullName}'");
            _ = await Artifacts.SucceedAsync("sh", "-c", $"umask 077 && cd '{copy.FullName}' && ./build.sh deb && ./build.sh rpm");
            var first = await File.ReadAllTextAsync(Artifacts.Find("SHA256SUMS"));
            Assert.Equal(first, await File.ReadAllTextAsync($"{copy.FullName}/artifacts/SHA256SUMS"));
        }
        finally
        {
            copy.Delete(recursive: true);
        }
    }
}
