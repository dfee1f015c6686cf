using System.Globalization;
using System.Text;
using System.Text.Json.Nodes;
using Appliance.SystemTests.Harness;

namespace Appliance.SystemTests;

/// <summary>
/// Everything that README.md shows is done as it stands: in order, in one directory, on a host of its own (namespaces for network, IPC,
/// processes and mounts), with PHP where it says PHP.
/// </summary>
[Trait(TestEngine.Name, TestEngine.Any)]
public sealed class ReadmeTests : IDisposable
{
    private const string Build = "Try it";
    private const string Package = "Install it";
    private const string Protocol = "Talk to it";
    private const string Push = "Push from PHP, ask from the shell";

    /// <summary>Blocks that are typed in a shell, or in PHP, one after the other.</summary>
    private static readonly string[] Typed =
        ["Use it", Push, "Queues, with PHP at the other end", "Shared memory and semaphores, with PHP at the other end"];

    /// <summary>Of lines that go on until they are ended: how one sees that they do what they are to do.</summary>
    private static readonly Dictionary<string, string> SeenWhen = new(StringComparer.Ordinal)
    {
        ["appliance --nofork"] = "appliance status",
        ["appliance history --follow"] = "grep 'server: Back in five$' $OUT",
        ["appliance queue receive --wait --all --exec 'php job.php' --path ."] =
            "appliance queue exists --path . && { test -e sent || { appliance queue send 'first job' --path . && touch sent; }; } "
            + "&& grep 'done: first job' $OUT",
    };

    /// <summary>What PHP at the other end prints.</summary>
    private static readonly Dictionary<string, string> PhpPrints = new(StringComparer.Ordinal)
    {
        ["appliance queue send hello --path ."] = "hello",
        ["appliance shm put 1 'Back at nine'"] = "Back at nine",
        ["appliance shm put 3 '{\"open\":true}' --json"] = "bool(true)\n",
    };

    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("appliance-readme-");

    [Fact]
    public void Every_block_is_done_by_a_test()
    {
        Assert.Equal(
            new[] { Build, Package, Protocol }.Concat(Typed).Order(StringComparer.Ordinal),
            Readme.Blocks.Select(block => block.Heading).Distinct(StringComparer.Ordinal).Order(StringComparer.Ordinal));
        var commands = Typed.SelectMany(Readme.Below).SelectMany(block => block.Lines).Select(ReadmeLine.Of).ToList();
        Assert.Equal(
            SeenWhen.Keys.Order(StringComparer.Ordinal), commands.Where(line => line.IsEndedByHand).Select(line => line.Command).Order(StringComparer.Ordinal));
        Assert.Equal(
            PhpPrints.Keys.Order(StringComparer.Ordinal),
            commands.Where(line => line.PhpCode is not null).Select(line => line.Command).Order(StringComparer.Ordinal));
    }

    /// <summary>What builds this very test cannot be run by it; each task that is named is one.</summary>
    [Fact]
    public void Tasks_of_the_build_are_there()
    {
        var tasks = Directory.EnumerateFiles(Path.Combine(Path.GetDirectoryName(Repository.File("README.md"))!, "build", "Tasks"), "*.cs")
            .Select(File.ReadAllText).ToList();
        var lines = Readme.Below(Build).SelectMany(block => block.Lines).Select(line => ReadmeLine.Of(line).Command).ToList();
        Assert.NotEmpty(lines);
        Assert.All(lines, line =>
        {
            var words = line.Split(' ');
            Assert.Equal("./build.sh", words[0]);
            Assert.Contains(tasks, task => task.Contains($"[TaskName(\"{words[1]}\")]", StringComparison.Ordinal));
        });
    }

    [Fact]
    public async Task Blocks_work_as_they_stand()
    {
        var lines = Typed.SelectMany(Readme.Below).SelectMany(block => block.Lines.Select(line => (block.Heading, Line: ReadmeLine.Of(line)))).ToList();
        var script = Path.Combine(_folder.FullName, "script");
        await File.WriteAllTextAsync(script, Script(lines));
        var run = await CommandResult.RunAsync(
            TimeSpan.FromMinutes(2), "unshare", "--net", "--ipc", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc",
            "sh", script, PublishedBinary.FilePath, _folder.FullName);
        Assert.True(run.ExitCode == 0, run.ToString());
        for (var i = 0; i < lines.Count; i++)
        {
            var (_, line) = lines[i];
            Assert.True(Left(i, "status") == "0\n", $"{line.Command}: status {Left(i, "status")}{Left(i, "out")}{Left(i, "err")}");
            Assert.True(Left(i, "err") == "" || line.IsEndedByHand, $"{line.Command}: {Left(i, "err")}");
            Assert.True(line.PhpCode is null || Left(i, "php") == PhpPrints[line.Command], $"{line.PhpCode}: {Left(i, "php")}");
        }

        Assert.Equal("imported\n", Left(lines.FindIndex(line => line.Line.Command.Contains("import.sh", StringComparison.Ordinal)), "out"));
        Assert.Contains(
            "Back in five minutes", Left(lines.FindIndex(line => line.Line.Command.Contains("--follow", StringComparison.Ordinal)), "out"),
            StringComparison.Ordinal);
    }

    /// <summary>The lines with an arrow: what is sent, and the form of what comes.</summary>
    [Fact]
    public async Task Messages_are_as_they_are_shown()
    {
        var lines = Readme.Below(Protocol).Single().Lines;
        var sent = lines.Where(line => line[0] == '→').Select(line => line[1..(line.LastIndexOf('}') + 1)].Trim()).ToList();
        var shown = lines.Where(line => line[0] == '←').Select(line => JsonNode.Parse(line[1..(line.LastIndexOf('}') + 1)])!.AsObject()).ToList();
        Assert.Equal(lines.Count - sent.Count, shown.Count);
        await using var server = await ApplianceServer.StartAsync();
        await using var ann = await ChatClient.JoinAsync(server);
        List<JsonObject> got = [];
        foreach (var (text, answer) in sent.Zip(["usermsg", "pong"]))
        {
            await ann.SendAsync(text);
            got.Add((await ann.ReadTypeAsync(answer)).Json);
        }

        var say = await server.RunCommandAsync("say", "back at nine", "--name", "ops", "--color", "#F00");
        Assert.True(say.ExitCode == 0, say.Error);
        got.Add((await ann.ReadMessageAsync("back at nine")).Json);
        await ann.SayAsync(new string('x', 101));
        got.Add((await ann.ReadTypeAsync("error")).Json);
        await using var late = await ChatClient.JoinAsync(server, "after=1");
        got.Add((await late.ReadTypeAsync("gap")).Json);
        got.Add((await ann.ReadTypeAsync("system")).Json);
        Assert.All(shown, wanted => Assert.Contains(got, one => Form(one) == Form(wanted)));
    }

    public void Dispose() => _folder.Delete(recursive: true);

    /// <summary>A message without what differs each time.</summary>
    private static string Form(JsonObject message)
    {
        var form = (JsonObject)message.DeepClone();
        foreach (var name in (string[])["id", "time", .. message["type"]!.GetValue<string>() is "error" or "gap" ? ["message"] : Array.Empty<string>()])
        {
            _ = form.ContainsKey(name) && (form[name] = "") is not null;
        }

        return form.ToJsonString();
    }

    private static string Script(List<(string Heading, ReadmeLine Line)> lines)
    {
        var script = new StringBuilder("""
            set -eu
            ip link set lo up
            for directory in /run /var/lib /etc/appliance; do [ ! -d $directory ] || mount -t tmpfs none $directory; done
            RESULTS=$2
            mkdir "$2/bin" "$2/work" && ln -s "$1" "$2/bin/appliance"
            PATH=$2/bin:$PATH
            cd "$2/work"
            head -c 60000 /dev/urandom >photo.jpg
            printf '#!/bin/sh\necho imported\n' >import.sh && chmod +x import.sh
            printf '<?php echo "done: ", stream_get_contents(STDIN), "\\n";' >job.php
            php() { command php -d display_errors=stderr -d html_errors=0 -d error_reporting=-1 "$@"; }
            set +e

            """);
        for (var i = 0; i < lines.Count; i++)
        {
            var (heading, line) = lines[i];
            if (heading == Push && lines[i - 1].Heading != Push)
            {
                _ = script.Append("appliance --daemon >/dev/null\n");
            }

            var left = string.Create(CultureInfo.InvariantCulture, $"$RESULTS/{i}");
            var command = line.Command.StartsWith("appliance", StringComparison.Ordinal) ? line.Command : $"php -r {Quote(line.Command)}";
            _ = line.IsEndedByHand
                ? script.Append(CultureInfo.InvariantCulture, $"""
                    OUT={left}.out
                    {command} >{left}.out 2>{left}.err </dev/null &
                    until {SeenWhen[line.Command]} >/dev/null 2>&1; do kill -0 $! || break; sleep 0.02; done
                    kill -TERM $!
                    echo $? >{left}.status
                    wait $!

                    """)
                : script.Append(CultureInfo.InvariantCulture, $"( {command}\n) >{left}.out 2>{left}.err </dev/null; echo $? >{left}.status\n");
            _ = line.PhpCode is { } code ? script.Append(CultureInfo.InvariantCulture, $"php -r {Quote(code)} >{left}.php 2>&1\n") : script;
        }

        return script.Append("appliance stop --purge\n").ToString();
    }

    private static string Quote(string text) => $"'{text.Replace("'", "'\\''", StringComparison.Ordinal)}'";

    private string Left(int line, string kind)
    {
        var file = Path.Combine(_folder.FullName, string.Create(CultureInfo.InvariantCulture, $"{line}.{kind}"));
        return File.Exists(file) ? File.ReadAllText(file) : $"(no {kind})";
    }
}
