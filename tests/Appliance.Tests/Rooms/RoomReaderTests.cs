using System.Buffers;
using System.Text;
using Appliance.Chat;
using Appliance.Delivery;
using Appliance.Rooms;

namespace Appliance.Tests.Rooms;

/// <summary>Reading a room's log without its lock.</summary>
public sealed unsafe class RoomReaderTests : IDisposable
{
    private const long First = MemoryRoomLog.FirstId;

    private readonly MemoryRoomLog _memory = new();

    public void Dispose() => _memory.Dispose();

    [Fact]
    public void Empty_room_has_nothing() =>
        Assert.Equal((new RoomPage(First - 1, First - 1, HasMore: false, Gap: false), ""), Read(RoomReader.IdBeforeLast(_memory.Ring, 50)));

    [Theory]
    [InlineData(0, "")]
    [InlineData(1, "c")]
    [InlineData(2, "b - c")]
    [InlineData(3, "a b - c")]
    [InlineData(100, "a b - c")]
    public void Last_messages_bring_announcements_between_them(int count, string expected)
    {
        foreach (string text in (string[])["a", "b", "-", "c"])
        {
            Append(text);
        }

        var (page, texts) = Read(RoomReader.IdBeforeLast(_memory.Ring, count));
        Assert.Equal((expected, First + 3, false, false), (texts, page.LastId, page.HasMore, page.Gap));
    }

    [Fact]
    public void Pages_follow_each_other_without_loss()
    {
        string[] texts = [.. Enumerable.Range(0, 100).Select(number => $"message-{number}")];
        foreach (string text in texts)
        {
            Append(text);
        }

        List<string> read = [];
        var page = new RoomPage(First - 1, First - 1, HasMore: true, Gap: false);
        while (page.HasMore)
        {
            (page, string part) = Read(page.LastId, 700);
            read.AddRange(part.Split(' '));
        }

        Assert.Equal(texts, read, StringComparer.Ordinal);
    }

    [Fact]
    public void Message_that_fits_into_no_page_is_passed_over_with_a_gap()
    {
        Append("small");
        Append(new string('x', 2000));
        Append("last");
        Assert.Equal((new RoomPage(First - 1, First, HasMore: true, Gap: false), "small"), Read(First - 1, 500));
        Assert.Equal((new RoomPage(First, First + 1, HasMore: true, Gap: true), ""), Read(First, 500));
        Assert.Equal((new RoomPage(First + 1, First + 2, HasMore: false, Gap: false), "last"), Read(First + 1, 500));
    }

    [Fact]
    public void What_is_overwritten_is_a_gap()
    {
        for (int i = 0; i < 2000; i++)
        {
            Append($"message-{i}");
        }

        var (page, texts) = Read(First, 300);
        Assert.True(page is { Gap: true, HasMore: true });
        Assert.StartsWith("message-", texts, StringComparison.Ordinal);
        Assert.True(page.LastId > First + 100);
    }

    /// <summary>Every byte of the room may be wrong: what comes is wrong too, but nothing is read outside of it and it ends.</summary>
    [Fact]
    public void Damage_ends_the_reading() => RandomCases.Check(
        RandomCases.Randomness,
        random =>
        {
            using var memory = new MemoryRoomLog();
            for (int i = 0; i < 20; i++)
            {
                Append(memory.Ring, $"message-{i}");
            }

            var header = (byte*)memory.Ring.Header;
            for (int i = 0; i < 3; i++)
            {
                *(header + 64 + random.Next(160)) = (byte)random.Next(256);
                memory.Ring.IndexOf(First + random.Next(20)) = random.NextInt64();
            }

            var lines = new ArrayBufferWriter<byte>();
            _ = RoomReader.Read(memory.Ring, RoomReader.IdBeforeLast(memory.Ring, 100), 4000, lines);
            Assert.InRange(lines.WrittenCount, 0, 4000);
        },
        500);

    /// <summary>The id is of a clock that was ahead, from before the room's memory was lost.</summary>
    [Fact]
    public void Behind_an_id_that_was_never_given_out_lies_the_history()
    {
        for (int i = 0; i < 60; i++)
        {
            Append($"{i}");
        }

        string last50 = string.Join(' ', Enumerable.Range(10, 50));
        Assert.Equal((new RoomPage(First + 59, First + 59, HasMore: false, Gap: false), ""), Read(First + 59));
        foreach (long unknown in (long[])[First + 60, First + 1000, long.MaxValue])
        {
            Assert.Equal((new RoomPage(First + 9, First + 59, HasMore: false, Gap: true), last50), Read(unknown));
        }
    }

    private static void Append(RoomRing ring, string text)
    {
        byte[] json = new byte[8192];
        bool isMessage = text != "-";
        var encoded = isMessage
            ? ChatEncoder.WriteUserMessage(
                json, new ChatInput { Name = "ann"u8, Message = Encoding.UTF8.GetBytes(text), Color = "#000"u8 }, MemoryRoomLog.UnixMs)
            : ChatEncoder.WriteSystemMessage(json, "-"u8, MemoryRoomLog.UnixMs);
        var batch = new RecordBatch { Capacity = 8192 };
        batch.Add(json.AsSpan(0, encoded.Length), encoded.IdOffset, isMessage);
        ring.Append(batch.Bytes, batch.Records);
    }

    private void Append(string text) => Append(_memory.Ring, text);

    /// <summary>The page, and the texts of its messages with spaces between.</summary>
    private (RoomPage Page, string Texts) Read(long after, int bytesMax = 100_000)
    {
        var lines = new ArrayBufferWriter<byte>();
        var page = RoomReader.Read(_memory.Ring, after, bytesMax, lines);
        Assert.InRange(lines.WrittenCount, 0, bytesMax);
        var texts = Encoding.UTF8.GetString(lines.WrittenSpan).Split('\n', StringSplitOptions.RemoveEmptyEntries)
            .Select(line => System.Text.Json.JsonDocument.Parse(line).RootElement.GetProperty("message").GetString());
        return (page, string.Join(' ', texts));
    }
}
