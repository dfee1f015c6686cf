using Appliance.Journal;

namespace Appliance.Tests.Journal;

/// <summary>Whatever was cut off or overwritten, what is whole is read, and what is not is known.</summary>
public sealed class JournalReaderTests : IDisposable
{
    private readonly JournalFolder _folder = new();
    private readonly byte[] _whole;
    private readonly List<string> _entries;

    public JournalReaderTests()
    {
        var rooms = _folder.NewRooms();
        using (_folder.Begin(rooms, isNew: true))
        {
            for (int i = 0; i < 8; i++)
            {
                _ = _folder.Say(rooms, i % 3 == 0 ? "a" : "lobby", 64 + (i * 11), isMessage: i % 2 == 0);
            }
        }

        _entries = _folder.Read(out var reader);
        Assert.Empty(reader.Damaged);
        Assert.Equal(8, _entries.Count);
        _whole = File.ReadAllBytes(_folder.Path);
    }

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Every_truncation_leaves_the_entries_before_it()
    {
        for (int length = JournalFormat.HeaderBytes; length < _whole.Length; length++)
        {
            File.WriteAllBytes(_folder.Path, _whole[..length]);
            var read = _folder.Read(out var reader);
            Assert.Equal(_entries[..read.Count], read);
            Assert.Equal(length == reader.WholeUntil ? [] : [new DamagedPart(reader.WholeUntil, length)], reader.Damaged);
        }
    }

    [Fact]
    public void Every_flipped_byte_costs_its_entry_alone()
    {
        for (int at = JournalFormat.HeaderBytes; at < _whole.Length; at++)
        {
            byte[] bytes = [.. _whole];
            bytes[at] ^= 0x41;
            File.WriteAllBytes(_folder.Path, bytes);
            var read = _folder.Read(out var reader);
            Assert.Equal(_entries.Count - 1, read.Count);
            Assert.Empty(read.Except(_entries, StringComparer.Ordinal));
            var part = Assert.Single(reader.Damaged);
            Assert.InRange(at, part.From, part.To - 1);
        }
    }

    [Fact]
    public void Holes_of_zeros_and_noise_are_skipped()
    {
        var random = new Random(1);
        for (int round = 0; round < 100; round++)
        {
            byte[] hole = new byte[random.Next(1, 5000)];
            random.NextBytes(round % 2 == 0 ? hole : []);
            File.WriteAllBytes(_folder.Path, [.. _whole, .. hole, .. _whole[JournalFormat.HeaderBytes..]]);
            Assert.Equal([.. _entries, .. _entries], _folder.Read(out var reader));
            Assert.Equal([new DamagedPart(_whole.Length, _whole.Length + hole.Length)], reader.Damaged);
        }
    }

    /// <summary>More than fits into the reader's buffer, with entries across every border.</summary>
    [Fact]
    public void Long_file_is_read_to_its_end()
    {
        byte[] entry = new byte[JournalFormat.EntryBytesMax];
        byte[] frame = JournalFormatTests.FrameOf(JournalFormat.FrameBytesMax);
        using (var file = new FileStream(_folder.Path, FileMode.Append))
        {
            for (int i = 0; i < 50; i++)
            {
                var part = frame.Length - (i * 5000) > 70_000 ? JournalFormatTests.FrameOf(frame.Length - (i * 5000)) : frame;
                file.Write(entry, 0, JournalFormat.WriteEntry(entry, 9_000_000_000_000_000 + i, isMessage: true, "long"u8, part));
            }
        }

        Assert.Equal(58, _folder.Read(out var reader).Count);
        Assert.Empty(reader.Damaged);
        Assert.Equal(new FileInfo(_folder.Path).Length, reader.WholeUntil);
    }

    [Theory]
    [InlineData("")]
    [InlineData("x")]
    [InlineData("a text that is longer than a journal's header is, and no journal")]
    public void Other_files_are_left_alone(string text)
    {
        File.WriteAllText(_folder.Path, text);
        var opening = Record.Exception(() => JournalFile.Open(_folder.Path).Dispose());
        Assert.Equal(text.Length > 0, opening is IOException);
        Assert.Equal(text, File.ReadAllText(_folder.Path));
    }

    [Fact]
    public void File_that_is_in_use_is_refused()
    {
        using var first = JournalFile.Open(_folder.Path);
        var refusal = Assert.Throws<IOException>(() => JournalFile.Open(_folder.Path));
        Assert.Contains("another appliance", refusal.Message, StringComparison.Ordinal);
    }

    /// <summary>A program that another thread starts has every open file for a moment; the lock must not last as long.</summary>
    [Fact]
    public void Lock_ends_with_its_owner_while_programs_are_started()
    {
        bool stop = false;
        var starting = new Thread(() =>
        {
            while (!Volatile.Read(ref stop))
            {
                using var program = System.Diagnostics.Process.Start("true");
                program.WaitForExit();
            }
        });
        starting.Start();
        var failure = Record.Exception(() =>
        {
            for (int i = 0; i < 20_000; i++)
            {
                JournalFile.Open(_folder.Path).Dispose();
            }
        });
        Volatile.Write(ref stop, true);
        starting.Join();
        Assert.Null(failure);
    }

    [Fact]
    public void Device_is_refused() => Assert.Throws<IOException>(() => JournalFile.Open("/dev/null").Dispose());
}
