using System.Runtime.InteropServices;

namespace Appliance.Native;

/// <summary>What a system call gave back: a value of zero or more, or the errno of its failure.</summary>
public readonly struct SysResult : IEquatable<SysResult>
{
    private readonly long _raw;

    private SysResult(long raw) => _raw = raw;

    /// <summary>True when the call succeeded.</summary>
    public bool Ok => _raw >= 0;

    /// <summary>The value of a call that succeeded (a descriptor, a count of bytes, 0).</summary>
    public int Value => checked((int)_raw);

    /// <summary>The errno of a call that failed; <see cref="Errno.None"/> otherwise.</summary>
    public Errno Error => _raw >= 0 ? Errno.None : (Errno)(-_raw);

    /// <summary>True when the call would have had to wait (EAGAIN): a value in a program that never blocks.</summary>
    public bool WouldBlock => _raw == -(long)Errno.EAGAIN;

    /// <summary>The value, or an exception that names the call and the errno: for calls that do not fail unless we err.</summary>
    /// <param name="call">The call as its manual page is titled, with what it was about: <c>bind 127.0.0.1:9000</c>.</param>
    /// <exception cref="SyscallException">The call failed.</exception>
    public int OrThrow(string call) =>
        Ok ? Value : throw new SyscallException(call, Error);

    /// <inheritdoc/>
    public bool Equals(SysResult other) => _raw == other._raw;

    /// <inheritdoc/>
    public override bool Equals(object? obj) => obj is SysResult other && Equals(other);

    /// <inheritdoc/>
    public override int GetHashCode() => _raw.GetHashCode();

    /// <summary>Two results are equal when value and errno are.</summary>
    public static bool operator ==(SysResult left, SysResult right) => left.Equals(right);

    /// <summary>The opposite of equality.</summary>
    public static bool operator !=(SysResult left, SysResult right) => !left.Equals(right);

    /// <summary>Reads errno, so it must follow the call with nothing between.</summary>
    internal static SysResult From(long returned) =>
        new(returned >= 0 ? returned : -(long)Marshal.GetLastSystemError());

    /// <summary>For results that the kernel writes into memory: a value, or an errno below zero.</summary>
    internal static SysResult FromKernel(long result) => new(result);

    /// <summary>For the pthread functions, which return the error number itself.</summary>
    /// <summary>A call that a signal has interrupted, or kept from being made.</summary>
    public static SysResult Interrupted => FromErrorNumber((int)Errno.EINTR);

    internal static SysResult FromErrorNumber(int error) => new(-(long)error);
}
