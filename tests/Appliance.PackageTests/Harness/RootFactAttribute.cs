namespace Appliance.PackageTests.Harness;

/// <summary>A test that makes a system of its own, which only root may; anybody else is told so.</summary>
[AttributeUsage(AttributeTargets.Method)]
public sealed class RootFactAttribute : FactAttribute
{
    /// <summary>Skips for anybody but root.</summary>
    public RootFactAttribute() => Skip = Environment.IsPrivilegedProcess ? null : "needs root: it installs packages into a system of its own";
}
