using System.Runtime.InteropServices;

namespace Appliance.Tls;

/// <summary>OpenSSL of this host, loaded when TLS is first asked for: the binary itself needs no library but libc and libm.</summary>
public static unsafe class OpenSsl
{
    private const ulong NoExitHandler = 0x80000;

    private static readonly Lock Loading = new();

    /// <summary>The versions whose functions are as they are called here.</summary>
    private static readonly string[] Versions = ["3", "4"];

    private static LibCrypto? _crypto;
    private static LibSsl? _ssl;

    /// <summary>Its version, in its own words; empty before it is loaded.</summary>
    public static string Version { get; private set; } = "";

    /// <summary>libcrypto, once it is loaded.</summary>
    internal static LibCrypto Crypto => _crypto ?? throw new InvalidOperationException();

    /// <summary>libssl, once it is loaded.</summary>
    internal static LibSsl Ssl => _ssl ?? throw new InvalidOperationException();

    /// <summary>Whether it is there, loaded now at the latest.</summary>
    public static bool TryLoad() => WhyMissing() is null;

    /// <summary>Loads it, unless it is loaded; null, or why it cannot be.</summary>
    public static string? WhyMissing()
    {
        lock (Loading)
        {
            return _ssl is not null ? null : Load();
        }
    }

    /// <summary>What went wrong in the last call, in OpenSSL's words; empties its list of errors.</summary>
    internal static string TakeError()
    {
        string reason = "";
        while (Crypto.GetError() is not 0 and var code)
        {
            reason = Marshal.PtrToStringUTF8((nint)Crypto.ReasonOf(code)) is { Length: > 0 } text ? text : reason;
        }

        return reason.Length > 0 ? reason : "no reason given";
    }

    private static string? Load()
    {
        const string Needs = "TLS needs libssl and libcrypto of OpenSSL 3 or 4 (on Debian the package libssl3 or libssl3t64)";
        foreach (string version in Versions)
        {
            if (!NativeLibrary.TryLoad($"libcrypto.so.{version}", out nint crypto) || !NativeLibrary.TryLoad($"libssl.so.{version}", out nint ssl))
            {
                continue;
            }

            try
            {
                _crypto = new LibCrypto(crypto);
                _ssl = new LibSsl(ssl);
            }
            catch (EntryPointNotFoundException missing)
            {
                return $"{Needs}; here {missing.Message}";
            }

            // Processes end in ways of their own, and what a handler at exit would free may still be in use.
            _ = _crypto.Init(NoExitHandler, 0);
            Version = Marshal.PtrToStringUTF8((nint)_crypto.Version(0)) ?? "";
            return null;
        }

        return $"{Needs}: neither was found";
    }
}
