using Appliance.Native;

namespace Appliance.Loop;

/// <summary>
/// A descriptor that is kept for the moment in which no other is left: released, it is the one with which a connection is accepted that can
/// only be refused. Otherwise that connection waits without an answer for as long as the others stay.
/// </summary>
public sealed class SpareDescriptor
{
    private int? _descriptor;

    /// <summary>One that is kept, unless there is none already.</summary>
    public SpareDescriptor() => Keep();

    /// <summary>Gives it back to the process.</summary>
    public void Release()
    {
        if (_descriptor is { } descriptor)
        {
            _ = Syscall.Close(descriptor);
            _descriptor = null;
        }
    }

    /// <summary>Takes it again; where none is left, at the next time.</summary>
    public void Keep() => _descriptor ??= Syscall.OpenNothing() is { Ok: true } opened ? opened.Value : null;
}
