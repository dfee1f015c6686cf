using System.Text;
using Appliance.Loop;
using Appliance.Native;

namespace Appliance.Master;

/// <summary>
/// The way into the background. The launcher starts a process that begins a session; that one starts the master, which so leads no
/// session and can get no terminal again, and ends. The launcher waits for the master's word.
/// </summary>
public static unsafe class Daemon
{
    /// <summary>Files of the daemon are for owner and group.</summary>
    private const int Umask = 0x17; // 027

    private const int TextBytesMax = 4096;

    /// <summary>Starts the daemon with the arguments of this process and waits until it serves; returns why it does not, or null.</summary>
    /// <exception cref="SyscallException">It cannot be started.</exception>
    public static string? Launch(IReadOnlyList<string> arguments)
    {
        _ = Syscall.Pipe(out int reading, out int writing).OrThrow("pipe2");
        _ = Spawn(arguments, ProcessRole.Session, writing, newSession: true);
        _ = Syscall.Close(writing);
        string word = ReadToEnd(reading);
        return word == ProcessRole.ReadyWord ? null
            : word.Length > 0 ? word
            : $"the daemon ended before it served; its log says why. When it says nothing, there was no thread or memory: {TaskLimit.WayOut()}";
    }

    /// <summary>In the session's first process: starts the master.</summary>
    public static void StartMaster(IReadOnlyList<string> arguments, int writing) =>
        _ = Spawn(arguments, ProcessRole.Master, writing, newSession: false);

    /// <summary>In the master: lets go of where it was started from.</summary>
    public static void Detach()
    {
        Syscall.SetUmask(Umask);
        Directory.SetCurrentDirectory("/");
        ProcessRole.Forget();
    }

    /// <summary>In the master: tells the launcher that it serves, or why not, and lets it go.</summary>
    public static void Tell(int writing, string word)
    {
        byte[] text = Encoding.UTF8.GetBytes(word);
        fixed (byte* bytes = text)
        {
            // The launcher may be gone; the daemon goes on without it.
            _ = Syscall.Write(writing, bytes, text.Length);
        }

        _ = Syscall.Close(writing);
    }

    private static int Spawn(IReadOnlyList<string> arguments, string role, int writing, bool newSession)
    {
        int nothing = Syscall.OpenNothing().OrThrow("open /dev/null");
        int pid = Syscall.SpawnOrThrow(new SpawnRequest
        {
            Path = Syscall.OwnBinary,
            Arguments = ["appliance: master", .. arguments],
            Environment = new Dictionary<string, string?>(StringComparer.Ordinal)
            {
                [ProcessRole.Variable] = role,
                [ProcessRole.Descriptor] = $"{writing}",
            },
            Blocked = role == ProcessRole.Master ? SignalSet.All : [],
            Inherited = [writing, .. ServiceManager.PassOn()],
            Standard = [nothing, nothing, nothing],
            NewSession = newSession,
        });
        _ = Syscall.Close(nothing);
        return pid;
    }

    private static string ReadToEnd(int reading)
    {
        byte* bytes = stackalloc byte[TextBytesMax];
        int length = 0;
        while (length < TextBytesMax)
        {
            var read = Syscall.Read(reading, bytes + length, TextBytesMax - length);
            if (read.Error == Errno.EINTR)
            {
                continue;
            }

            if (!read.Ok || read.Value == 0)
            {
                break;
            }

            length += read.Value;
        }

        return Encoding.UTF8.GetString(bytes, length);
    }
}
