using System.Buffers.Binary;
using System.Globalization;
using Appliance.Native;

namespace Appliance.Tls;

/// <summary>
/// Certificates and keys of a server as their files have them: read while the process may read them, and passed on to others of the same server in
/// a file in memory. The bytes are wiped at the end of the object.
/// </summary>
public sealed class TlsCredentials : IDisposable
{
    /// <summary>Pairs of files at most.</summary>
    public const int PairsMax = 8;

    /// <summary>Bytes of one file at most.</summary>
    private const int FileBytesMax = 256 << 10;

    private const int LengthBytes = sizeof(int);

    private readonly byte[] _bytes;

    private TlsCredentials(byte[] bytes) => _bytes = bytes;

    /// <summary>Reads the files, and looks whether they go together.</summary>
    /// <param name="certificates">Paths of the certificates with their chains.</param>
    /// <param name="keys">Paths of their keys, in the same order.</param>
    /// <exception cref="IOException">A file cannot be used: names the option, the file, and the way out.</exception>
    public static TlsCredentials Read(IReadOnlyList<string> certificates, IReadOnlyList<string> keys)
    {
        if (OpenSsl.WhyMissing() is { } missing)
        {
            throw new IOException($"--tls-cert: {missing}");
        }

        byte[] bytes = GC.AllocateArray<byte>(2 * certificates.Count * (LengthBytes + FileBytesMax), pinned: true);
        int length = 0;
        var credentials = new TlsCredentials(bytes);
        try
        {
            for (int i = 0; i < certificates.Count; i++)
            {
                length += Append(bytes.AsSpan(length), $"--tls-cert {certificates[i]}", certificates[i], isSecret: false);
                length += Append(bytes.AsSpan(length), $"--tls-key {keys[i]}", keys[i], isSecret: true);
            }

            credentials = new TlsCredentials(Shorten(bytes, length));
            foreach (var certificate in credentials.Parse(certificates, keys))
            {
                certificate.Dispose();
            }

            credentials.MakeContexts(certificates).Release();
            return credentials;
        }
        catch
        {
            credentials.Dispose();
            throw;
        }
    }

    /// <summary>Those that another process of the same server has packed; the bytes are theirs from then on.</summary>
    public static TlsCredentials Unpack(byte[] packed) => new(packed);

    /// <summary>All of them as bytes, for another process of the same server.</summary>
    public byte[] Pack()
    {
        byte[] packed = GC.AllocateUninitializedArray<byte>(_bytes.Length, pinned: true);
        _bytes.CopyTo(packed, 0);
        return packed;
    }

    /// <summary>What they are, in words: how many, and when the first one expires.</summary>
    /// <param name="nowUnixMs">The time.</param>
    /// <param name="isExpired">Whether one is not valid at that time.</param>
    public string Describe(long nowUnixMs, out bool isExpired)
    {
        var certificates = Parse([], []);
        var now = DateTimeOffset.FromUnixTimeMilliseconds(nowUnixMs);
        var first = certificates.MinBy(certificate => certificate.NotAfter)!.NotAfter;
        isExpired = first < now || certificates.Exists(certificate => certificate.NotBefore > now);
        certificates.ForEach(certificate => certificate.Dispose());
        string count = certificates.Count == 1 ? "a certificate" : string.Create(CultureInfo.InvariantCulture, $"{certificates.Count} certificates, the first");
        return string.Create(CultureInfo.InvariantCulture, $"{count} valid until {first:yyyy-MM-dd HH:mm} UTC");
    }

    /// <inheritdoc/>
    public void Dispose() => Array.Clear(_bytes);

    /// <summary>What handshakes are made with.</summary>
    /// <param name="names">Paths of the certificates, for errors.</param>
    /// <exception cref="IOException">OpenSSL refuses one.</exception>
    internal TlsContexts MakeContexts(IReadOnlyList<string> names)
    {
        try
        {
            return TlsContexts.Make(Parse([], []));
        }
        catch (IOException refused)
        {
            throw new IOException($"--tls-cert {string.Join(", ", names)}: OpenSSL does not serve with it: {refused.Message}", refused);
        }
    }

    private static byte[] Shorten(byte[] bytes, int length)
    {
        byte[] shorter = GC.AllocateUninitializedArray<byte>(length, pinned: true);
        bytes.AsSpan(0, length).CopyTo(shorter);
        Array.Clear(bytes);
        return shorter;
    }

    /// <summary>Writes a file's length and its bytes; returns how many bytes that are.</summary>
    private static int Append(Span<byte> to, string what, string path, bool isSecret)
    {
        int file = OwnedPath.OpenToRead(what, path);
        try
        {
            _ = Syscall.StatusOf(file, out var status).OrThrow(what);
            if (!status.IsRegular)
            {
                throw new IOException($"{what}: it is {status.Kind}; name a file in PEM");
            }

            if (isSecret && status.OthersMayRead)
            {
                throw new IOException($"{what}: every user of this host may read the key: chmod o= {path}, and make a new one if they could for long");
            }

            var read = Syscall.ReadAt(file, to.Slice(LengthBytes, FileBytesMax), 0).OrThrow(what);
            if (read == FileBytesMax)
            {
                throw new IOException(string.Create(CultureInfo.InvariantCulture, $"{what}: it is longer than {FileBytesMax} bytes; name a file in PEM"));
            }

            BinaryPrimitives.WriteInt32LittleEndian(to, read);
            return LengthBytes + read;
        }
        finally
        {
            _ = Syscall.Close(file);
        }
    }

    /// <summary>Reads all pairs; their names are for errors.</summary>
    private List<TlsCertificate> Parse(IReadOnlyList<string> certificates, IReadOnlyList<string> keys)
    {
        List<TlsCertificate> pairs = [];
        ReadOnlySpan<byte> rest = _bytes;
        while (!rest.IsEmpty)
        {
            var certificate = Take(ref rest);
            var key = Take(ref rest);
            if (TlsCertificate.TryRead(certificate, key, out string wrong) is { } pair)
            {
                pairs.Add(pair);
                continue;
            }

            int number = pairs.Count;
            pairs.ForEach(one => one.Dispose());
            string words = number < certificates.Count
                ? wrong.Replace("{cert}", $"--tls-cert {certificates[number]}", StringComparison.Ordinal)
                    .Replace("{key}", $"--tls-key {keys[number]}", StringComparison.Ordinal)
                : wrong;
            throw new IOException(words);
        }

        return pairs;
    }

    private static ReadOnlySpan<byte> Take(ref ReadOnlySpan<byte> rest)
    {
        int length = rest.Length >= LengthBytes ? BinaryPrimitives.ReadInt32LittleEndian(rest) : -1;
        if (length < 0 || length > rest.Length - LengthBytes)
        {
            throw new IOException("the certificates of the other process are cut");
        }

        var bytes = rest.Slice(LengthBytes, length);
        rest = rest[(LengthBytes + length)..];
        return bytes;
    }
}
