using System.Globalization;

namespace Appliance.SystemTests.Harness;

/// <summary>What somebody who is neither root nor the server's user does on the same host.</summary>
public static class OtherUser
{
    /// <summary>A user of every system that owns nothing.</summary>
    public const string Nobody = "65534";

    /// <summary>A user that no system has, for servers of a user of their own.</summary>
    public const string Service = "64997";

    /// <summary>The program that becomes a user, before another program's arguments.</summary>
    public static string[] As(string user) => ["setpriv", $"--reuid={user}", $"--regid={user}", "--clear-groups"];

    /// <summary>Runs a program as a user.</summary>
    public static Task<CommandResult> RunAsync(string user, params string[] command)
    {
        string[] all = [.. As(user), .. command];
        return CommandResult.RunAsync(all[0], all[1..]);
    }

    /// <summary>Runs a program as a user, which must succeed.</summary>
    public static async Task SucceedAsync(string user, params string[] command)
    {
        var done = await RunAsync(user, command);
        Assert.True(done.ExitCode == 0, done.ToString());
    }

    /// <summary>Starts a program as a user.</summary>
    public static RunningProgram Start(string user, params string[] command)
    {
        string[] all = [.. As(user), .. command];
        return RunningProgram.Start(all[0], all[1..]);
    }

    /// <summary>Makes a segment of a key, for everybody, that begins with some bytes.</summary>
    public static Task MakeSegmentAsync(string user, uint key, int bytes, string content) => SucceedAsync(
        user, "perl", "-e", """
            my ($key, $bytes, $content) = @ARGV;
            my $id = shmget($key > 2147483647 ? $key - 4294967296 : $key + 0, $bytes, 01000 | 02000 | 0666) // die $!;
            shmwrite($id, pack('H*', $content), 0, length($content) / 2) or die $!;
            """,
        key.ToString(CultureInfo.InvariantCulture), bytes.ToString(CultureInfo.InvariantCulture), content);

    /// <summary>Holds a lock on the whole of a file for as long as it runs: for reading, as everybody may who can read it, or for writing.</summary>
    public static async Task<RunningProgram> LockAsync(string user, string file, bool forWriting)
    {
        var program = Start(
            user, "perl", "-e", """
                use Fcntl; $| = 1;
                my ($file, $type) = @ARGV;
                open(my $f, $type ? '+<' : '<', $file) or die $!;
                fcntl($f, F_SETLK, pack('s s l! l! i x4', $type, 0, 0, 0, 0)) or die "lock: $!";
                print "locked\n"; <STDIN>;
                """,
            file, forWriting ? "1" : "0");
        Assert.Equal("locked", await program.ReadLineAsync());
        return program;
    }

    /// <summary>The key of a directory and a letter, ftok(3).</summary>
    public static async Task<uint> KeyAsync(string directory, char letter)
    {
        var key = await CommandResult.ApplianceAsync("ipc", "key", directory, letter.ToString());
        Assert.True(key.ExitCode == 0, key.ToString());
        return Convert.ToUInt32(key.Output.Trim().Split(' ')[0], 16);
    }
}
