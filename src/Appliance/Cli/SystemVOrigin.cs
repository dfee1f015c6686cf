using Appliance.Native;
using Appliance.Php;
using Appliance.Rooms;
using Appliance.SystemV;

namespace Appliance.Cli;

/// <summary>Whose a System V object is, and whether anybody is left who uses it.</summary>
/// <param name="What">In words: <c>room log of /var/lib/appliance</c>, <c>PHP variables</c>; null when nothing is known.</param>
/// <param name="CreatorAlive">Whether the process that made it is still there; null when the kernel does not say who did.</param>
/// <param name="IsOrphan">Creator and last users are gone and nobody is attached; null when this user may not know. What belongs to a
/// server's state directory is kept on purpose.</param>
public sealed unsafe record SystemVOrigin(string? What, bool? CreatorAlive, bool? IsOrphan)
{
    private const string Letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZ";

    /// <summary>Finds out about an object.</summary>
    /// <param name="found">The object.</param>
    /// <param name="stateDirectories">Directories of servers that may be its owners.</param>
    public static SystemVOrigin Of(SystemVObject found, IReadOnlyList<string> stateDirectories)
    {
        string? server = stateDirectories.Where(Path.Exists).Select(directory => ServerPart(found, directory)).FirstOrDefault(part => part is not null);
        bool? creatorAlive = found.CreatorPid == 0 ? null : Syscall.IsAlive(found.CreatorPid);
        return new SystemVOrigin(server ?? Contents(found), creatorAlive, server is not null ? false : IsAbandoned(found, creatorAlive));
    }

    /// <summary>What an object is to the server of a state directory; null when it has another's key.</summary>
    private static string? ServerPart(SystemVObject found, string directory)
    {
        char project = (char)((uint)found.Key >> 24);
        if (found.Kind == SystemVKind.Memory && found.Key != 0 && RoomLogStore.IsKey(directory, found.Key))
        {
            bool isOurs = StateObjects.OwnersOf(directory).Covers(found.User);
            return isOurs ? $"room log of {directory}" : $"none of {directory}, under a key that its room log had in former releases";
        }

        if (found.Key == 0 || !Letters.Contains(project, StringComparison.Ordinal) || SystemVKey.OfPath(directory, project).Value != found.Key)
        {
            return null;
        }

        string what = (found.Kind, project) switch
        {
            (SystemVKind.Queue, SystemVKey.DefaultProject) => "control queue",
            (SystemVKind.Memory, _) => "variables",
            (SystemVKind.Queue, _) => "queue",
            (SystemVKind.Semaphores, _) => "semaphore",
            _ => throw new System.Diagnostics.UnreachableException(),
        };
        return $"{what} of {directory}";
    }

    private static string? Contents(SystemVObject found) => found.Kind switch
    {
        SystemVKind.Memory => MagicOf(found) switch
        {
            RoomLogLayout.Magic => "room log of a state directory that is not known here",
            VariableChain.Magic => "PHP variables",
            _ => null,
        },
        SystemVKind.Semaphores when found.Size == PhpSemaphore.Count => "PHP semaphore",
        SystemVKind.Semaphores or SystemVKind.Queue => null,
        _ => throw new System.Diagnostics.UnreachableException(),
    };

    /// <summary>The first eight bytes of a segment; 0 when this user may not read it.</summary>
    private static ulong MagicOf(SystemVObject found)
    {
        if (found.Size < sizeof(ulong) || !Syscall.ShmAttachReadOnly(found.Id, out byte* address).Ok)
        {
            return 0;
        }

        ulong magic = *(ulong*)address;
        _ = Syscall.ShmDetach(address);
        return magic;
    }

    private static bool? IsAbandoned(SystemVObject found, bool? creatorAlive)
    {
        if (found.Kind == SystemVKind.Semaphores)
        {
            // The kernel's table has no process; the semaphores have.
            bool isPhp = found.Size == PhpSemaphore.Count;
            var usage = isPhp ? Syscall.SemaphoreValue(found.Id, PhpSemaphore.Usage) : default;
            var last = Syscall.SemaphoreLastPid(found.Id, 0);
            return !usage.Ok || !last.Ok ? null : usage.Value == 0 && (last.Value == 0 || !Syscall.IsAlive(last.Value));
        }

        bool known = creatorAlive is not null;
        bool used = found.Attached > 0 || creatorAlive == true;
        foreach (int pid in found.LastPids)
        {
            known |= pid != 0;
            used |= pid != 0 && Syscall.IsAlive(pid);
        }

        return known && !used;
    }
}
