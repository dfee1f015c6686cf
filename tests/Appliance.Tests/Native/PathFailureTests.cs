using Appliance.Native;

namespace Appliance.Tests.Native;

/// <summary>Each reason for which a path cannot be used has words of its own, whoever finds it: a system call or the runtime.</summary>
public sealed class PathFailureTests : IDisposable
{
    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("appliance-paths-");

    public PathFailureTests()
    {
        File.WriteAllText(Path.Combine(_folder.FullName, "file"), "x");
        _ = Directory.CreateDirectory(Path.Combine(_folder.FullName, "folder"));
        _ = File.CreateSymbolicLink(Path.Combine(_folder.FullName, "nowhere"), "missing");
        _ = File.CreateSymbolicLink(Path.Combine(_folder.FullName, "loop"), "loop");
    }

    /// <summary>A path below the folder, what is done with it, and the words.</summary>
    public static TheoryData<string, string, string> Paths => new()
    {
        { "missing", "read", "it is not there (ENOENT); name a file that is" },
        { "missing/x", "read", "the directory 'FOLDER/missing' is not there (ENOENT); make it" },
        { "missing/x/y", "written", "the directory 'FOLDER/missing' is not there (ENOENT); make it" },
        { "file/x", "read", "'FOLDER/file' is not a directory" },
        { "file/x/y", "written", "'FOLDER/file' is not a directory" },
        { "folder", "written", "it is a directory (E" },
        { "folder", "read", "it is a directory (E" },
        { "nowhere", "read", "the symbolic link 'FOLDER/nowhere' leads nowhere" },
        { "nowhere/x", "written", "the symbolic link 'FOLDER/nowhere' leads nowhere" },
        { "loop", "read", "symbolic links in it go round in a circle" },
        { "loop/x", "written", "symbolic links in it go round in a circle" },
    };

    [Theory]
    [MemberData(nameof(Paths))]
    public void Words_name_what_is_in_the_way(string name, string done, string words)
    {
        string path = Path.Combine(_folder.FullName, name);
        var opened = Syscall.Open(path, done == "read" && name != "folder" ? Syscall.O_RDONLY : Syscall.O_WRONLY | Syscall.O_CREAT, 0x180);
        if (name == "nowhere")
        {
            // To write it would make what the link leads to.
            opened = Syscall.Open(path, Syscall.O_RDONLY, 0);
        }

        Assert.False(opened.Ok);
        string expected = words.Replace("FOLDER", _folder.FullName, StringComparison.Ordinal);
        Assert.Contains(expected, PathFailure.Of("--option", path, done, opened.Error).Message, StringComparison.Ordinal);
        if (done == "read")
        {
            var failure = Record.Exception(() => File.ReadAllText(path))!;
            Assert.Contains(expected, PathFailure.Of("--option", path, done, failure).Message, StringComparison.Ordinal);
        }
    }

    [Fact]
    public void Path_is_said_once()
    {
        static string Message(string what) => PathFailure.Of(what, "/missing/x", "written", Errno.ENOENT).Message;
        Assert.StartsWith("--log /missing/x: cannot be written: ", Message("--log /missing/x"), StringComparison.Ordinal);
        Assert.StartsWith("--log x: '/missing/x' cannot be written: ", Message("--log x"), StringComparison.Ordinal);
    }

    [Fact]
    public void Words_of_ours_stay() =>
        Assert.Equal("--option: in words", PathFailure.Of("--option", "/x", "read", new IOException("in words")).Message);

    [Fact]
    public void Owner_of_what_is_shut_is_named() =>
        Assert.Contains("'/' belongs to user root (0), mode 0", PathFailure.Of("--option", "/missing", "made", Errno.EACCES).Message, StringComparison.Ordinal);

    public void Dispose() => _folder.Delete(recursive: true);
}
