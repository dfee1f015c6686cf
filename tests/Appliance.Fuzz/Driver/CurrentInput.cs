using System.IO.MemoryMappedFiles;

namespace Appliance.Fuzz.Driver;

/// <summary>The input under way, in a file that is mapped: it is still there when its process is not.</summary>
internal sealed unsafe class CurrentInput : IDisposable
{
    private const string FileName = "current";

    private readonly MemoryMappedFile _file;
    private readonly MemoryMappedViewAccessor _view;
    private readonly byte* _start;
    private readonly int _bytesMax;

    /// <summary>The file of a target.</summary>
    public CurrentInput(FuzzTarget target)
    {
        _bytesMax = target.BytesMax;
        int bytes = sizeof(int) + _bytesMax;
        _file = MemoryMappedFile.CreateFromFile(PathOf(target.Name), FileMode.Create, null, bytes);
        _view = _file.CreateViewAccessor(0, bytes);
        _view.SafeMemoryMappedViewHandle.AcquirePointer(ref _start);
    }

    /// <summary>What a process has left that ended in the middle of a run; null when it was between two.</summary>
    public static byte[]? Left(string target)
    {
        byte[] bytes = File.Exists(PathOf(target)) ? File.ReadAllBytes(PathOf(target)) : [];
        int length = bytes.Length < sizeof(int) ? 0 : BitConverter.ToInt32(bytes);
        return length == 0 ? null : bytes[sizeof(int)..(sizeof(int) + length - 1)];
    }

    /// <summary>A run begins.</summary>
    public void Set(ReadOnlySpan<byte> input)
    {
        input[..Math.Min(input.Length, _bytesMax)].CopyTo(new Span<byte>(_start + sizeof(int), _bytesMax));
        *(int*)_start = Math.Min(input.Length, _bytesMax) + 1;
    }

    /// <summary>It has ended.</summary>
    public void Clear() => *(int*)_start = 0;

    /// <inheritdoc/>
    public void Dispose()
    {
        _view.SafeMemoryMappedViewHandle.ReleasePointer();
        _view.Dispose();
        _file.Dispose();
    }

    private static string PathOf(string target) => Path.Combine(FuzzFolders.WorkOf(target), FileName);
}
