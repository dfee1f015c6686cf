namespace Appliance.SystemTests.Harness;

/// <summary>
/// The tests run twice: as the binary finds it best, and with <c>APPLIANCE_IO=epoll</c>. What a class tests that has this trait does not
/// depend on how messages reach the kernel: it runs once.
/// </summary>
public static class TestEngine
{
    /// <summary>The trait, as the pipeline's filter knows it.</summary>
    public const string Name = "Engine";

    /// <summary>Its only value.</summary>
    public const string Any = "any";
}
