using System.Reflection;
using Build;
using Cake.Frosting;

// ./build.sh TASK [ARGUMENT...]: the arguments after the task's name belong to what the task starts.
var tasks = typeof(BuildContext).Assembly.GetTypes()
    .Where(type => type.GetCustomAttribute<TaskNameAttribute>() is not null)
    .ToDictionary(
        type => type.GetCustomAttribute<TaskNameAttribute>()!.Name,
        type => type.GetCustomAttribute<TaskDescriptionAttribute>()?.Description ?? "",
        StringComparer.Ordinal);

if (Console.IsOutputRedirected)
{
    Environment.SetEnvironmentVariable("NO_COLOR", "1");
}

var target = args.Length > 0 ? args[0] : "default";
if (!tasks.ContainsKey(target))
{
    var help = target is "--help" or "-h" or "help";
    var output = help ? Console.Out : Console.Error;
    if (!help)
    {
        output.WriteLine($"Error: there is no task '{target}'.");
    }

    output.WriteLine("usage: ./build.sh [TASK] [--] [ARGUMENT...]");
    foreach (var (name, description) in tasks.OrderBy(task => task.Key, StringComparer.Ordinal))
    {
        output.WriteLine($"  {name,-14} {description}");
    }

    return help ? 0 : 2;
}

var forwarded = args.Skip(1).SkipWhile((argument, index) => index == 0 && argument is "--");
var status = new CakeHost()
    .UseContext<BuildContext>()
    .Run([$"--target={target}", .. forwarded.Select(argument => $"--{BuildContext.ForwardArgument}={argument}")]);
if ((TestResults.LastRun ?? (target is "test" ? TestResults.NotStarted : null)) is { } results)
{
    Console.WriteLine(results);
}

return status;
