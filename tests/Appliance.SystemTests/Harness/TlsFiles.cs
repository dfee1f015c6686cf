using System.Net;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace Appliance.SystemTests.Harness;

/// <summary>A certificate and its key in files of a folder.</summary>
public sealed class TlsFiles
{
    private static readonly DateTimeOffset Now = DateTimeOffset.UtcNow;

    private TlsFiles(string folder, string name)
    {
        Certificate = Path.Combine(folder, $"{name}.crt");
        Key = Path.Combine(folder, $"{name}.key");
    }

    /// <summary>File of the certificate.</summary>
    public string Certificate { get; }

    /// <summary>File of the key.</summary>
    public string Key { get; }

    /// <summary>The options that give a server both, and an address to listen at.</summary>
    public string[] Options => ["--listen-tls", "127.0.0.1:0", .. Pair];

    /// <summary>The options that give a server both.</summary>
    public string[] Pair => ["--tls-cert", Certificate, "--tls-key", Key];

    /// <summary>Makes both for a host.</summary>
    public static TlsFiles Make(string folder, string host = "localhost", int days = 30)
    {
        var files = new TlsFiles(folder, host);
        files.Renew(host, days);
        return files;
    }

    /// <summary>Makes both anew.</summary>
    public void Renew(string host, int days = 30)
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest($"CN={host}", key, HashAlgorithmName.SHA256);
        var names = new SubjectAlternativeNameBuilder();
        names.AddDnsName(host);
        names.AddIpAddress(IPAddress.Loopback);
        request.CertificateExtensions.Add(names.Build());
        using var certificate = request.CreateSelfSigned(Now.AddDays(-60), Now.AddDays(days));
        File.WriteAllText(Certificate, certificate.ExportCertificatePem());
        File.WriteAllText(Key, key.ExportPkcs8PrivateKeyPem());
        File.SetUnixFileMode(Key, UnixFileMode.UserRead | UnixFileMode.UserWrite);
    }
}
