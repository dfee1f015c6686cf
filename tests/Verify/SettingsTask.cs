using System.Runtime.CompilerServices;

namespace VerifyTests;

/// <summary>A comparison that starts when it is awaited; until then it takes settings.</summary>
public sealed class SettingsTask
{
    private readonly VerifySettings _settings;
    private readonly Func<Task> _compare;
    private Task? _task;

    internal SettingsTask(VerifySettings settings, Func<Task> compare)
    {
        _settings = settings;
        _compare = compare;
    }

    /// <inheritdoc cref="VerifySettings.UseDirectory"/>
    public SettingsTask UseDirectory(string directory) => With(settings => settings.UseDirectory(directory));

    /// <inheritdoc cref="VerifySettings.UseTextForParameters"/>
    public SettingsTask UseTextForParameters(string parametersText) => With(settings => settings.UseTextForParameters(parametersText));

    /// <inheritdoc cref="VerifySettings.ScrubLinesWithReplace"/>
    public SettingsTask ScrubLinesWithReplace(Func<string, string?> replaceLine) => With(settings => settings.ScrubLinesWithReplace(replaceLine));

    /// <inheritdoc cref="VerifySettings.ScrubLinesContaining"/>
    public SettingsTask ScrubLinesContaining(params string[] stringToMatch) => With(settings => settings.ScrubLinesContaining(stringToMatch));

    /// <summary>The comparison as a task; starts it.</summary>
    public Task ToTask() => _task ??= _compare();

    /// <summary>Awaits the comparison; starts it.</summary>
    public TaskAwaiter GetAwaiter() => ToTask().GetAwaiter();

    private SettingsTask With(Action<VerifySettings> apply)
    {
        apply(_settings);
        return this;
    }
}
