namespace Appliance.SystemTests.Harness;

/// <summary>One server for all tests of a class.</summary>
public abstract class ServerFixture(params string[] options) : IAsyncLifetime
{
    private ApplianceServer? _server;

    public ApplianceServer Server => _server ?? throw new InvalidOperationException("The fixture is not initialized.");

    public async Task InitializeAsync() => _server = await ApplianceServer.StartAsync(options);

    public async Task DisposeAsync()
    {
        try
        {
            if (_server is not null)
            {
                await _server.DisposeAsync();
            }
        }
        catch (Exception e)
        {
            // Of a failed cleanup the runner shows the exception's type alone.
            await Console.Error.WriteLineAsync($"{GetType().Name}: {e.Message}");
            throw;
        }
    }
}

/// <summary>A server as it comes, with <c>/echo</c>.</summary>
public sealed class EchoServer() : ServerFixture("--echo");
