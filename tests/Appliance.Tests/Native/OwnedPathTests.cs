using Appliance.Native;

namespace Appliance.Tests.Native;

/// <summary>Which paths lead where, and which are refused because somebody else could turn them.</summary>
public sealed class OwnedPathTests : IDisposable
{
    private const uint Stranger = 65534;

    private readonly string _folder = Directory.CreateTempSubdirectory("appliance-paths-").FullName;

    public OwnedPathTests()
    {
        Assert.True(Environment.IsPrivilegedProcess, "Only root can give files away.");
        Make("own");
        Make("foreign", owner: Stranger);
        Make("shared", mode: 0x3FF);
        Make("open", mode: 0x1FF);
        Make("shared/own");
        Make("shared/loose", mode: 0x1FD);
        Make("shared/foreign", owner: Stranger);
        Make("foreign/own");
        Touch("own/file");
        Touch("own/foreign-file", Stranger);
        Touch("shared/file");
        Touch("shared/foreign-file", Stranger);
        Link("own/link", "file");
        Link("own/up", "../shared/../own/file");
        Link("own/far", $"{_folder}/own/file");
        Link("own/loop", "loop");
        Link("own/foreign-link", "file", Stranger);
        Link("shared/link", "../own/file");
        Link("shared/foreign-link", "../own/file", Stranger);
        Link("own/into-shared", "../shared/foreign-file");
        File.CreateSymbolicLink(Path.Combine(_folder, "own/stderr"), "/proc/self/fd/2");
    }

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Theory]
    [InlineData("own/file", "own/file")]
    [InlineData("own/./../own//file", "own/file")]
    [InlineData("own/link", "own/file")]
    [InlineData("own/up", "own/file")]
    [InlineData("own/far", "own/file")]
    [InlineData("own/missing/deeper", "own/missing/deeper")]
    [InlineData("shared/file", "shared/file")]
    [InlineData("shared/link", "own/file")]
    [InlineData("shared/own/new", "shared/own/new")]
    [InlineData("open/new", "open/new")]
    [InlineData("foreign/own/new", "foreign/own/new")]
    [InlineData("own/foreign-link", null)]
    [InlineData("shared/foreign-link", null)]
    [InlineData("shared/foreign-file", null)]
    [InlineData("shared/foreign/new", null)]
    [InlineData("shared/loose/new", null)]
    [InlineData("own/into-shared", null)]
    [InlineData("own/loop", null)]
    public void Path_leads_where_only_its_owners_can_turn_it(string path, string? resolved)
    {
        string full = $"{_folder}/{path}";
        if (resolved is not null)
        {
            Assert.Equal($"{_folder}/{resolved}", OwnedPath.Resolve("--option", full, Ownership.OfProcess));
            return;
        }

        var refused = Assert.Throws<IOException>(() => OwnedPath.Resolve("--option", full, Ownership.OfProcess));
        Assert.StartsWith("--option: ", refused.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("own/file", true)]
    [InlineData("own/new", true)]
    [InlineData("own/link", true)]
    [InlineData("own/stderr", true)]
    [InlineData("shared/new", true)]
    [InlineData("own/foreign-file", false)]
    [InlineData("foreign/new", false)]
    [InlineData("shared/foreign-link", false)]
    public void File_is_opened_where_it_is_ours(string path, bool isOpened)
    {
        SysResult Open() => OwnedPath.Open("--option", $"{_folder}/{path}", Syscall.O_WRONLY | Syscall.O_CREAT | Syscall.O_APPEND, 0x180, Ownership.OfProcess);
        if (isOpened)
        {
            _ = Syscall.Close(Open().OrThrow("open")).OrThrow("close");
        }
        else
        {
            Assert.Contains("user nobody", Assert.Throws<IOException>(() => Open()).Message, StringComparison.Ordinal);
        }

        Assert.Equal("kept", File.ReadAllText(Path.Combine(_folder, "own/file")));
    }

    /// <summary>A file that has a second name where everybody may give one is what somebody else wants written.</summary>
    [Fact]
    public void Hard_link_in_a_directory_of_everybodys_is_refused()
    {
        string link = Path.Combine(_folder, "shared/hard");
        Assert.Equal(0, Hard(Path.Combine(_folder, "own/file"), link));
        _ = Assert.Throws<IOException>(() => OwnedPath.Open("--option", link, Syscall.O_WRONLY, 0, Ownership.OfProcess));
    }

    [Theory]
    [InlineData("own/new", 0x1ED)]
    [InlineData("own/new/deeper", 0x1ED)]
    [InlineData("shared/new", 0x1C0)]
    [InlineData("foreign", null)]
    [InlineData("shared/foreign/new", null)]
    [InlineData("own/file", null)]
    public void Directory_is_made_or_refused(string path, int? mode)
    {
        string full = $"{_folder}/{path}";
        if (mode is null)
        {
            _ = Assert.Throws<IOException>(() => OwnedPath.MakeDirectory("--option", full, Ownership.OfProcess));
            return;
        }

        int umask = Syscall.ExchangeUmask(0x12);
        int? made = OwnedPath.MakeDirectory("--option", full, Ownership.OfProcess);
        _ = Syscall.ExchangeUmask(umask);
        _ = Syscall.Close(made!.Value).OrThrow("close");
        Assert.Equal((UnixFileMode)mode, File.GetUnixFileMode(full));
        Assert.Null(OwnedPath.MakeDirectory("--option", full, Ownership.OfProcess));
    }

    private void Make(string name, uint owner = 0, int mode = 0x1ED)
    {
        string path = Path.Combine(_folder, name);
        _ = Directory.CreateDirectory(path);
        File.SetUnixFileMode(path, (UnixFileMode)mode);
        _ = Syscall.ChangeOwner(path, owner, owner).OrThrow("lchown");
    }

    private void Touch(string name, uint owner = 0)
    {
        File.WriteAllText(Path.Combine(_folder, name), "kept");
        _ = Syscall.ChangeOwner(Path.Combine(_folder, name), owner, owner).OrThrow("lchown");
    }

    private void Link(string name, string target, uint owner = 0)
    {
        _ = File.CreateSymbolicLink(Path.Combine(_folder, name), target);
        _ = Syscall.ChangeOwner(Path.Combine(_folder, name), owner, owner).OrThrow("lchown");
    }

    private static int Hard(string from, string to)
    {
        using var ln = System.Diagnostics.Process.Start("ln", [from, to]);
        ln.WaitForExit();
        return ln.ExitCode;
    }
}
