using Appliance.Native;
using Appliance.Rooms;

namespace Appliance.Journal;

/// <summary>
/// Writes a journal anew from the rooms, beside the one in use and then in its place: a step at a time, so that the one in use goes on
/// meanwhile. Cursors of its own begin at the oldest records; what is overwritten before they read it is not in the rooms any more, and no loss.
/// </summary>
internal sealed class JournalRewrite : IDisposable
{
    /// <summary>On disk after so much, so that no sync takes long.</summary>
    private const int StepBytesMax = 4 << 20;

    private readonly RoomLog _rooms;
    private readonly List<int> _written = [];
    private int _slot;
    private bool _isInPlace;

    /// <summary>Begins with a new file.</summary>
    /// <exception cref="IOException">It cannot be written.</exception>
    public JournalRewrite(JournalFile former, RoomLog rooms)
    {
        _rooms = rooms;
        Batch = new JournalBatch(rooms);
        File = JournalFile.MakeSuccessor(former.Path, former.Header.LeastId);
    }

    /// <summary>The new file.</summary>
    public JournalFile File { get; }

    /// <summary>Its cursors.</summary>
    public JournalBatch Batch { get; }

    /// <summary>Writes the next part, and at the end puts the file in its place; <paramref name="isDone"/> says so.</summary>
    /// <param name="isComplete">What the header is to say at that moment.</param>
    /// <param name="isDone">Whether the new file is the journal now.</param>
    public SysResult Step(bool isComplete, out bool isDone)
    {
        long before = File.Length;
        SysResult result = default;
        for (; result.Ok && _slot < _rooms.Layout.Rooms && File.Length - before < StepBytesMax; _slot++)
        {
            result = Batch.Drain(_slot, File, _written);
        }

        isDone = false;
        result = result.Ok ? Batch.Write(File, _written) : result;
        result = result.Ok ? File.Sync() : result;
        _written.Clear();
        return result.Ok && _slot == _rooms.Layout.Rooms ? End(isComplete, out isDone) : result;
    }

    /// <summary>Does all steps at once.</summary>
    /// <exception cref="IOException">It cannot be written.</exception>
    public void Complete(bool isComplete)
    {
        bool isDone = false;
        while (!isDone)
        {
            var result = Step(isComplete, out isDone);
            if (!result.Ok)
            {
                throw new IOException($"--journal {File.Path}: cannot be rewritten: {SyscallException.Describe(result.Error)}");
            }
        }
    }

    /// <summary>Gives the new file up, if it is not the journal by now.</summary>
    public void Dispose()
    {
        if (!_isInPlace)
        {
            File.Abandon();
        }
    }

    /// <summary>What has come meanwhile; then the new file has all that the one in use has.</summary>
    private SysResult End(bool isComplete, out bool isDone)
    {
        SysResult result = default;
        for (int slot = 0; result.Ok && slot < _rooms.Layout.Rooms; slot++)
        {
            result = Batch.Drain(slot, File, _written);
        }

        result = result.Ok ? Batch.Write(File, _written) : result;
        result = result.Ok ? File.SetComplete(isComplete) : result;
        result = result.Ok ? File.TakePlace() : result;
        isDone = _isInPlace = result.Ok;
        return result;
    }
}
