using System.Globalization;
using System.Text;
using System.Text.RegularExpressions;
using Appliance.Loop;
using Appliance.Native;

namespace Appliance.Tests.Fixtures;

/// <summary>
/// What an old master says to a new one, as text: of each message a line with its letter and how many descriptors come along, then its
/// text, then a line with a full stop. The numbers of a process and of a segment, which are others each time, are 1 and 2.
/// </summary>
internal static partial class UpgradeTranscript
{
    /// <summary>Writes down all that has been sent.</summary>
    public static string Write(ControlChannel channel)
    {
        var transcript = new StringBuilder();
        while (channel.TryReceive(out var message, out _))
        {
            string text = SegmentNumber().Replace(ProcessNumber().Replace(message.Text, "pid = 1"), "segment = 2");
            _ = transcript.Append(CultureInfo.InvariantCulture, $"{message.Kind} {message.Descriptors.Length}\n{text}\n.\n");
            Array.ForEach(message.Descriptors, descriptor => _ = Syscall.Close(descriptor));
        }

        return transcript.ToString();
    }

    /// <summary>Says all of it again, about another segment.</summary>
    /// <param name="transcript">What to say.</param>
    /// <param name="channel">To whom.</param>
    /// <param name="segment">The segment.</param>
    /// <param name="descriptor">Makes a descriptor that suits a message of a letter.</param>
    public static void Send(string transcript, ControlChannel channel, int segment, Func<char, int> descriptor)
    {
        foreach (string message in transcript.Split("\n.\n", StringSplitOptions.RemoveEmptyEntries))
        {
            string[] parts = message.Split('\n', 2);
            int[] descriptors = [.. Enumerable.Range(0, int.Parse(parts[0].AsSpan(2), CultureInfo.InvariantCulture)).Select(_ => descriptor(parts[0][0]))];
            Assert.True(
                channel.Send(parts[0][0], SegmentNumber().Replace(parts[1], string.Create(CultureInfo.InvariantCulture, $"segment = {segment}")), descriptors));
            Array.ForEach(descriptors, each => _ = Syscall.Close(each));
        }
    }

    [GeneratedRegex("(?m)^pid = [0-9]+$", RegexOptions.None, 1000)]
    private static partial Regex ProcessNumber();

    [GeneratedRegex("(?m)^segment = [0-9]+$", RegexOptions.None, 1000)]
    private static partial Regex SegmentNumber();
}
