using System.Text;
using Appliance.SystemTests.Harness;

namespace Appliance.SystemTests;

/// <summary>The new process crashes when it has taken some or all connections already: they come back, and the old process goes on with every client.</summary>
public sealed class UpgradeReturnTests
{
    /// <summary>A new process that takes what one of two workers gives, gives it back, does not answer the other one, and is gone.</summary>
    internal const string Returning = """
        #!/usr/bin/perl
        use Socket; use POSIX ();
        my ($sendmsg, $recvmsg) = (POSIX::uname())[4] eq 'x86_64' ? (46, 47) : (211, 212);
        open(my $channel, '+<&=', $ENV{APPLIANCE_FD}) or die;
        my $message = '';
        sysread($channel, $message, 65536) until $message =~ /^B/;
        sub say_with {
            my ($socket, $text, $control) = @_;
            my $vector = pack('P Q', $text, length $text);
            my $header = pack('Q L x4 P Q P Q l x4', 0, 0, $vector, 1, $control, length $control, 0);
            syscall($sendmsg, fileno($socket), $header, 0) > 0 or die;
        }
        sub hear {
            my ($socket) = @_;
            my ($text, $control) = ("\0" x 65536, "\0" x 2048);
            my $vector = pack('P Q', $text, length $text);
            my $header = pack('Q L x4 P Q P Q l x4', 0, 0, $vector, 1, $control, length $control, 0);
            my $length = syscall($recvmsg, fileno($socket), $header, 0);
            $length > 0 or die;
            return (substr($text, 0, $length), substr($control, 0, unpack('x40 Q', $header)));
        }
        my @ways;
        for my $number (0, 1) {
            socketpair(my $giving, my $taking, AF_UNIX, SOCK_SEQPACKET, 0) or die;
            say_with($channel, "W$number", pack('Q l l l x4', 20, 1, 1, fileno($giving)));
            push @ways, $taking;
        }
        syswrite($channel, 'C');
        my ($batch, $descriptors) = hear($ways[0]);
        my $all = pack('l', unpack('x6 v', $batch));
        syswrite($ways[0], $all);
        say_with($ways[0], $batch, $descriptors);
        sysread($ways[0], my $answer, 4);
        exit($answer eq $all ? 0 : 1);
        """;

    /// <summary>
    /// The real one, killed once a worker of it has connections while one of the old process has some, too: for which that process is stopped.
    /// </summary>
    private const string Killed = """
        #!/usr/bin/perl
        use POSIX ();
        my ($new, $old) = ($$, getppid());
        if (!fork()) {
            POSIX::close($ENV{APPLIANCE_FD});
            sub workers { open(my $file, '<', "/proc/$_[0]/task/$_[0]/children") or return (); return split(' ', <$file> // ''); }
            sub is_gone {
                open(my $file, '<', "/proc/$_[0]/stat") or return 1;
                my @tasks = glob("/proc/$_[0]/task/*");
                return <$file> =~ /\) Z / && @tasks <= 1;
            }
            sub has_clients { my $count = () = glob("/proc/$_[0]/fd/*"); return $count > 350; }
            while (kill(0, $new)) {
                next unless grep { has_clients($_) } workers($new);
                kill('STOP', $old);
                if (grep { has_clients($_) } workers($old)) {
                    kill('KILL', $new);
                    1 until is_gone($new);
                }
                kill('CONT', $old);
                last;
            }
            POSIX::_exit(0);
        }
        exec { "$0.real" } 'appliance: master', @ARGV;
        """;

    private const int Clients = 2400;
    private const int TriesMax = 10;

    [Fact]
    public async Task What_was_given_back_is_served_again()
    {
        await using var daemon = await StartAsync();
        await using var ann = await daemon.JoinWorkerAsync(0);
        await using var bob = await daemon.JoinWorkerAsync(1);
        var (master, workers) = (daemon.Master, daemon.Workers());
        daemon.ReplaceBinary(Encoding.UTF8.GetBytes(Returning));
        var failed = await daemon.RunCommandAsync("upgrade");
        Assert.Contains($"the former process goes on, pid {master.Pid}", failed.Error, StringComparison.Ordinal);
        Assert.Equal((master, workers.Count), (daemon.Master, daemon.Workers().Count));
        Assert.Equal((await ann.SayAndReadAsync("still here")).Id, (await bob.ReadMessageAsync("still here")).Id);

        daemon.ReplaceBinary(await File.ReadAllBytesAsync(PublishedBinary.FilePath));
        _ = await daemon.SucceedAsync("upgrade");
        Assert.Equal((await bob.SayAndReadAsync("and still")).Id, (await ann.ReadMessageAsync("and still")).Id);
    }

    [Fact]
    public async Task Nobody_is_cut_off_when_the_new_process_is_killed_while_it_takes_connections()
    {
        await using var daemon = await StartAsync();
        using var enough = new CancellationTokenSource();
        List<StormClient> clients = [];
        for (var i = 0; i < Clients; i++)
        {
            clients.Add(new StormClient(daemon.Address, $"return{i % 8}"));
            await clients[i].OpenAsync();
        }

        var following = clients.Select(client => Task.Run(() => client.FollowAsync(enough.Token))).ToList();
        var binary = daemon.Binary;
        CommandResult outcome;
        var tries = 0;
        do
        {
            // The server that came of a try that was too late lies where the real one lay.
            await ReplaceAsync($"{binary}.real", await File.ReadAllBytesAsync(PublishedBinary.FilePath));
            await ReplaceAsync(binary, Encoding.UTF8.GetBytes(Killed));
            outcome = await daemon.RunCommandAsync("upgrade");
            binary += ".real";
        }
        while (outcome.ExitCode == 0 && ++tries < TriesMax);

        Assert.Contains("the new process ended", outcome.Error, StringComparison.Ordinal);
        foreach (var room in clients.GroupBy(client => client.Room))
        {
            await using var last = await daemon.JoinAsync($"room={room.Key}&history=0");
            var end = (await last.SayAndReadAsync("the end")).IdNumber;
            await daemon.WaitUntilAsync(
                $"{room.Key}'s clients to have message {end}", () => room.All(client => client.LastId == end || client.Fault is not null));
        }

        await enough.CancelAsync();
        await Task.WhenAll(following);
        Assert.All(clients, client => Assert.True(client.Ends == 0, $"{client.Fault} {daemon.Tail()}"));
    }

    private static async Task<ApplianceDaemon> StartAsync()
    {
        var daemon = new ApplianceDaemon();
        daemon.CopyBinary();
        await daemon.StartWorkersAsync(2, "--announce", "off", "--drain", "1");
        return daemon;
    }

    /// <summary>As a package does it: by rename.</summary>
    private static async Task ReplaceAsync(string path, byte[] content)
    {
        await File.WriteAllBytesAsync($"{path}.new", content);
        File.SetUnixFileMode($"{path}.new", (UnixFileMode)0b111_101_101);
        File.Move($"{path}.new", path, overwrite: true);
    }
}
