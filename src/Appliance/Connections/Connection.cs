using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Appliance.Chat;

namespace Appliance.Connections;

/// <summary>Where a connection is in its life.</summary>
public enum ConnectionState : byte
{
    /// <summary>No connection.</summary>
    None,

    /// <summary>Asks by HTTP; may become Chat, Echo or Lingering.</summary>
    Http,

    /// <summary>A cursor into a room.</summary>
    Chat,

    /// <summary>Gets back what it sends.</summary>
    Echo,

    /// <summary>Our close frame is under way; the peer's is awaited, unless the peer broke the protocol.</summary>
    Closing,

    /// <summary>All is said and our side is shut; what still comes is thrown away until the peer closes as well.</summary>
    Lingering,

    /// <summary>A proxy is to say whose connection it is (PROXY protocol); becomes Http.</summary>
    Proxy,

    /// <summary>The handshake of TLS is to be done; becomes Http.</summary>
    Tls,

    /// <summary>
    /// A back end is asked whether its request may become a WebSocket; becomes Chat, Echo or Lingering. To another worker it goes as Http, and the
    /// back end is asked again.
    /// </summary>
    Authorize,

    /// <summary>A proxy is to say whose connection it is; becomes Tls.</summary>
    ProxyTls,

    /// <summary>The highest number. Numbers go from one release to another with a connection, so they never change.</summary>
    Last = ProxyTls,
}

/// <summary>Facts about a connection.</summary>
[Flags]
public enum ConnectionFlags : ushort
{
    /// <summary>None of them.</summary>
    None = 0,

    /// <summary>The kernel's buffer is full: nothing is sent until epoll says so.</summary>
    Blocked = 1,

    /// <summary>The cursor stands inside a frame.</summary>
    MidFrame = 2,

    /// <summary>Not read, because its answers wait.</summary>
    Paused = 4,

    /// <summary>Shut our side once all is written, waiting for nothing.</summary>
    ShutWhenFlushed = 8,

    /// <summary>Is on the list of connections that are closed at the end of the turn.</summary>
    ClosePending = 16,

    /// <summary>Is on the list of connections whose outbox is to be sent at the end of the turn.</summary>
    FlushQueued = 32,

    /// <summary>Has had an answer: silence from now on is the end of keep-alive and no slow request.</summary>
    Answered = 64,

    /// <summary>Its stream is torn: closed by a reset, so that nothing of it passes for whole.</summary>
    Torn = 128,

    /// <summary>Its peer is a trusted proxy, and its address that of a client of this.</summary>
    Forwarded = 1024,

    /// <summary>It has an identity, by a token: <see cref="ConnectionTable.IdentityOf"/>.</summary>
    Identified = 2048,

    /// <summary>It counts at its address (<see cref="ConnectionTable.CountIn"/>).</summary>
    Counted = 4096,

    /// <summary>More answers wait for it than should, and that counts at its address (<see cref="ConnectionTable.CountUnread"/>).</summary>
    Unread = 8192,
}

/// <summary>
/// One client: its socket is the index in the table. 88 bytes, and nothing else while it is idle; the kernel's socket aside, that is
/// all a connection costs.
/// </summary>
[StructLayout(LayoutKind.Sequential)]
public struct Connection
{
    /// <summary>For <see cref="MemberIndex"/>: in no room.</summary>
    public const int NoMember = -1;

    /// <summary>For <see cref="MemberIndex"/>: on the list of connections that have not shaken hands (<see cref="WaitingList"/>).</summary>
    public const int Waiting = -2;

    /// <summary>Position in its <see cref="View"/> of the room up to which everything has been sent.</summary>
    public long Position;

    /// <summary>Peer's IP in 16 bytes, high half first.</summary>
    public ulong IpHigh;

    /// <summary>Low half of the peer's IP.</summary>
    public ulong IpLow;

    /// <summary>When something was last heard, or in Http: when the request began; in milliseconds of the loop's clock.</summary>
    public long HeardMs;

    /// <summary>How fast it may send. While it waits for its handshake its neighbours on the list lie here: <see cref="Neighbours"/>.</summary>
    public RateLimit Rate;

    /// <summary>Tells this life of the descriptor from earlier ones; never 0.</summary>
    public uint Generation;

    /// <summary>Slot of its room; in Chat, and while it closes from there.</summary>
    public int Room;

    /// <summary>
    /// Its place among the members of the room; <see cref="NoMember"/>, or <see cref="Waiting"/> for one that has not shaken hands.
    /// </summary>
    public int MemberIndex;

    /// <summary>Number of its outbox in the pool; 0 for none.</summary>
    public int Outbox;

    /// <summary>Number of its unfinished request in the pool; 0 for none.</summary>
    public int Head;

    /// <summary>Number of its unfinished message in the pool; 0 for none.</summary>
    public int Reader;

    /// <summary>When it came, in seconds since 1970.</summary>
    public uint SinceSeconds;

    /// <summary>Which connection of the worker's that took it; with <see cref="Home"/> its id for people, wherever it goes.</summary>
    public uint Number;

    /// <summary>Close code for the log.</summary>
    public ushort CloseCode;

    /// <summary>Where it is in its life.</summary>
    public ConnectionState State;

    /// <summary>In which shape it reads its room, which <see cref="Position"/> is of: 0 for frames, the room's log.</summary>
    public byte View;

    /// <summary>Facts about it.</summary>
    public ConnectionFlags Flags;

    /// <summary>Slot of the worker that took it.</summary>
    public byte Home;

    /// <summary>How its bytes travel: 0 as they are, otherwise by the <see cref="ConnectionTable.Transports"/> of that number, counted from 1.</summary>
    public byte Transport;

    /// <summary>Whether it has not shaken hands: it makes place first.</summary>
    public readonly bool IsWaiting => MemberIndex == Waiting;

    /// <summary>Descriptors of those who came before and behind it, while it waits; -1 for none.</summary>
    [UnscopedRef]
    internal ref (int Before, int Behind) Neighbours => ref Unsafe.As<RateLimit, (int Before, int Behind)>(ref Rate);

    /// <summary>Whether it has shaken hands and does not end: it is listed, pinged, moved to other workers and told when the server stops.</summary>
    public readonly bool IsClient => State is ConnectionState.Chat or ConnectionState.Echo;

    /// <summary>Whether it has not come as far as a handshake.</summary>
    public readonly bool IsBeforeHandshake => State is ConnectionState.Http or ConnectionState.Proxy or ConnectionState.Tls
        or ConnectionState.Authorize or ConnectionState.ProxyTls;

    /// <summary>Gives it an address: 16 bytes, IPv4 mapped into IPv6; empty for none.</summary>
    public void SetIp(ReadOnlySpan<byte> ip) => (IpHigh, IpLow) = ip.IsEmpty ? (0, 0) : (BitConverter.ToUInt64(ip), BitConverter.ToUInt64(ip[8..]));

    /// <summary>Whether a fact holds.</summary>
    public readonly bool Is(ConnectionFlags flag) => (Flags & flag) != 0;

    /// <summary>Makes a fact hold or not.</summary>
    public void Set(ConnectionFlags flag, bool value) => Flags = value ? Flags | flag : Flags & ~flag;
}
