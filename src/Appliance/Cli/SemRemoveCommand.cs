using System.CommandLine;
using Appliance.Php;
using Appliance.SystemV;

namespace Appliance.Cli;

/// <summary>Removes a semaphore, as PHP's sem_remove() does: who waits for it is told that it is gone.</summary>
internal static class SemRemoveCommand
{
    /// <summary>The command.</summary>
    public static Command Make()
    {
        var command = new ActionCommand("remove");
        KeyOptions.AddTo(command);
        command.SetAction(parsed =>
        {
            var key = KeyOptions.Read(parsed);
            PhpSemaphore.Remove(key, Find(key));
            return ExitCode.Fine;
        });
        return command;
    }

    /// <summary>The semaphore of a key.</summary>
    /// <exception cref="IOException">There is none.</exception>
    public static int Find(SystemVKey key) => PhpSemaphore.Find(key)
        ?? throw new IOException($"semaphore {key} does not exist; 'appliance sem run' or PHP's sem_get() makes it");
}
