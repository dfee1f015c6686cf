using Appliance.Native;

namespace Appliance.Identity;

/// <summary>Reads files of keys.</summary>
public static class KeyFile
{
    /// <summary>Longest file: a large JWK set has a tenth of it.</summary>
    public const int BytesMax = 65_536;

    /// <summary>Reads files and looks whether all is in order with them; the result is for <see cref="KeySet.Unpack"/>.</summary>
    /// <exception cref="IOException">It is not: names the file, what is wrong, and the way out.</exception>
    public static byte[] Read(IReadOnlyList<string> paths)
    {
        List<byte[]> files = [];
        foreach (string path in paths)
        {
            files.Add(Read(path));
        }

        byte[] packed = KeySet.Pack(files);
        try
        {
            _ = KeySet.Unpack(packed);
        }
        catch (ArgumentException wrong)
        {
            throw new IOException($"--auth-key: {wrong.Message}", wrong);
        }

        return packed;
    }

    private static byte[] Read(string path)
    {
        string what = $"--auth-key {path}";
        int file = OwnedPath.OpenToRead(what, path);
        try
        {
            byte[] bytes = ReadAll(what, file);
            _ = Syscall.StatusOf(file, out var status).OrThrow($"statx '{path}'");
            if (status.MoreThanOwnerMayWrite || (status.OthersMayRead && KeySet.IsSecret(bytes)))
            {
                throw new IOException($"{what}: others may read or change this file: chmod 0640 {path}, and give it to the group of the server's user (chgrp)");
            }

            _ = KeySet.IsSecret(bytes);
            return bytes;
        }
        catch (ArgumentException wrong)
        {
            throw new IOException($"{what}: {wrong.Message}", wrong);
        }
        finally
        {
            _ = Syscall.Close(file);
        }
    }

    private static byte[] ReadAll(string what, int fd)
    {
        _ = Syscall.Status(fd, out long length, out bool isRegular).OrThrow("statx");
        if (!isRegular || length > BytesMax)
        {
            throw new IOException($"{what}: must be a regular file of at most {BytesMax} bytes");
        }

        byte[] bytes = new byte[length];
        for (int at = 0; at < bytes.Length;)
        {
            var read = Syscall.ReadAt(fd, bytes.AsSpan(at), at);
            if (!read.Ok || read.Value == 0)
            {
                throw new IOException($"{what}: cannot be read: {(read.Ok ? "it has become shorter" : SyscallException.Describe(read.Error))}");
            }

            at += read.Value;
        }

        return bytes;
    }
}
