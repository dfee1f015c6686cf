using FsCheck;
using FsCheck.Fluent;

namespace Appliance.Tests;

/// <summary>Runs an assertion for random cases; a failure prints the case and the seed that makes it again.</summary>
internal static class RandomCases
{
    public static Gen<byte[]> Bytes(int lengthMax) =>
        Gen.Choose(0, lengthMax).SelectMany(length => Gen.Choose(0, 255).Select(value => (byte)value).ArrayOf(length));

    public static Gen<Random> Randomness => Gen.Choose(0, int.MaxValue - 1).Select(seed => new Random(seed));

    public static void Check<T>(Gen<T> cases, Action<T> assertion, int count = 200) =>
        FsCheck.Check.One(FsCheck.Config.QuickThrowOnFailure.WithMaxTest(count), Prop.ForAll(cases.ToArbitrary(), assertion));

    /// <summary>Cuts bytes into pieces of random lengths.</summary>
    public static IEnumerable<byte[]> Pieces(byte[] bytes, Random random, int pieceMax)
    {
        for (int start = 0; start < bytes.Length;)
        {
            int end = Math.Min(bytes.Length, start + random.Next(1, pieceMax + 1));
            yield return bytes[start..end];
            start = end;
        }
    }
}
