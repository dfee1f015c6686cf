using System.Reflection;
using Cake.Cli;
using Cake.Core;
using Cake.Core.Configuration;
using Cake.Core.Diagnostics;
using Microsoft.Extensions.DependencyInjection;

namespace Cake.Frosting;

/// <summary>
/// Runs the tasks of the entry assembly on Cake's own engine: arguments are <c>--name=value</c>,
/// and <c>--target</c> names the task.
/// </summary>
public sealed class CakeHost
{
    private readonly ServiceCollection _services = new();

    /// <summary>The build's own context.</summary>
    public CakeHost UseContext<TContext>()
        where TContext : class, IFrostingContext
    {
        _ = _services.AddSingleton<IFrostingContext, TContext>();
        return this;
    }

    /// <summary>Runs the target and what it depends on.</summary>
    /// <returns>0 if all went well, else 1 with the reason on stderr.</returns>
    public int Run(IEnumerable<string> args)
    {
        var arguments = new CakeArguments(args.Select(Parse).ToLookup(pair => pair.Key, pair => pair.Value, StringComparer.OrdinalIgnoreCase));
        _ = _services.UseCakeDefaultModules();
        _ = _services.AddCakeDiagnostics();
        _ = _services.AddSingleton<ICakeArguments>(arguments);
        _ = _services.AddSingleton<ICakeConfiguration>(new CakeConfiguration(new Dictionary<string, string>(StringComparer.Ordinal)));
        using var provider = _services.BuildServiceProvider();
        try
        {
            var context = provider.GetRequiredService<IFrostingContext>();
            var engine = provider.GetRequiredService<ICakeEngine>();
            foreach (var task in Assembly.GetEntryAssembly()!.GetTypes().Where(type => type.IsAssignableTo(typeof(IFrostingTask)) && !type.IsAbstract))
            {
                Register(engine, context, task);
            }

            var host = new BuildScriptHost<IFrostingContext>(
                engine,
                provider.GetRequiredService<IExecutionStrategy>(),
                context,
                provider.GetRequiredService<ICakeReportPrinter>(),
                provider.GetRequiredService<ICakeConfiguration>(),
                provider.GetRequiredService<ICakeLog>());
            _ = host.RunTargetAsync(arguments.GetArguments("target").Single()).GetAwaiter().GetResult();
            return 0;
        }
        catch (Exception error)
        {
            Console.Error.WriteLine($"Error: {(error as CakeReportException)?.InnerException?.Message ?? error.Message}");
            return 1;
        }
    }

    private static void Register(ICakeEngine engine, IFrostingContext context, Type type)
    {
        var task = (IFrostingTask)Activator.CreateInstance(type)!;
        var builder = engine.RegisterTask(NameOf(type))
            .WithCriteria(() => task.ShouldRun(context))
            .Does(() => task.Run(context));
        foreach (var dependency in type.GetCustomAttributes<IsDependentOnAttribute>())
        {
            _ = builder.IsDependentOn(NameOf(dependency.Task));
        }
    }

    private static string NameOf(Type task) => task.GetCustomAttribute<TaskNameAttribute>()?.Name ?? task.Name;

    private static KeyValuePair<string, string> Parse(string argument)
    {
        var parts = argument.TrimStart('-').Split('=', 2);
        return KeyValuePair.Create(parts[0], parts.Length > 1 ? parts[1] : "");
    }
}
