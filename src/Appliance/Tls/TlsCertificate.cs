namespace Appliance.Tls;

/// <summary>A certificate with its chain and its key, read from PEM by OpenSSL; what is wrong with them is said in words.</summary>
internal sealed unsafe class TlsCertificate : IDisposable
{
    private const int TmYear = 5;
    private const int TmBytes = 64;

    private TlsCertificate(nint[] chain, nint key) => (Chain, Key) = (chain, key);

    /// <summary>The certificate, and behind it those that have signed it.</summary>
    public IReadOnlyList<nint> Chain { get; }

    /// <summary>The private key.</summary>
    public nint Key { get; }

    /// <summary>Until when it is valid.</summary>
    public DateTimeOffset NotAfter => TimeOf(OpenSsl.Crypto.NotAfter(Chain[0]));

    /// <summary>From when on it is valid.</summary>
    public DateTimeOffset NotBefore => TimeOf(OpenSsl.Crypto.NotBefore(Chain[0]));

    /// <summary>Reads a pair; null when it is none.</summary>
    /// <param name="certificates">PEM of the certificate and its chain.</param>
    /// <param name="privateKey">PEM of its key.</param>
    /// <param name="wrong">Which of both is wrong and why: the format has <c>{cert}</c> or <c>{key}</c> for the name of its file.</param>
    public static TlsCertificate? TryRead(ReadOnlySpan<byte> certificates, ReadOnlySpan<byte> privateKey, out string wrong)
    {
        OpenSsl.Crypto.ClearErrors();
        var chain = ReadChain(certificates);
        nint key = ReadKey(privateKey);
        var read = new TlsCertificate([.. chain], key);
        wrong = read.WhyUnusable();
        OpenSsl.Crypto.ClearErrors();
        if (wrong.Length == 0)
        {
            return read;
        }

        read.Dispose();
        return null;
    }

    /// <summary>Whether the certificate is for a host.</summary>
    public bool IsFor(ReadOnlySpan<byte> host)
    {
        fixed (byte* name = host)
        {
            return !host.IsEmpty && OpenSsl.Crypto.CheckHost(Chain[0], name, (nuint)host.Length, 0, null) == 1;
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (nint certificate in Chain)
        {
            OpenSsl.Crypto.CertificateFree(certificate);
        }

        if (Key != 0)
        {
            OpenSsl.Crypto.KeyFree(Key);
        }
    }

    private string WhyUnusable()
    {
        var crypto = OpenSsl.Crypto;
        if (Chain.Count == 0)
        {
            return "{cert}: no certificate in PEM (BEGIN CERTIFICATE) is in it";
        }

        if (Key == 0)
        {
            return "{key}: no private key in PEM without a passphrase is in it";
        }

        if (crypto.CheckKey(Chain[0], Key) != 1)
        {
            return "{key}: is not the key of the first certificate in {cert}";
        }

        for (int i = 1; i < Chain.Count; i++)
        {
            if (crypto.CheckIssued(Chain[i], Chain[i - 1]) != 0)
            {
                return $"{{cert}}: certificate {i + 1} has not signed the one before it; the server's comes first, then those that have signed it, in order";
            }
        }

        return "";
    }

    private static List<nint> ReadChain(ReadOnlySpan<byte> pem)
    {
        List<nint> chain = [];
        fixed (byte* bytes = pem)
        {
            nint bio = pem.IsEmpty ? 0 : OpenSsl.Crypto.BioOver(bytes, pem.Length);
            while (bio != 0 && OpenSsl.Crypto.ReadCertificate(bio, 0, &RefusePassphrase, 0) is not 0 and var certificate)
            {
                chain.Add(certificate);
            }

            _ = OpenSsl.Crypto.BioFree(bio);
        }

        return chain;
    }

    private static nint ReadKey(ReadOnlySpan<byte> pem)
    {
        fixed (byte* bytes = pem)
        {
            nint bio = pem.IsEmpty ? 0 : OpenSsl.Crypto.BioOver(bytes, pem.Length);
            nint key = bio == 0 ? 0 : OpenSsl.Crypto.ReadKey(bio, 0, &RefusePassphrase, 0);
            _ = OpenSsl.Crypto.BioFree(bio);
            return key;
        }
    }

    /// <summary>Nobody is there to be asked.</summary>
    [System.Runtime.InteropServices.UnmanagedCallersOnly]
    private static int RefusePassphrase(byte* buffer, int size, int writes, nint context) => -1;

    /// <summary>A time of ASN.1 in UTC: <c>struct tm</c> begins with seconds, minutes, hours, day, month from 0, year from 1900.</summary>
    private static DateTimeOffset TimeOf(nint time)
    {
        int* tm = stackalloc int[TmBytes / sizeof(int)];
        return OpenSsl.Crypto.TimeToTm(time, tm) == 1 && tm[TmYear] is > 0 and < 8000
            ? new DateTimeOffset(1900 + tm[TmYear], tm[4] + 1, tm[3], tm[2], tm[1], Math.Min(tm[0], 59), TimeSpan.Zero)
            : DateTimeOffset.MaxValue;
    }
}
