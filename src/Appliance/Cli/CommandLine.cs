using System.CommandLine;
using System.Globalization;
using System.Text;
using Appliance.Config;
using Appliance.Identity;
using Appliance.Master;
using Appliance.Native;
using Appliance.Tls;

namespace Appliance.Cli;

/// <summary>The command line, made from the table of settings and the table of commands.</summary>
internal static class CommandLine
{
    /// <summary>A configuration file with every setting and its explanation has some 5,000 bytes.</summary>
    private const int ConfigBytesMax = 1 << 20;

    private const string SystemConfigFile = "/etc/appliance/appliance.conf";

    private static readonly Dictionary<Setting, Option> SettingOptions = SettingsTable.Rows.ToDictionary(row => row, MakeOption);

    private static readonly Option<string> Config = new("--config") { Recursive = true };

    /// <summary>Where the command line was typed. A daemon leaves it, but reads its configuration file again, and so do its successors.</summary>
    internal static string StartDirectory { get; private set; } = "/";

    private static readonly Option<bool> Help = new("--help", "-h", "-?") { Recursive = true };

    private static readonly Dictionary<Option<bool>, Func<ParseResult, int>> Actions = new()
    {
        [Help] = _ => Usage.Print(),
        [new Option<bool>("--version", "-V")] = _ => Usage.PrintVersion(),
        [new Option<bool>("--settings")] = parsed => SettingsCommand.Run(ReadSettings(parsed)),
        [new Option<bool>("--check")] = parsed => CheckCommand.Run(ReadSettings(parsed)),
    };

    /// <summary>Does what the arguments say and returns the exit status.</summary>
    public static int Run(string[] args)
    {
        Syscall.IgnoreFileSizeSignal();
        Syscall.SetBrokenPipe(ends: false);
        var (hasInput, hasOutput) = Syscall.FillStandardDescriptors();
        LocalTimeZone.Check();
        bool isCommand = false;
        try
        {
            if (RunCommand.TryRunRole(args) is { } exitCode)
            {
                return exitCode;
            }

            StandardOutput.Use(hasOutput);
            ValueSource.HasInput = hasInput;

            if (args.Length == 0)
            {
                return Usage.Print();
            }

            StartDirectory = Environment.GetEnvironmentVariable(ProcessRole.StartDirectory) is ['/', ..] directory ? directory : CurrentDirectory();
            var parsed = MakeRoot(args).Parse(args, new ParserConfiguration { ResponseFileTokenReplacer = null, EnablePosixBundling = false });
            if (parsed.CommandResult.Command is var command && command.Parents.Any() && parsed.GetValue(Help))
            {
                return Usage.Print(command);
            }

            isCommand = command.Parents.Any();
            if (isCommand)
            {
                // A command in a pipeline ends with its reader, and takes no more messages for nobody.
                Syscall.SetBrokenPipe(ends: true);
            }

            if (parsed.Errors.Count > 0)
            {
                return StatusCommand.IsPlugin(args) ? StatusCommand.ComplainAsPlugin(Explain(parsed)) : Complain(ExitCode.Usage, Explain(parsed));
            }

            return ((ActionCommand)command).Run(parsed);
        }
        catch (SettingException wrong)
        {
            return Complain(wrong.IsUsage ? ExitCode.Usage : ExitCode.Failed, wrong.Message);
        }
        catch (Exception failure) when (EnvironmentFailure.Explain(failure) is { } why)
        {
            return Complain(ExitCode.Failed, why);
        }
        catch (InvariantException) when (!isCommand)
        {
            // A server's log has it.
            return ExitCode.Failed;
        }
        catch (Exception fault) when (isCommand)
        {
            // A server ends loudly and is replaced; whoever typed a command needs words.
            return Complain(ExitCode.Failed, $"internal error: {fault.GetType().Name}: {fault.Message}; please report it with the command that you gave");
        }
    }

    /// <summary>The settings of a command line and of the configuration file it names.</summary>
    /// <exception cref="SettingException">Something is wrong with either.</exception>
    internal static Settings ReadSettings(ParseResult parsed)
    {
        string? file = parsed.GetValue(Config);
        IEnumerable<GivenValue> given = InEnvironment();
        if (file is not null || !Syscall.IsAbsent(SystemConfigFile))
        {
            file = Path.GetFullPath(file ?? SystemConfigFile, StartDirectory);
            given = given.Concat(SettingsBuilder.ReadFile(file, ReadLines(file)));
        }

        return SettingsBuilder.Build(Paths.ForThisUser(), [.. given, .. OnCommandLine(parsed)]);
    }

    /// <summary>Settings with the keys of tokens: a server needs them, and reads them again with its settings.</summary>
    /// <exception cref="SettingException">They cannot be read, or a file has something else.</exception>
    private static Settings WithKeys(Settings settings)
    {
        try
        {
            settings = settings.Auth == AuthMode.Jwt ? settings with { AuthKeys = KeyFile.Read(settings.AuthKeyFiles) } : settings;
            return settings.TlsCertificates.Count > 0 ? WithCertificates(settings) : settings;
        }
        catch (IOException failure)
        {
            throw new SettingException(failure.Message, failure);
        }
    }

    private static Settings WithCertificates(Settings settings)
    {
        using var credentials = TlsCredentials.Read(settings.TlsCertificates, settings.TlsKeys);
        string description = credentials.Describe(DateTimeOffset.UtcNow.ToUnixTimeMilliseconds(), out bool isExpired);
        return settings with { TlsCredentials = credentials.Pack(), TlsDescription = description, IsTlsExpired = isExpired };
    }

    /// <summary>
    /// Where the server of a command is. A configuration file that cannot be read, or is wrong by now, does not keep anybody from
    /// stopping a server: what it says of directories counts, the rest is the server's to complain about.
    /// </summary>
    /// <exception cref="SettingException">Something is wrong with the command line.</exception>
    internal static Settings ReadPlaces(ParseResult parsed)
    {
        try
        {
            return ReadSettings(parsed);
        }
        catch (SettingException wrong)
        {
            bool named = parsed.GetResult("--run-dir") is not null && parsed.GetResult("--state-dir") is not null;
            if (wrong.IsUsage || (wrong.InnerException is not null && !named))
            {
                // The file that was named cannot be read, and nothing else says where the server is.
                throw;
            }

            string file = Path.GetFullPath(parsed.GetValue(Config) ?? SystemConfigFile, StartDirectory);
            var places = SettingsBuilder.ReadPlaces(file, Syscall.IsReadable(file) ? ReadLines(file) : []);
            return SettingsBuilder.Build(Paths.ForThisUser(), [.. InEnvironment(), .. places, .. OnCommandLine(parsed)]);
        }
    }

    /// <summary>What is wrong with the command line, for exit status 2.</summary>
    internal static SettingException Wrong(string what) => new(what) { IsUsage = true };

    /// <summary>All options and commands; without a command it serves, or prints what it was asked for.</summary>
    internal static ActionCommand MakeRoot(string[] args)
    {
        // A RootCommand would bring help and version of its own, and a look at the name of the program's file.
        var root = new ActionCommand("appliance");
        root.Options.Add(Config);
        foreach (var option in SettingOptions.Values.Concat(Actions.Keys))
        {
            root.Options.Add(option);
        }

        foreach (var row in CommandTable.Rows)
        {
            var command = row.Make();
            FamilyOf(root, row.FamilyOf(command)).Subcommands.Add(command);
        }

        root.SetAction(parsed =>
        {
            foreach (var (option, action) in Actions)
            {
                if (parsed.GetValue(option))
                {
                    return action(parsed);
                }
            }

            return RunCommand.Run(args, () => WithKeys(ReadSettings(parsed)));
        });
        return root;
    }

    /// <summary>The command that a command is to be below: one that does nothing itself, or the root.</summary>
    private static Command FamilyOf(Command root, string? name)
    {
        if (name is null)
        {
            return root;
        }

        if (root.Subcommands.FirstOrDefault(command => command.Name == name) is not { } family)
        {
            family = new Command(name);
            root.Subcommands.Add(family);
        }

        return family;
    }

    /// <summary>An option may be given again: the last one counts, or all of a repeatable one.</summary>
    private static Option MakeOption(Setting row) =>
        new Option<string[]>($"--{row.Name}")
        {
            Arity = ArgumentArity.ZeroOrMore,
            AllowMultipleArgumentsPerToken = false,
            Recursive = row.Name is "run-dir" or "state-dir" or "metrics",
        };

    /// <summary>What a service gives as its defaults.</summary>
    private static IEnumerable<GivenValue> InEnvironment() =>
        from row in SettingsTable.Rows
        let value = Environment.GetEnvironmentVariable(row.Variable)
        where value is { Length: > 0 }
        from one in row.IsRepeatable ? value.Split(' ', StringSplitOptions.RemoveEmptyEntries) : [value]
        select new GivenValue(row.Name, one, SettingsBuilder.Environment, StartDirectory);

    private static IEnumerable<GivenValue> OnCommandLine(ParseResult parsed) =>
        SettingsTable.Rows.SelectMany(row => OnCommandLine(parsed, row, SettingOptions[row]));

    private static IEnumerable<GivenValue> OnCommandLine(ParseResult parsed, Setting row, Option option)
    {
        if (parsed.GetResult(option) is not { Implicit: false } result)
        {
            return [];
        }

        string[] values = result.GetValue((Option<string[]>)option) ?? [];
        if (values.Length < result.IdentifierTokenCount)
        {
            // --proc alone is how an init script says: as many as usual. A switch alone is on; --echo=off takes back what a file says.
            values = row.IsSwitch ? ["on"] : row.Name == "proc" ? [row.Default] : throw Wrong($"--{row.Name}: a value is missing: --{row.Name} {row.Value}");
        }

        return (row.IsRepeatable ? values : values[^1..]).Select(value => new GivenValue(row.Name, value, SettingsBuilder.CommandLine, StartDirectory));
    }

    private static string[] ReadLines(string file)
    {
        try
        {
            if (Directory.Exists(file))
            {
                throw new IOException("it is a directory; name the file in it");
            }

            // What everybody may exchange would make a server, and root, write where somebody else likes.
            string path = OwnedPath.Resolve("others may exchange it", file, Ownership.OfProcess);
            RefusePipe(path);
            using var stream = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete);
            byte[] bytes = new byte[ConfigBytesMax + 1];
            int length = stream.ReadAtLeast(bytes, bytes.Length, throwOnEndOfStream: false);
            return length <= ConfigBytesMax
                ? Encoding.UTF8.GetString(bytes, 0, length).Split('\n')
                : throw new IOException(string.Create(CultureInfo.InvariantCulture, $"it is longer than {ConfigBytesMax} bytes"));
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
        {
            string why = PathFailure.ErrnoOf(failure) is var error and not Errno.None
                ? PathFailure.Describe(file, "read", error)
                : $"'{file}' cannot be read: {failure.Message}";
            throw new SettingException($"--config: {why}", failure);
        }
    }

    /// <summary>A pipe gives its text once, and a server reads it again at each reload: there it would wait for a writer for ever.</summary>
    private static void RefusePipe(string path)
    {
        var opened = Syscall.Open(path, Syscall.O_RDONLY | Syscall.O_NONBLOCK, 0);
        if (opened.Ok)
        {
            bool isPipe = !Syscall.Seek(opened.Value, 0, Syscall.SEEK_CUR).Ok;
            _ = Syscall.Close(opened.Value);
            if (isPipe)
            {
                throw new IOException("it is a pipe, which can be read only once; name a regular file");
            }
        }
    }

    /// <summary>Where this process was started; somebody may have removed it, which is in the way of nothing but relative paths.</summary>
    private static string CurrentDirectory()
    {
        try
        {
            return Directory.GetCurrentDirectory();
        }
        catch (IOException)
        {
            return "/";
        }
    }

    private static string Explain(ParseResult parsed)
    {
        string command = Usage.NameOf(parsed.CommandResult.Command);
        return parsed.UnmatchedTokens.Count > 0
            ? $"{Excerpt.Bare(parsed.UnmatchedTokens[0])}: there is no such option or command; 'appliance{command} --help' prints all"
            : $"{parsed.Errors[0].Message} 'appliance{command} --help' tells more";
    }

    private static int Complain(int exitCode, string what)
    {
        StandardOutput.Complain(what);
        return exitCode;
    }
}
