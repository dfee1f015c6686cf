using Cake.Core;

namespace Cake.Frosting;

/// <summary>A task of the build.</summary>
public interface IFrostingTask
{
    /// <summary>Does the task's work; throws if it fails.</summary>
    void Run(ICakeContext context);

    /// <summary>Whether there is anything to do.</summary>
    bool ShouldRun(ICakeContext context);
}

/// <summary>A task that works on the build's own context.</summary>
public abstract class FrostingTask<T> : IFrostingTask
    where T : ICakeContext
{
    /// <inheritdoc cref="IFrostingTask.Run"/>
    public virtual void Run(T context)
    {
    }

    /// <inheritdoc cref="IFrostingTask.ShouldRun"/>
    public virtual bool ShouldRun(T context) => true;

    void IFrostingTask.Run(ICakeContext context) => Run((T)context);

    bool IFrostingTask.ShouldRun(ICakeContext context) => ShouldRun((T)context);
}
