using System.Globalization;
using Appliance.Loop;
using Appliance.Native;

namespace Appliance.Master;

/// <summary>How to start this server once more: the binary that lies where this one lay, with the same command line.</summary>
public sealed class Relaunch
{
    /// <summary>What the kernel says behind the path of a binary that was replaced.</summary>
    private const string Replaced = " (deleted)";

    private readonly IReadOnlyList<string> _arguments;
    private readonly string _directory;

    /// <summary>Takes note of where the binary lies; a package may replace it later.</summary>
    /// <param name="arguments">The command line.</param>
    /// <param name="directory">The directory in which it was typed.</param>
    public Relaunch(IReadOnlyList<string> arguments, string directory)
    {
        _arguments = arguments;
        _directory = directory;
        string path = Syscall.OwnPath;
        Binary = path.EndsWith(Replaced, StringComparison.Ordinal) ? path[..^Replaced.Length] : path;
    }

    /// <summary>Path of the binary.</summary>
    public string Binary { get; }

    /// <summary>Starts the binary as the successor of this process, at the other end of a channel; returns its pid.</summary>
    /// <exception cref="SyscallException">It cannot be started.</exception>
    public int Start(int channel, IReadOnlyDictionary<string, string?> environment) => Syscall.SpawnOrThrow(new SpawnRequest
    {
        Path = Binary,
        Arguments = ["appliance: master", .. _arguments],
        Environment = new Dictionary<string, string?>(environment, StringComparer.Ordinal)
        {
            [ProcessRole.Variable] = ProcessRole.Upgrade,
            [ProcessRole.Descriptor] = channel.ToString(CultureInfo.InvariantCulture),
            [ProcessRole.StartDirectory] = _directory,
        },
        Blocked = SignalSet.All,
        Inherited = [channel],
    });
}
