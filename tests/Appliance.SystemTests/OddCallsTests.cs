using System.Collections.Concurrent;
using System.Globalization;
using System.Text;
using System.Text.RegularExpressions;
using Appliance.SystemTests.Harness;

namespace Appliance.SystemTests;

/// <summary>
/// Every command with arguments that nobody means, and in surroundings that nobody wants: each call ends by itself, with an exit
/// status of ours and, when that is not 0, with words. The cases are lines of shell, in which surroundings are said most easily.
/// </summary>
[Trait(TestEngine.Name, TestEngine.Any)]
public sealed class OddCallsTests
{
    private const string Usage = "";

    /// <summary>What the runtime says of a fault, and of a path or a text that it cannot read.</summary>
    private const string ExceptionText =
        @"Unhandled|^ +at |\bSystem\.|Exception|internal error|Could not find|Access to the path|' already exists|LineNumber";

    /// <summary>The key that some arguments name.</summary>
    private const uint GivenKey = 0x0BADF00D;

    /// <summary>Exit status of timeout(1).</summary>
    private const int TimedOut = 124;

    /// <summary>Of each command the arguments that make sense; <c>$D</c> is a folder of the test.</summary>
    private static readonly Dictionary<string, string> GoodArguments = new(StringComparer.Ordinal)
    {
        [Usage] = "--nofork --listen 127.0.0.1:99999",
        ["--settings"] = "",
        ["--check"] = "--listen 127.0.0.1:0 --metrics off",
        ["--version"] = "",
        ["--help"] = "",
        ["status"] = "",
        ["stop"] = "",
        ["reload"] = "",
        ["reopen"] = "",
        ["upgrade"] = "",
        ["say"] = "hello",
        ["rooms"] = "",
        ["clients"] = "",
        ["kick"] = "192.0.2.1",
        ["ban"] = "192.0.2.1",
        ["unban"] = "192.0.2.1",
        ["bans"] = "",
        ["mute"] = "192.0.2.1",
        ["unmute"] = "192.0.2.1",
        ["room"] = "lobby --open",
        ["delete"] = "1700000000000123",
        ["history"] = "",
        ["token"] = "--sub u7 --auth-key $D/key",
        ["dump"] = "$D/out",
        ["queue send"] = "hello",
        ["queue receive"] = "",
        ["queue stat"] = "",
        ["queue exists"] = "",
        ["queue remove"] = "",
        ["queue list"] = "",
        ["shm put"] = "1 hello",
        ["shm get"] = "1",
        ["shm has"] = "1",
        ["shm unset"] = "1",
        ["shm list"] = "",
        ["shm stat"] = "",
        ["shm remove"] = "",
        ["sem run"] = "-- true",
        ["sem acquire"] = "--hold 0",
        ["sem stat"] = "",
        ["sem remove"] = "",
        ["ipc list"] = "",
        ["ipc key"] = "$D/folder",
    };

    /// <summary>Commands that ask a server that runs.</summary>
    private static readonly string[] OfServer =
        ["status", "say", "rooms", "clients", "kick", "ban", "unban", "bans", "mute", "unmute", "room", "delete", "history"];

    /// <summary>Commands whose answer is their exit status.</summary>
    private static readonly string[] Silent = ["queue exists", "shm has"];

    private static readonly string[] OddArguments =
    [
        "''", "x", "-1", "0", "99999999999999999999999", "1 x", "1 '' ''", "1 @$D/folder", "1 @$D/missing", "1 @$D/loop", "1 @", "1 @/proc/self/mem", "1 -",
        "$D/file", "$D/missing/x", "$D/file/x", "$D/loop", "\"$(printf '\\377\\376')\"", "1 \"$(printf 'a\\377b')\"", "\"$(printf 'a\\nb\\033[31m')\"",
        "\"$LONG\"", "%s%n",
        "--", "-- ''", "-- $D/missing", "-- $D/folder", "-- $D/file", "--nonsense", "--nonsense=1", "--help x", "--json", "--json 1 '{'", "--json 1 \"$DEEP\"",
        "--serialized 1 'a:1:{'",
        "-n 99999999999999999", "-n ''", "--type 9223372036854775807 1", "--type '' 1", "--timeout 1e999 1", "--timeout NaN 1", "--timeout '' 1",
        "--hold 99999999999", "--hold -1",
        "--key 0", "--key ''", "--key 0xffffffffff", "--key 0x0badf00d 1 1", "--path $D/missing 1", "--path '' 1", "--path $D/loop 1", "--project '' 1",
        "--project é 1", "--project AB 1",
        "--mode 9 1 1", "--mode 07777 1 1", "--size 99999999999999 1 1", "--size 1 1 1", "--max -5 1", "--max 99999 1", "--exec '' 1", "--oversize x",
        "--room \"$(printf '\\377')\" 1", "--room '' 1", "--name '' 1",
        "--config", "--config ''", "--config $D/folder", "--config $D/missing", "--config /dev/null", "--config /dev/zero", "--config /proc/self/mem",
        "--config $D/loop", "--config $D/odd.conf",
        "--run-dir", "--run-dir '' 1", "--run-dir $D/file 1", "--run-dir $D/loop 1", "--run-dir $D/missing 1", "--run-dir \"$LONG\" 1", "--state-dir '' 1",
        "--state-dir $D/file 1", "--state-dir $D/missing 1", "--state-dir \"$(printf '\\377')\" 1",
        "1 @$D/missing/x", "1 @$D/file/x", "/proc/x", "/dev/null", "--config nix", "--config $D/file/x", "--run-dir /proc/1/x 1", "--run-dir $D/folder/x/y 1",
        "--log $D/folder", "--log $D/missing/x",
        "--log $D/file/x", "--journal $D/folder", "--journal $D/missing/x", "--json 1 '{bad'", "--json 1 ''", "--json 1 '[1'", "--json 1 '\"\\ud800\"'",
        "--json '{bad'",
        "--metrics unix:$D/missing --nagios", "--metrics '' --json", "--metrics 127.0.0.1:1 --nagios", "--nagios --warning x",
        "--nagios --critical idle_percent=", "--force $D/file", "--force $D/file/x",
    ];

    /// <summary>What stands before a call, and behind it.</summary>
    private static readonly (string Before, string Behind)[] Surroundings =
    [
        ("", "<&-"), ("", ">&-"), ("", "2>&-"), ("", "<&- >&- 2>&-"), ("", ">/dev/full"), ("", "2>/dev/full"), ("", ">/dev/full 2>/dev/full"),
        ("", "</dev/full"), ("", "<$D/folder"), ("", "| true"),
        ("env -u HOME -u XDG_RUNTIME_DIR -u XDG_STATE_HOME", ""), ("env HOME=", ""), ("env HOME=$D/file XDG_RUNTIME_DIR=$D/file XDG_STATE_HOME=$D/file", ""),
        ("env HOME=rel XDG_RUNTIME_DIR=rel", ""), ("env -i", ""),
        ("env LANG=xx_YY.KOI8-R LC_ALL=tr_TR", ""), ("env TZ=Nowhere/Land", ""), ("env TZ=:/dev/zero", ""),
        ("env TMPDIR=/missing TERM=nonsense COLUMNS=-1", ""),
        ("env APPLIANCE_PROC=junk APPLIANCE_LISTEN=nowhere", ""), ("env APPLIANCE_DIRECTORY=rel APPLIANCE_FD=x", ""),
        ("env DOTNET_gcServer=x DOTNET_GCHeapHardLimit=x", ""),
        ("mkdir -p $R/gone && cd $R/gone && rmdir $R/gone &&", ""),
    ];

    /// <summary>The same as a user who may do nothing here.</summary>
    private static readonly string[] AsNobody =
    [
        "", "--config $D/secret", "--run-dir $D/locked/run 1", "--state-dir $D/locked/state 1", "--path $D/locked/x 1", "1 @$D/secret", "$D/locked/x",
    ];

    [Fact]
    public async Task Every_call_ends_with_words()
    {
        await using var server = await ApplianceDaemon.StartAsync(1, "--max-rate", "0");
        await using var folder = new IpcFolder();
        await PrepareAsync(folder);
        var faults = new ConcurrentBag<string>();
        await Parallel.ForEachAsync(GoodArguments, new ParallelOptions { MaxDegreeOfParallelism = 3 }, async (command, _) =>
        {
            foreach (var fault in await FaultsOfAsync(folder, server, command.Key, command.Value))
            {
                faults.Add(fault);
            }
        });
        foreach (var one in SystemVObjects.All().Where(one => one.Key == GivenKey))
        {
            await SystemVObjects.RemoveAsync(one);
        }

        Assert.True(faults.IsEmpty, string.Join('\n', faults.Order(StringComparer.Ordinal)));
    }

    /// <summary>A server runs, but the command is not given its directories: the words name the wrong one, and say what is right.</summary>
    [Fact]
    public async Task Wrong_places_are_named()
    {
        await using var server = await ApplianceDaemon.StartAsync(1);
        await using var folder = new IpcFolder();
        var missing = Path.Combine(folder.FullName, "missing");
        string[][] commands =
            [["reload"], ["reopen"], ["upgrade"], ["say", "hello"], ["rooms"], ["clients"], ["kick", "192.0.2.1"], ["history"]];
        foreach (var command in commands)
        {
            foreach (var (run, state, words) in ((string, string, string)[])[
                (server.RunDirectory, missing, $"--state-dir {missing} is not there"),
                (server.RunDirectory, folder.FullName, $"--state-dir {folder.FullName}"),
                (missing, missing, $"no server runs from --run-dir {missing}, which is not there"),
                (folder.FullName, folder.FullName, $"no server runs from --run-dir {folder.FullName}")])
            {
                var result = await CommandResult.ApplianceAsync([.. command, "--run-dir", run, "--state-dir", state]);
                Assert.True(result.ExitCode == 1 && result.Error.Contains(words, StringComparison.Ordinal), result.ToString());
                Assert.Matches("as the server was given them|give the --state-dir of the server", result.Error);
            }
        }
    }

    [Fact]
    public async Task No_command_is_forgotten()
    {
        var usage = (await CommandResult.ApplianceAsync("--help")).Output;
        var commands = usage[usage.IndexOf("\ncommands:", StringComparison.Ordinal)..].Split('\n')
            .Where(line => line.StartsWith("  ", StringComparison.Ordinal))
            .Select(line => Regex.Match(line, "^  ((queue|shm|sem|ipc) )?[a-z]+", RegexOptions.ExplicitCapture, TimeSpan.FromSeconds(1)).Value.Trim());
        Assert.Equal(commands.Order(StringComparer.Ordinal), GoodArguments.Keys.Where(name => name.Length > 0 && name[0] != '-').Order(StringComparer.Ordinal));
    }

    private static async Task PrepareAsync(IpcFolder folder)
    {
        var script = """
            cd "$1" && mkdir folder locked results && echo x >file && echo x >secret && ln -s loop loop
            printf 'a secret of more than 32 bytes, for tests' >key && chmod 640 key
            printf '\377\376h\0\0=\0' >odd.conf
            chmod 0 locked secret && chmod 755 .
            """;
        var made = await CommandResult.RunAsync("sh", "-c", script, "sh", folder.FullName);
        Assert.True(made.ExitCode == 0, made.ToString());
    }

    /// <summary>Runs all cases of a command in one shell, and looks at what each has left: status, output, words.</summary>
    private static async Task<IReadOnlyList<string>> FaultsOfAsync(IpcFolder folder, ApplianceDaemon server, string command, string good)
    {
        var results = Directory.CreateDirectory(Path.Combine(folder.FullName, "results", $"of {command}".Replace(' ', '-'))).FullName;
        var places = command is "--version" or "--help" or "ipc key" ? "" : OfServer.Contains(command)
            ? $"--run-dir {server.RunDirectory} --state-dir {server.StateDirectory}"
            : "--run-dir $D/run --state-dir $D/state";
        var key = Regex.IsMatch(command, "^(queue|shm|sem) (?!list)|^shm list", RegexOptions.ExplicitCapture, TimeSpan.FromSeconds(1))
            ? "--path $D/folder"
            : "";
        string[] cases =
        [
            .. OddArguments.Select(odd => $"$A {command} {Without(places, odd)} {KeyBeside(odd, "--key", "--p")} {odd}"),
            .. Surroundings.Select(around => $"{around.Before} $A {command} {places} {key} {good} {around.Behind}"),
            .. AsNobody.Select(odd => "setpriv --reuid=65534 --regid=65534 --clear-groups "
                + $"$A {command} {Without(places, odd)} {KeyBeside(odd, "--p")} {(odd.Length > 0 ? odd : good)}"),
        ];
        string KeyBeside(string odd, params string[] options) => options.Any(option => odd.Contains(option, StringComparison.Ordinal)) ? "" : key;

        var script = new StringBuilder("D=$1 A=\"timeout --foreground 10 $2\" R=$3\ncd \"$D\"\n")
            .Append("LONG=$(head -c 100000 /dev/zero | tr '\\0' x) DEEP=$(head -c 5000 /dev/zero | tr '\\0' '[')\n");
        for (var i = 0; i < cases.Length; i++)
        {
            // The command ends before what stands behind it in the group, so the status is that of the call.
            _ = script.Append(CultureInfo.InvariantCulture, $"( {cases[i]}\n) >$R/{i}.out 2>$R/{i}.err </dev/null; echo $? >$R/{i}.status\n");
        }

        var file = Path.Combine(results, "cases.sh");
        await File.WriteAllTextAsync(file, script.ToString());
        var run = await CommandResult.RunAsync(TimeSpan.FromMinutes(5), "sh", file, folder.FullName, PublishedBinary.FilePath, results);
        Assert.True(run.ExitCode == 0, run.ToString());
        var faults = cases.Select((line, i) => FaultOf(command, line, Path.Combine(results, $"{i}"))).Where(fault => fault is not null);
        return [.. faults.Cast<string>(), .. Unprinted(cases, results)];
    }

    /// <summary>Calls that print when they can, and did not fail when they could not.</summary>
    private static IEnumerable<string> Unprinted(string[] cases, string results)
    {
        var first = OddArguments.Length;
        return new FileInfo(Path.Combine(results, $"{first}.out")).Length == 0 ? [] : Surroundings.Index()
            .Where(one => Regex.IsMatch(one.Item.Behind, "(^| )>(&-|/dev/full)", RegexOptions.ExplicitCapture, TimeSpan.FromSeconds(1)))
            .Select(one => first + one.Index)
            .Where(i => File.ReadAllText(Path.Combine(results, $"{i}.status")).Trim() == "0")
            .Select(i => $"printed nowhere and did not fail: {cases[i]}");
    }

    private static string Without(string places, string odd) => string.Join(
        ' ', places.Split("--", StringSplitOptions.RemoveEmptyEntries).Select(option => $"--{option.Trim()}")
            .Where(option => !odd.Contains(option.Split(' ')[0], StringComparison.Ordinal)));

    private static string? FaultOf(string command, string line, string result)
    {
        var status = int.Parse(File.ReadAllText($"{result}.status"), CultureInfo.InvariantCulture);
        var errors = File.ReadAllText($"{result}.err");
        var output = File.ReadAllText($"{result}.out") + errors;
        var told = command is "--check" || Silent.Contains(command) || line.Contains("2>", StringComparison.Ordinal)
            || line.Contains("| true", StringComparison.Ordinal) || line.Contains(">&-", StringComparison.Ordinal)
            || output.Contains(command == "status" ? "appliance" : "appliance: ", StringComparison.Ordinal)
            || output.Contains("UNKNOWN", StringComparison.Ordinal) || output.Contains("{\"running\"", StringComparison.Ordinal);
        // Without an argument that is wrong it is a server, which serves until it is ended.
        var serves = command == Usage && status == TimedOut && output.Contains("ready on", StringComparison.Ordinal);
        var fault = !serves && !StatusesOf(command).Contains(status) ? $"exit status {status}"
            : Regex.IsMatch(output, ExceptionText, RegexOptions.Multiline, TimeSpan.FromSeconds(1)) ? "an exception's text"
            : status != 0 && !told && !serves ? "no words"
            : Regex.IsMatch(errors, @"\((?:E[A-Z]+|[0-9]+)\)$", RegexOptions.Multiline, TimeSpan.FromSeconds(1)) ? "no way out"
            : errors.Contains('\u001b', StringComparison.Ordinal) ? "control characters"
            : null;
        return fault is null ? null : $"{fault}: {line}: {(output.Length > 300 ? output[..300] : output)}";
    }

    private static int[] StatusesOf(string command) => command switch
    {
        "status" => [0, 1, 2, 3, 4],
        "sem run" => [0, 1, 2, 126, 127],
        _ => [0, 1, 2],
    };
}
