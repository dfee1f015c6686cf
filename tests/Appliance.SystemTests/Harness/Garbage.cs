using System.Text;

namespace Appliance.SystemTests.Harness;

/// <summary>What a broken or hostile client may send; the same for the same seed.</summary>
public static class Garbage
{
    private static readonly string[] Targets = ["/", "/echo", "/?room=garbage", "/?room=garbage&after=1", "/?after=9999999999999999&history=7"];

    /// <summary>All the bytes of one connection.</summary>
    public static byte[] Next(Random random) => random.Next(6) switch
    {
        0 => Noise(random),
        1 => Damaged(random, RawClient.UpgradeRequest(Targets[random.Next(Targets.Length)])),
        2 => [.. Upgrade(random), .. Noise(random)],
        3 => [.. Upgrade(random), .. Damaged(random, Frames(random))],
        4 => [.. Upgrade(random), .. Frames(random)],
        _ => Cut(random, [.. Upgrade(random), .. Frames(random)]),
    };

    private static byte[] Upgrade(Random random) => RawClient.UpgradeRequest(Targets[random.Next(Targets.Length)]);

    private static byte[] Noise(Random random)
    {
        var noise = new byte[random.Next(1, 2000)];
        random.NextBytes(noise);
        return noise;
    }

    private static byte[] Damaged(Random random, byte[] bytes)
    {
        for (var i = random.Next(1, 8); i > 0; i--)
        {
            bytes[random.Next(bytes.Length)] = (byte)random.Next(256);
        }

        return bytes;
    }

    private static byte[] Cut(Random random, byte[] bytes) => bytes[..random.Next(1, bytes.Length)];

    private static byte[] Frames(Random random) => ClientFrame.Encode(Enumerable.Range(0, random.Next(1, 6)).Select(_ => Frame(random)));

    private static ClientFrame Frame(Random random)
    {
        var payload = random.Next(2) == 0 ? Encoding.UTF8.GetBytes(ChatClient.Json("garbage")) : Noise(random);
        var wrong = random.Next(4) == 0;
        return new ClientFrame((Opcode)random.Next(wrong ? 16 : 3), payload)
        {
            Final = random.Next(3) > 0,
            Reserved = wrong ? random.Next(8) : 0,
            Mask = wrong && random.Next(2) == 0 ? null : [(byte)random.Next(256), (byte)random.Next(256), (byte)random.Next(256), (byte)random.Next(256)],
            ClaimedLength = wrong && random.Next(3) == 0 ? (ulong)random.NextInt64() : null,
            LengthBytes = wrong && random.Next(3) == 0 ? 9 : null,
        };
    }
}
