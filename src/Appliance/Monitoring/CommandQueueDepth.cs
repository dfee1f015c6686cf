using Appliance.Native;
using Appliance.SystemV;

namespace Appliance.Monitoring;

/// <summary>How much waits in the server's own message queue, which anybody may remove and the server makes again.</summary>
public sealed class CommandQueueDepth(SystemVKey key)
{
    private MessageQueue? _queue;

    /// <summary>Messages and bytes in it; none while there is no queue.</summary>
    public (long Messages, long Bytes) Read()
    {
        try
        {
            _queue ??= MessageQueue.Find(key);
            return _queue?.ReadStatus() is { } status ? (status.msg_qnum, status.msg_cbytes) : (0, 0);
        }
        catch (Exception failure) when (failure is SyscallException or IOException)
        {
            _queue = null;
            return (0, 0);
        }
    }
}
