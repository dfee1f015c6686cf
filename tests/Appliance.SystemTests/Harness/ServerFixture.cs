namespace Appliance.SystemTests.Harness;

/// <summary>One server for all tests of a class.</summary>
public abstract class ServerFixture(params string[] options) : IAsyncLifetime
{
    private ApplianceServer? _server;

    public ApplianceServer Server => _server ?? throw new InvalidOperationException("The fixture is not initialized.");

    public async Task InitializeAsync() => _server = await ApplianceServer.StartAsync(options);

    public async Task DisposeAsync()
    {
        if (_server is not null)
        {
            await _server.DisposeAsync();
        }
    }
}

/// <summary>A server as it comes, with <c>/echo</c>.</summary>
public sealed class EchoServer() : ServerFixture("--echo");
