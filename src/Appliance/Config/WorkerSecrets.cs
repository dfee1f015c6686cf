using System.Buffers.Binary;

namespace Appliance.Config;

/// <summary>What a worker needs of files that only its master reads, in one file in memory: keys of tokens, and certificates with their keys.</summary>
public static class WorkerSecrets
{
    /// <summary>The bytes: length of the keys of tokens (4), these, and the rest; empty when there are none.</summary>
    public static byte[] Pack(Settings settings)
    {
        var (keys, credentials) = (settings.AuthKeys, settings.TlsCredentials);
        if (keys.Length + credentials.Length == 0)
        {
            return [];
        }

        byte[] packed = GC.AllocateUninitializedArray<byte>(sizeof(int) + keys.Length + credentials.Length, pinned: true);
        BinaryPrimitives.WriteInt32LittleEndian(packed, keys.Length);
        keys.CopyTo(packed, sizeof(int));
        credentials.CopyTo(packed, sizeof(int) + keys.Length);
        return packed;
    }

    /// <summary>Settings with what was packed.</summary>
    /// <exception cref="IOException">It was not.</exception>
    public static Settings Unpack(Settings settings, byte[] packed)
    {
        if (packed.Length == 0)
        {
            return settings;
        }

        int keys = packed.Length >= sizeof(int) ? BinaryPrimitives.ReadInt32LittleEndian(packed) : -1;
        return keys >= 0 && keys <= packed.Length - sizeof(int)
            ? settings with { AuthKeys = packed[sizeof(int)..(sizeof(int) + keys)], TlsCredentials = packed[(sizeof(int) + keys)..] }
            : throw new IOException("the keys from the master are cut; a worker is started by its master alone");
    }
}
