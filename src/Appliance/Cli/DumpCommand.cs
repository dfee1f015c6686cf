using System.CommandLine;
using Appliance.Config;
using Appliance.Native;

namespace Appliance.Cli;

/// <summary>
/// Writes the files of an installed system below a directory: the packages are made of them, and whoever copied the binary alone has
/// them as well.
/// </summary>
internal static class DumpCommand
{
    private const UnixFileMode Readable = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.GroupRead | UnixFileMode.OtherRead;
    private const UnixFileMode Executable = Readable | UnixFileMode.UserExecute | UnixFileMode.GroupExecute | UnixFileMode.OtherExecute;

    /// <summary>The command.</summary>
    public static Command Make()
    {
        var directory = new Argument<string>("DIR");
        var force = new Option<bool>("--force") { Description = "overwrite existing files" };
        var command = new ActionCommand("dump") { directory, force };
        command.SetAction(parsed => Run(parsed.GetValue(directory)!, parsed.GetValue(force)));
        return command;
    }

    private static int Run(string directory, bool force)
    {
        if (directory.Length == 0)
        {
            throw new SettingException("dump: '' is no directory; the present one is '.'") { IsUsage = true };
        }

        directory = Path.GetFullPath(directory);
        try
        {
            return Write(directory, force);
        }
        catch (Exception failure) when (PathFailure.ErrnoOf(failure) != Errno.None)
        {
            throw PathFailure.Of($"dump {directory}", directory, "written to", failure);
        }
    }

    private static int Write(string directory, bool force)
    {
        PackageFile[] files = [.. PackageFiles.All().Select(file => file with { Path = Path.Combine(directory, file.Path) })];
        var changed = Array.FindAll(files, file => File.Exists(file.Path) && !File.ReadAllBytes(file.Path).AsSpan().SequenceEqual(file.Content));
        if (changed.Length > 0 && !force)
        {
            throw new IOException(
                $"dump: {string.Join(", ", changed.Select(file => $"'{file.Path}'"))} would be overwritten; nothing is written. Move it away, or give --force");
        }

        foreach (var file in files)
        {
            MakeDirectory(Path.GetDirectoryName(file.Path)!);
            File.WriteAllBytes(file.Path, file.Content);
            File.SetUnixFileMode(file.Path, file.IsExecutable ? Executable : Readable);
            StandardOutput.Out.WriteLine(file.Path);
        }

        return ExitCode.Fine;
    }

    /// <summary>Makes a directory and those above it that are missing: the service's user reads them, whatever the umask of who makes them.</summary>
    private static void MakeDirectory(string path)
    {
        if (!Directory.Exists(path))
        {
            MakeDirectory(Path.GetDirectoryName(path)!);
            _ = Directory.CreateDirectory(path);
            File.SetUnixFileMode(path, Executable);
        }
    }
}
