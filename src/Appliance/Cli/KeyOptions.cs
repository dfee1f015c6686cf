using System.CommandLine;
using Appliance.Config;
using Appliance.Native;
using Appliance.SystemV;

namespace Appliance.Cli;

/// <summary>The options by which every IPC command finds its object, and those for the form of what goes in and out.</summary>
internal static class KeyOptions
{
    private static readonly Option<string> Key = new("--key")
    {
        Description = "the object's System V key, 0x41020304 or decimal",
        HelpName = "KEY",
    };

    private static readonly Option<string> KeyPath = new("--path")
    {
        Description = "make the key from this file, as ftok() does [--state-dir]",
        HelpName = "FILE",
    };

    private static readonly Option<string> Project = new("--project")
    {
        Description = "and this letter [A]",
        HelpName = "A",
    };

    /// <summary>The object is PHP's: values are in its serialize() format.</summary>
    public static Option<bool> Php { get; } = new("--php") { Arity = ArgumentArity.Zero, Description = "values in PHP's serialize() format" };

    /// <summary>The messages of a queue are bytes: what PHP's functions send and receive with their last argument false.</summary>
    public static Option<bool> Plain { get; } =
        new("--plain") { Arity = ArgumentArity.Zero, Description = "the bytes unchanged, for programs other than PHP" };

    /// <summary>Bytes as they are, and nothing else.</summary>
    public static Option<bool> Raw { get; } = new("--raw") { Arity = ArgumentArity.Zero, Description = "the bytes alone, unchanged" };

    /// <summary>Output, or a value, as JSON.</summary>
    public static Option<bool> Json { get; } = new("--json") { Arity = ArgumentArity.Zero, Description = "as JSON" };

    /// <summary>Gives a command the options that name its object.</summary>
    public static void AddTo(Command command)
    {
        command.Options.Add(Key);
        command.Options.Add(KeyPath);
        command.Options.Add(Project);
    }

    /// <summary>The key that a command line names; by default that of the state directory and <c>A</c>.</summary>
    /// <exception cref="SettingException">The options do not go together, or have wrong values.</exception>
    /// <exception cref="IOException">The file of the key is not there.</exception>
    public static SystemVKey Read(ParseResult parsed)
    {
        string? key = parsed.GetValue(Key);
        string? path = parsed.GetValue(KeyPath);
        string? project = parsed.GetValue(Project);
        if (key is null)
        {
            return Of(
                path ?? CommandLine.ReadPlaces(parsed).StateDirectory, project ?? $"{SystemVKey.DefaultProject}", path is null ? "--state-dir" : "--path");
        }

        if (path is not null || project is not null)
        {
            throw CommandLine.Wrong($"--key: '{key}' is the whole key; --path and --project make one from a file: give the one or the others");
        }

        return SystemVKey.TryParse(key)
            ?? throw CommandLine.Wrong($"--key: '{key}' must be 0x and hexadecimal digits or a decimal number, of 32 bits and not 0");
    }

    /// <summary>The key of a file and a letter.</summary>
    /// <param name="path">The file.</param>
    /// <param name="project">The letter.</param>
    /// <param name="option">What named the file, for the message.</param>
    public static SystemVKey Of(string path, string project, string option)
    {
        if (project.Length != 1 || project[0] is < ' ' or > '~')
        {
            throw CommandLine.Wrong($"--project: '{project}' must be one ASCII letter, digit or sign");
        }

        if (Syscall.IsAbsent(path))
        {
            throw new IOException($"{option}: '{path}' does not exist, and a key is made from a file's inode; name an existing file, or give --key 0x41020304");
        }

        return SystemVKey.OfPath(path, project[0]);
    }
}
