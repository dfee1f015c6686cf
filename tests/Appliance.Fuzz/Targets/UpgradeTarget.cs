using System.Text;
using Appliance.Config;
using Appliance.Fuzz.Driver;
using Appliance.Loop;
using Appliance.Master;
using Appliance.Native;

namespace Appliance.Fuzz.Targets;

/// <summary>
/// What a former master says in an upgrade: taken, or refused with a reason. Each message is a letter, its length, its text; of
/// descriptors too
/// few come along, so that nothing of this host is taken over.
/// </summary>
internal sealed class UpgradeTarget : IFuzzTarget
{
    private const int DescriptorsMax = 3;

    /// <summary>More than this process has besides.</summary>
    private const int OtherDescriptorsMax = 300;

    /// <summary>No other file has this size.</summary>
    private const int FileBytes = 123_457;

    private readonly ControlChannel _giving;
    private readonly ControlChannel _taking;
    private readonly int _file = Syscall.MemoryFile("fuzz").OrThrow("memfd_create");

    public UpgradeTarget()
    {
        (_giving, _taking) = ControlChannel.CreatePair();
        _ = Syscall.Truncate(_file, FileBytes).OrThrow("ftruncate");
    }

    public static FuzzTarget Row { get; } = new(
        "upgrade",
        "what a former master says: refused in words when it is not what this version takes",
        () => new UpgradeTarget())
    {
        BytesMax = 2048,
        Words =
        [
            "V", "S", "E", "L", "M", "B", "version = 1\n", "layout = 5\n", "pid = 1\n", "segment = 1\n", "rooms = 4\n",
            "room-bytes = 65536\n", "first-slot = 0\n", "workers = 0,1\n", "inherited = 0", " = ", "history = 1\n",
        ],
    };

    public void Run(ReadOnlySpan<byte> input)
    {
        var bytes = new InputBytes(input);
        while (!bytes.Rest.IsEmpty)
        {
            char kind = (char)(bytes.Byte() & 0x7F);
            int length = bytes.UInt16() % 1024;
            string text = Encoding.UTF8.GetString(bytes.Take(length));
            int[] descriptors = [.. Enumerable.Repeat(_file, length % (DescriptorsMax + 1))];
            _ = _giving.Send(kind, text, descriptors);
        }

        _ = _giving.Send(UpgradeProtocol.Begin);
        try
        {
            _ = Takeover.Receive(_taking, new DefaultPaths("/run/appliance", "/var/lib/appliance"));
            throw new FuzzException("too few descriptors are refused");
        }
        catch (Exception refusal) when (refusal is IOException or SettingException)
        {
            FuzzException.Require(refusal.Message.Length > 0, "a refusal has a reason");
        }

        while (_taking.TryReceive(out var message, out _))
        {
            // Of the next input nothing is there yet.
            Array.ForEach(message.Descriptors, descriptor => _ = Syscall.Close(descriptor));
        }

        CloseCopies();
    }

    /// <summary>
    /// A process that refuses ends, and so do the descriptors that it was given: the copies of the file, which lie behind the first free
    /// number.
    /// </summary>
    private void CloseCopies()
    {
        for (int fd = 0, others = 0; others < OtherDescriptorsMax; fd++)
        {
            bool isCopy = fd != _file && Syscall.Status(fd, out long bytes, out _).Ok && bytes == FileBytes;
            others += isCopy ? 0 : 1;
            _ = isCopy ? Syscall.Close(fd) : default;
        }
    }

    public void Dispose()
    {
        _giving.Dispose();
        _taking.Dispose();
        _ = Syscall.Close(_file);
    }
}
