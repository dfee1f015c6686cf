using System.Runtime.InteropServices;

namespace Appliance.Native;

/// <summary>A system call failed that this program cannot go on without.</summary>
public sealed class SyscallException : Exception
{
    /// <summary>Names the call, says the errno in words, and what can be done about it.</summary>
    public SyscallException(string call, Errno error, string wayOut = "")
        : base($"{call}: {Describe(error)}{(wayOut.Length > 0 ? $"; {wayOut}" : "")}") => Error = error;

    /// <inheritdoc/>
    public SyscallException()
    {
    }

    /// <inheritdoc/>
    public SyscallException(string message)
        : base(message)
    {
    }

    /// <inheritdoc/>
    public SyscallException(string message, Exception innerException)
        : base(message, innerException)
    {
    }

    /// <summary>The errno of the call.</summary>
    public Errno Error { get; }

    /// <summary>The words of strerror(3) and the number's name: <c>Address already in use (EADDRINUSE)</c>.</summary>
    public static string Describe(Errno error) => $"{Marshal.GetPInvokeErrorMessage((int)error)} ({error})";
}
