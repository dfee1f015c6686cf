using System.Text;

namespace Build.Packaging;

/// <summary>A folder that is filled as the package will be installed, with the modes of a system's files.</summary>
public sealed class PackageTree
{
    private const UnixFileMode Readable = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.GroupRead | UnixFileMode.OtherRead;
    private const UnixFileMode Executable = Readable | UnixFileMode.UserExecute | UnixFileMode.GroupExecute | UnixFileMode.OtherExecute;

    /// <summary>Starts empty.</summary>
    public PackageTree(string root)
    {
        Root = Path.GetFullPath(root);
        if (Directory.Exists(Root))
        {
            Directory.Delete(Root, recursive: true);
        }

        MakeFolder(Root);
    }

    /// <summary>Absolute path of the folder.</summary>
    public string Root { get; }

    /// <summary>
    /// KiB on an installed system, counted as <c>dpkg-gencontrol</c> does: what a folder takes depends on the file system, so it counts as one.
    /// </summary>
    public long InstalledSize => new DirectoryInfo(Root).EnumerateFileSystemInfos("*", SearchOption.AllDirectories)
        .Sum(entry => entry is FileInfo file ? (file.Length + 1023) / 1024 : 1);

    /// <summary>Adds what both kinds of package hold: the binary, and what it says belongs to an installed system.</summary>
    public void AddProduct(BuildContext context)
    {
        AddFile(BuildContext.Binary, "usr/bin/appliance", executable: true);
        _ = context.Capture(Path.GetFullPath(BuildContext.Binary), "dump", Root);
        Compress(context, "usr/share/man");
        MakeFolder(Path.Combine(Root, "var/lib/appliance"));
        MakeFolder(Path.Combine(Root, "var/log/appliance"));
    }

    /// <summary>Compresses a file, or every file below a folder, in a way that depends on nothing but its bytes.</summary>
    public void Compress(BuildContext context, string target)
    {
        var path = Path.Combine(Root, target);
        context.Run("gzip", ["-9n", .. File.Exists(path) ? [path] : Directory.EnumerateFiles(path, "*", SearchOption.AllDirectories)]);
    }

    /// <summary>Moves a file to where another kind of system has it.</summary>
    public void Move(string from, string to)
    {
        MakeFolder(Path.GetDirectoryName(Path.Combine(Root, to))!);
        File.Move(Path.Combine(Root, from), Path.Combine(Root, to));
        var folder = Path.GetDirectoryName(Path.Combine(Root, from))!;
        while (!Directory.EnumerateFileSystemEntries(folder).Any())
        {
            Directory.Delete(folder);
            folder = Path.GetDirectoryName(folder)!;
        }
    }

    /// <summary>Adds a file of the repository.</summary>
    public void AddFile(string source, string target, bool executable = false) => Write(File.ReadAllBytes(source), target, executable);

    /// <summary>Adds a text.</summary>
    public void AddText(string text, string target) => Write(Encoding.UTF8.GetBytes(text), target, executable: false);

    private void Write(byte[] content, string target, bool executable)
    {
        var path = Path.Combine(Root, target);
        MakeFolder(Path.GetDirectoryName(path)!);
        File.WriteAllBytes(path, content);
        File.SetUnixFileMode(path, executable ? Executable : Readable);
    }

    /// <summary>Makes a folder and those above it, whatever the umask.</summary>
    private void MakeFolder(string path)
    {
        if (Directory.Exists(path))
        {
            return;
        }

        if (path.Length > Root.Length)
        {
            MakeFolder(Path.GetDirectoryName(path)!);
        }

        _ = Directory.CreateDirectory(path);
        File.SetUnixFileMode(path, Executable);
    }
}
