using System.Globalization;
using Appliance.Native;

namespace Appliance.SystemV;

/// <summary>The key by which processes that know nothing of each other find a System V object.</summary>
/// <param name="Value">Its 32 bits; 0 is <c>IPC_PRIVATE</c>, a key that finds nothing.</param>
public readonly record struct SystemVKey(int Value)
{
    /// <summary>The project letter that is used unless another is asked for.</summary>
    public const char DefaultProject = 'A';

    /// <summary>The key of a path and a project letter, as ftok(3) and PHP's ftok() make it.</summary>
    /// <param name="path">A file or directory that is there: its inode and device go into the key, its name does not.</param>
    /// <param name="project">A letter of eight bits.</param>
    /// <exception cref="IOException">The path is not there, or may not be looked at.</exception>
    public static SystemVKey OfPath(string path, char project)
    {
        var made = Syscall.Ftok(path, project, out int key);
        return made.Ok
            ? new SystemVKey(key)
            : throw PathFailure.Of($"the key that ftok() makes of '{path}'", path, "looked at", made.Error);
    }

    /// <summary>Reads <c>0x41020304</c>, or the same in decimal with or without a sign as PHP prints it; null when it is no key.</summary>
    public static SystemVKey? TryParse(string text)
    {
        bool isHexadecimal = text.StartsWith("0x", StringComparison.OrdinalIgnoreCase);
        bool parsed = isHexadecimal
            ? uint.TryParse(text.AsSpan(2), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out uint bits)
            : uint.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out bits);
        if (!parsed && !isHexadecimal && int.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out int signed))
        {
            (parsed, bits) = (true, unchecked((uint)signed));
        }

        return parsed && bits != 0 ? new SystemVKey(unchecked((int)bits)) : null;
    }

    /// <summary><c>0x41020304</c>, as ipcs(1) shows it.</summary>
    public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"0x{unchecked((uint)Value):x8}");
}
