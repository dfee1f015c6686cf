using System.Runtime.InteropServices;

namespace Appliance.Tls;

/// <summary>
/// What handshakes are made with: a context of OpenSSL for each certificate, of which the first one that is for the name that a client asks for
/// serves it, and the first of all otherwise. A reload makes others; these live until the last handshake with them has ended.
/// </summary>
internal sealed unsafe class TlsContexts
{
    private const int SetMinVersion = 123;
    private const int SetMaxVersion = 124;
    private const int SetGroups = 92;
    private const int SetSessionCache = 44;
    private const int SetMode = 33;
    private const int AddChainCertificate = 89;
    private const int ServerNameCallback = 53;
    private const int Tls13 = 0x304;
    private const int ReleaseBuffers = 0x10;
    private const int HostName = 0;
    private const int NotAcknowledged = 3;
    private const int FatalAlert = 2;

    /// <summary>No ticket, compression or renegotiation; our order of suites, with ChaCha20 first for clients that prefer it.</summary>
    private const ulong Options = 0x4000 | 0x20000 | 0x40000000 | 0x400000 | 0x200000;

    private readonly (TlsCertificate Certificate, nint Context)[] _rows;
    private int _users = 1;

    private TlsContexts((TlsCertificate Certificate, nint Context)[] rows) => _rows = rows;

    /// <summary>Makes contexts of certificates, which are theirs from then on.</summary>
    /// <exception cref="IOException">OpenSSL refuses one: says why.</exception>
    public static TlsContexts Make(IReadOnlyList<TlsCertificate> certificates)
    {
        List<(TlsCertificate Certificate, nint Context)> rows = [];
        foreach (var certificate in certificates)
        {
            rows.Add((certificate, 0));
        }

        var contexts = new TlsContexts([.. rows]);
        try
        {
            for (int i = 0; i < rows.Count; i++)
            {
                contexts._rows[i].Context = MakeContext(certificates[i]);
            }

            return contexts;
        }
        catch
        {
            contexts.Release();
            throw;
        }
    }

    /// <summary>Begins a handshake with them.</summary>
    public nint NewConnection()
    {
        nint connection = OpenSsl.Ssl.New(_rows[0].Context);
        _users += connection == 0 ? 0 : 1;
        return connection;
    }

    /// <summary>Somebody does not use them any more: the last one frees them.</summary>
    public void Release()
    {
        if (--_users > 0)
        {
            return;
        }

        foreach (var (certificate, context) in _rows)
        {
            if (context != 0)
            {
                OpenSsl.Ssl.ContextFree(context);
            }

            certificate.Dispose();
        }
    }

    /// <summary>Has a connection use the certificate for the name that it asks for.</summary>
    public int Choose(nint connection)
    {
        byte* name = OpenSsl.Ssl.ServerName(connection, HostName);
        var host = name is null ? default : MemoryMarshal.CreateReadOnlySpanFromNullTerminated(name);
        foreach (var (certificate, context) in _rows)
        {
            if (certificate.IsFor(host))
            {
                _ = OpenSsl.Ssl.SetContext(connection, context);
                return 0;
            }
        }

        return NotAcknowledged;
    }

    private static nint MakeContext(TlsCertificate certificate)
    {
        var ssl = OpenSsl.Ssl;
        OpenSsl.Crypto.ClearErrors();
        nint context = ssl.ContextNew(ssl.ServerMethod());
        bool isMade = context != 0
            && ssl.ContextControl(context, SetMinVersion, Tls13, null) == 1
            && ssl.ContextControl(context, SetMaxVersion, Tls13, null) == 1
            && TrySetText(context, SetGroups, "X25519MLKEM768:X25519:P-256:P-384\0"u8, "X25519:P-256:P-384\0"u8)
            && ssl.SetTickets(context, 0) == 1
            && ssl.UseCertificate(context, certificate.Chain[0]) == 1
            && ssl.UseKey(context, certificate.Key) == 1;
        for (int i = 1; isMade && i < certificate.Chain.Count; i++)
        {
            isMade = ssl.ContextControl(context, AddChainCertificate, 1, (void*)certificate.Chain[i]) == 1;
        }

        fixed (byte* suites = CipherSuite.Names)
        {
            isMade = isMade && ssl.SetSuites(context, suites) == 1;
        }

        if (!isMade)
        {
            string why = OpenSsl.TakeError();
            ssl.ContextFree(context);
            throw new IOException(why);
        }

        _ = ssl.SetOptions(context, Options);
        _ = ssl.ContextControl(context, SetSessionCache, 0, null);
        _ = ssl.ContextControl(context, SetMode, ReleaseBuffers, null);
        _ = ssl.ContextCallbackControl(context, ServerNameCallback, &OnServerName);
        ssl.SetKeyLog(context, &TlsHandshake.OnKeyLog);
        ssl.SetProtocolChoice(context, &OnProtocols, 0);
        OpenSsl.Crypto.ClearErrors();
        return context;
    }

    /// <summary>Sets the first value, or the second where this OpenSSL does not know all of the first.</summary>
    private static bool TrySetText(nint context, int what, ReadOnlySpan<byte> best, ReadOnlySpan<byte> otherwise)
    {
        fixed (byte* first = best, second = otherwise)
        {
            return OpenSsl.Ssl.ContextControl(context, what, 0, first) == 1 || OpenSsl.Ssl.ContextControl(context, what, 0, second) == 1;
        }
    }

    [UnmanagedCallersOnly]
    private static int OnServerName(nint connection, int* alert, nint unused) => TlsHandshake.Current?.Contexts.Choose(connection) ?? NotAcknowledged;

    /// <summary>
    /// Of the protocols that a client offers (RFC 7301) HTTP/1.1 is spoken here; one that offers none of them is refused, one that does not ask is not.
    /// </summary>
    [UnmanagedCallersOnly]
    private static int OnProtocols(nint connection, byte** chosen, byte* chosenBytes, byte* offered, uint offeredBytes, nint unused)
    {
        var rest = new ReadOnlySpan<byte>(offered, (int)offeredBytes);
        int at = 0;
        while (at < rest.Length && at + 1 + rest[at] <= rest.Length)
        {
            if (rest.Slice(at + 1, rest[at]).SequenceEqual("http/1.1"u8))
            {
                *chosen = offered + at + 1;
                *chosenBytes = rest[at];
                return 0;
            }

            at += 1 + rest[at];
        }

        return FatalAlert;
    }
}
