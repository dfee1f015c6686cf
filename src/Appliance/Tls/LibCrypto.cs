using System.Runtime.InteropServices;

namespace Appliance.Tls;

/// <summary>Functions of libcrypto 3 or 4, by their names in its manual (man 3ssl), without the prefix where it says nothing.</summary>
internal sealed unsafe class LibCrypto(nint library)
{
    public readonly delegate* unmanaged<ulong, nint, int> Init = (delegate* unmanaged<ulong, nint, int>)Find(library, "OPENSSL_init_crypto");
    public readonly delegate* unmanaged<int, byte*> Version = (delegate* unmanaged<int, byte*>)Find(library, "OpenSSL_version");
    public readonly delegate* unmanaged<void*, nuint, void> Cleanse = (delegate* unmanaged<void*, nuint, void>)Find(library, "OPENSSL_cleanse");

    public readonly delegate* unmanaged<ulong> GetError = (delegate* unmanaged<ulong>)Find(library, "ERR_get_error");
    public readonly delegate* unmanaged<void> ClearErrors = (delegate* unmanaged<void>)Find(library, "ERR_clear_error");
    public readonly delegate* unmanaged<ulong, byte*> ReasonOf = (delegate* unmanaged<ulong, byte*>)Find(library, "ERR_reason_error_string");

    public readonly delegate* unmanaged<nint, byte*, nint, nint> CipherFetch = (delegate* unmanaged<nint, byte*, nint, nint>)Find(library, "EVP_CIPHER_fetch");
    public readonly delegate* unmanaged<nint> CipherContextNew = (delegate* unmanaged<nint>)Find(library, "EVP_CIPHER_CTX_new");
    public readonly delegate* unmanaged<nint, void> CipherContextFree = (delegate* unmanaged<nint, void>)Find(library, "EVP_CIPHER_CTX_free");
    public readonly delegate* unmanaged<nint, nint, byte*, byte*, int, nint, int> CipherInit =
        (delegate* unmanaged<nint, nint, byte*, byte*, int, nint, int>)Find(library, "EVP_CipherInit_ex2");

    public readonly delegate* unmanaged<nint, byte*, int*, byte*, int, int> CipherUpdate =
        (delegate* unmanaged<nint, byte*, int*, byte*, int, int>)Find(library, "EVP_CipherUpdate");

    public readonly delegate* unmanaged<nint, byte*, int*, int> CipherFinal = (delegate* unmanaged<nint, byte*, int*, int>)Find(library, "EVP_CipherFinal_ex");
    public readonly delegate* unmanaged<nint, int, int, void*, int> CipherControl =
        (delegate* unmanaged<nint, int, int, void*, int>)Find(library, "EVP_CIPHER_CTX_ctrl");

    public readonly delegate* unmanaged<nint> Sha256 = (delegate* unmanaged<nint>)Find(library, "EVP_sha256");
    public readonly delegate* unmanaged<nint> Sha384 = (delegate* unmanaged<nint>)Find(library, "EVP_sha384");
    public readonly delegate* unmanaged<nint, void*, int, byte*, nuint, byte*, uint*, byte*> Hmac =
        (delegate* unmanaged<nint, void*, int, byte*, nuint, byte*, uint*, byte*>)Find(library, "HMAC");

    public readonly delegate* unmanaged<nint> BioMemory = (delegate* unmanaged<nint>)Find(library, "BIO_s_mem");
    public readonly delegate* unmanaged<nint, nint> BioNew = (delegate* unmanaged<nint, nint>)Find(library, "BIO_new");
    public readonly delegate* unmanaged<void*, int, nint> BioOver = (delegate* unmanaged<void*, int, nint>)Find(library, "BIO_new_mem_buf");
    public readonly delegate* unmanaged<nint, int> BioFree = (delegate* unmanaged<nint, int>)Find(library, "BIO_free");
    public readonly delegate* unmanaged<nint, void*, int, int> BioRead = (delegate* unmanaged<nint, void*, int, int>)Find(library, "BIO_read");
    public readonly delegate* unmanaged<nint, void*, int, int> BioWrite = (delegate* unmanaged<nint, void*, int, int>)Find(library, "BIO_write");

    public readonly delegate* unmanaged<nint, nint, delegate* unmanaged<byte*, int, int, nint, int>, nint, nint> ReadCertificate =
        (delegate* unmanaged<nint, nint, delegate* unmanaged<byte*, int, int, nint, int>, nint, nint>)Find(library, "PEM_read_bio_X509");

    public readonly delegate* unmanaged<nint, nint, delegate* unmanaged<byte*, int, int, nint, int>, nint, nint> ReadKey =
        (delegate* unmanaged<nint, nint, delegate* unmanaged<byte*, int, int, nint, int>, nint, nint>)Find(library, "PEM_read_bio_PrivateKey");

    public readonly delegate* unmanaged<nint, void> KeyFree = (delegate* unmanaged<nint, void>)Find(library, "EVP_PKEY_free");
    public readonly delegate* unmanaged<nint, void> CertificateFree = (delegate* unmanaged<nint, void>)Find(library, "X509_free");
    public readonly delegate* unmanaged<nint, nint, int> CheckKey = (delegate* unmanaged<nint, nint, int>)Find(library, "X509_check_private_key");
    public readonly delegate* unmanaged<nint, nint, int> CheckIssued = (delegate* unmanaged<nint, nint, int>)Find(library, "X509_check_issued");
    public readonly delegate* unmanaged<nint, byte*, nuint, uint, byte**, int> CheckHost =
        (delegate* unmanaged<nint, byte*, nuint, uint, byte**, int>)Find(library, "X509_check_host");

    public readonly delegate* unmanaged<nint, nint> NotAfter = (delegate* unmanaged<nint, nint>)Find(library, "X509_get0_notAfter");
    public readonly delegate* unmanaged<nint, nint> NotBefore = (delegate* unmanaged<nint, nint>)Find(library, "X509_get0_notBefore");
    public readonly delegate* unmanaged<nint, int*, int> TimeToTm = (delegate* unmanaged<nint, int*, int>)Find(library, "ASN1_TIME_to_tm");

    private static nint Find(nint library, string name) => NativeLibrary.GetExport(library, name);
}
