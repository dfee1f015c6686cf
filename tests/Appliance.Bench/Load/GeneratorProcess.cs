using System.Collections.Concurrent;
using System.Globalization;

namespace Appliance.Bench.Load;

/// <summary>
/// This program as one of several generators: a line on stdin is a command, a line on stdout its answer. Between two commands its
/// clients read, and answer pings. It ends with its stdin.
/// </summary>
public static class GeneratorProcess
{
    /// <summary>The argument that makes this program one; port, clients, rooms, prefix of their names and first source follow.</summary>
    public const string Argument = "--generator";

    /// <summary>What an answer begins with when a run has failed.</summary>
    public const string Failed = "failed ";

    private const int TurnMs = 10;

    /// <summary>Arguments for a generator.</summary>
    public static string[] Arguments(GeneratorOptions options) =>
        [Argument, Text(options.Port), Text(options.Clients), Text(options.Rooms), options.RoomPrefix, Text(options.FirstSource)];

    /// <summary>Runs until stdin ends.</summary>
    public static int Run(string[] arguments)
    {
        using var generator = new Generator(new GeneratorOptions
        {
            Port = Number(arguments[0]),
            Clients = Number(arguments[1]),
            Rooms = Number(arguments[2]),
            RoomPrefix = arguments[3],
            FirstSource = Number(arguments[4]),
        });
        using var commands = new BlockingCollection<string>();
        var reader = new Thread(() => ReadLines(commands)) { IsBackground = true };
        reader.Start();
        bool isOpen = false;
        while (!commands.IsCompleted)
        {
            string answer = "";
            try
            {
                if (isOpen)
                {
                    generator.Turn(TurnMs);
                }

                if (commands.TryTake(out string? command, isOpen ? 0 : Timeout.Infinite))
                {
                    answer = Answer(generator, command.Split(' '));
                    isOpen = true;
                }
            }
            catch (LoadException failure)
            {
                answer = Failed + failure.Message;
                isOpen = false;
            }

            if (answer.Length > 0)
            {
                Console.Out.WriteLine(answer);
            }
        }

        return 0;
    }

    private static void ReadLines(BlockingCollection<string> commands)
    {
        while (Console.ReadLine() is { } line)
        {
            commands.Add(line);
        }

        commands.CompleteAdding();
    }

    private static string Answer(Generator generator, string[] command)
    {
        switch (command)
        {
            case ["open"]:
                generator.Open();
                return "opened";
            case ["start", var publishers, var inFlight, var isHere]:
                generator.Frames.StartPublishing(new Traffic { Publishers = Number(publishers), InFlight = Number(inFlight), IsHere = isHere == "here" });
                return "started";
            case ["count"]:
                return generator.Frames.TextFrames.ToString(CultureInfo.InvariantCulture);
            case ["stop"]:
                generator.Frames.StopPublishing();
                return generator.Frames.Messages.ToString(CultureInfo.InvariantCulture);
            case ["faults"]:
                return $"faults {generator.Frames.Faults()}";
            default:
                throw new LoadException($"unknown command: {string.Join(' ', command)}");
        }
    }

    private static int Number(string text) => int.Parse(text, CultureInfo.InvariantCulture);

    private static string Text(int number) => number.ToString(CultureInfo.InvariantCulture);
}
