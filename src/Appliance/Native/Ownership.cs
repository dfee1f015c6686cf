using System.Globalization;

namespace Appliance.Native;

/// <summary>
/// Whose things a process takes for its own: its user's, root's, and those of the user that a server becomes or a command's server is.
/// What anybody else has made is neither read nor written, locked on nor signalled. Everything that is shared with other processes is held
/// against this: files and directories through <see cref="OwnedPath"/>, System V objects here.
/// </summary>
public sealed class Ownership
{
    private const uint Root = 0;

    /// <summary>Permissions of group and others.</summary>
    private const uint BeyondOwner = 0x3F;

    private readonly uint[] _users;

    private Ownership(uint[] users) => _users = users;

    /// <summary>This process's user and root.</summary>
    public static Ownership OfProcess => new([Syscall.EffectiveUserId(), Root]);

    /// <summary>Those two and the user that a server becomes; just those two when that user does not exist, or none is named.</summary>
    public static Ownership OfServer(string user) =>
        user.Length > 0 && Syscall.TryGetUser(user, out uint id, out _) ? OfProcess.And(id) : OfProcess;

    /// <summary>The same and one more user.</summary>
    public Ownership And(uint user) => Covers(user) ? this : new Ownership([.. _users, user]);

    /// <summary>The same and the owner of a path, if it is there.</summary>
    public Ownership AndOwnerOf(string path) => Syscall.StatusOf(path, out var status).Ok ? And(status.Owner) : this;

    /// <summary>Whether a user's things are taken for one's own.</summary>
    public bool Covers(uint user) => Array.IndexOf(_users, user) >= 0;

    /// <summary>Whether owner and creator of a System V object are covered: either of them may change it.</summary>
    public bool Covers(IpcPermissions permissions) => Covers(permissions.Owner) && Covers(permissions.Creator);

    /// <summary>Whether a System V object is covered and shut to everybody else.</summary>
    public bool IsPrivate(IpcPermissions permissions) => Covers(permissions) && (permissions.Mode & BeyondOwner) == 0;

    /// <summary>A user as messages name it: name and number.</summary>
    public static string Name(uint user)
    {
        string name = Syscall.UserName(user);
        return !name.AsSpan().ContainsAnyExceptInRange('0', '9') ? $"user {name}" : string.Create(CultureInfo.InvariantCulture, $"user {name} ({user})");
    }

    /// <summary>Whose a System V object is and who may use it, for messages, whether this user may read it or not.</summary>
    public static string Describe(SystemVKind kind, int key) => SystemVTable.Find(kind, key) is { } found
        ? $"{Name(found.User)}, mode 0{Convert.ToString(found.Mode & Syscall.IpcModeMask, 8).PadLeft(3, '0')}"
        : "an unknown user";
}
