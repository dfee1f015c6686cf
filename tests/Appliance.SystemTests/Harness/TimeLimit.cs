namespace Appliance.SystemTests.Harness;

/// <summary>How long a test waits for an event before it fails. Generous: a limit is never what a test measures.</summary>
public static class TimeLimit
{
    /// <summary>For one event.</summary>
    public static readonly TimeSpan Event = TimeSpan.FromSeconds(20);

    /// <summary>Waits for <paramref name="operation"/>, cancels it at the limit.</summary>
    /// <exception cref="TimeoutException">Names <paramref name="awaited"/> and what <paramref name="context"/> tells.</exception>
    public static Task<T> GuardAsync<T>(string awaited, Func<CancellationToken, Task<T>> operation, Func<string>? context = null) =>
        GuardAsync(Event, awaited, operation, context);

    /// <summary>The same with another limit, for what takes longer than an event.</summary>
    /// <exception cref="TimeoutException">Names <paramref name="awaited"/> and what <paramref name="context"/> tells.</exception>
    public static async Task<T> GuardAsync<T>(TimeSpan most, string awaited, Func<CancellationToken, Task<T>> operation, Func<string>? context = null)
    {
        using var limit = new CancellationTokenSource(most);
        try
        {
            return await operation(limit.Token);
        }
        catch (OperationCanceledException e) when (limit.IsCancellationRequested)
        {
            throw new TimeoutException($"No {awaited} within {most.TotalSeconds:0} s. {context?.Invoke()}", e);
        }
    }
}
