using System.Diagnostics;
using System.Globalization;

namespace Appliance.Fuzz.Driver;

/// <summary>
/// Runs a target with its corpus, then with mutations of it; an input that takes a new branch joins the corpus. Ends with the first
/// finding, made as short as it goes.
/// </summary>
internal sealed class Fuzzer : IDisposable
{
    private const int TrimTriesMax = 300;
    private const int MinimizeTriesMax = 20_000;
    private const int MutationsOfOne = 64;
    private const int TellEverySeconds = 30;

    private readonly FuzzTarget _row;
    private readonly FuzzOptions _options;
    private readonly Coverage _coverage = new();
    private readonly Corpus _corpus = new();
    private readonly CurrentInput _current;
    private readonly Watchdog _watchdog;
    private readonly Random _random;
    private readonly Stopwatch _clock = Stopwatch.StartNew();
    private IFuzzTarget _target;
    private long _runs;
    private Finding? _finding;

    public Fuzzer(FuzzTarget row, FuzzOptions options)
    {
        (_row, _options) = (row, options);
        _current = new CurrentInput(row);
        _watchdog = new Watchdog(options.RunSecondsMax);
        _random = new Random(options.Seed);
        _target = row.Make();
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _target.Dispose();
        _watchdog.Dispose();
        _current.Dispose();
    }

    /// <summary>Runs for as long as the options say; the finding, or null.</summary>
    public Finding? Run()
    {
        if (_options.Files.Count > 0)
        {
            RunAll(_options.Files.Select(File.ReadAllBytes));
            return _finding;
        }

        RunAll(CorpusFolder.Read(_row, _options.IsFresh));
        if (_finding is null && _corpus.Entries.Count == 0)
        {
            throw new InvalidOperationException("no branch was counted: the product beside this program is not the instrumented one");
        }

        var mutator = new Mutator(_random, _row.WordBytes, _row.BytesMax);
        double tellAt = TellEverySeconds;
        while (_finding is null && _clock.Elapsed.TotalSeconds < _options.Seconds)
        {
            Explore(mutator);
            if (_clock.Elapsed.TotalSeconds >= tellAt)
            {
                tellAt += TellEverySeconds;
                Console.WriteLine(Describe());
            }
        }

        if (!_options.IsFresh || _options.Keeps)
        {
            CorpusFolder.Write(_row, _corpus.Entries, _options.Keeps && _finding is null);
        }

        return _finding;
    }

    /// <summary>What was done so far, in one line.</summary>
    public string Describe() => string.Create(
        CultureInfo.InvariantCulture,
        $"{_row.Name}: {_runs} runs in {_clock.Elapsed.TotalSeconds:0.0} s, {_corpus.Entries.Count} inputs, "
            + $"{_coverage.Count} features, seed {_options.Seed}");

    private void RunAll(IEnumerable<byte[]> inputs)
    {
        foreach (byte[] input in inputs.OrderBy(input => input.Length))
        {
            if (_finding is not null)
            {
                return;
            }

            Try(input);
        }
    }

    /// <summary>Some mutations of one input.</summary>
    private void Explore(Mutator mutator)
    {
        var chosen = _corpus.Choose(_random);
        for (int i = 0; i < MutationsOfOne && _finding is null; i++)
        {
            Try(mutator.Mutate(chosen.Bytes, _corpus.Any(_random).Bytes));
        }
    }

    private void Try(byte[] input)
    {
        if (Execute(input) is { } failure)
        {
            Find(input, failure);
        }
        else if (_coverage.Note())
        {
            Join(input);
        }
    }

    private void Find(byte[] input, Exception failure)
    {
        string kind = Finding.KindOf(failure);
        byte[] shortest = Minimizer.Minimize(input, other => Execute(other) is { } same && Finding.KindOf(same) == kind, MinimizeTriesMax);
        _finding = new Finding(shortest, (Execute(shortest) ?? failure).ToString());
    }

    /// <summary>Takes an input into the corpus, without the bytes that its features do not need.</summary>
    private void Join(byte[] input)
    {
        int[] features = Coverage.Features();
        (byte[] Input, Exception Failure)? broken = null;
        byte[] trimmed = Minimizer.Minimize(input, IsSame, TrimTriesMax);
        if (broken is { } found)
        {
            Find(found.Input, found.Failure);
            return;
        }

        _corpus.Add(new CorpusEntry(trimmed, features));

        bool IsSame(byte[] other)
        {
            var failure = broken is null ? Execute(other) : null;
            broken ??= failure is null ? null : (other, failure);
            return broken is null && Coverage.Features().AsSpan().SequenceEqual(features);
        }
    }

    private Exception? Execute(byte[] input)
    {
        _runs++;
        _current.Set(input);
        _watchdog.Step();
        long allocated = GC.GetAllocatedBytesForCurrentThread();
        Coverage.Begin();
        try
        {
            _target.Run(input);
            allocated = GC.GetAllocatedBytesForCurrentThread() - allocated;
            return allocated <= _row.AllocatedBytesMax ? null
                : new FuzzException($"allocates {allocated} bytes for an input of {input.Length}");
        }
        catch (Exception failure)
        {
            // What was under way has stopped in the middle.
            _target.Dispose();
            _target = _row.Make();
            return failure;
        }
        finally
        {
            _watchdog.Step();
            _current.Clear();
        }
    }
}
