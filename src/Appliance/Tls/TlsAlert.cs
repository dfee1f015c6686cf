namespace Appliance.Tls;

/// <summary>What one side tells the other when it ends (RFC 8446, 6).</summary>
public enum TlsAlert : byte
{
    /// <summary>It sends nothing more.</summary>
    CloseNotify = 0,

    /// <summary>A record or message that must not come here.</summary>
    UnexpectedMessage = 10,

    /// <summary>A record that was not sealed with the key, or not as this one.</summary>
    BadRecordMac = 20,

    /// <summary>A record longer than records may be.</summary>
    RecordOverflow = 22,

    /// <summary>A message whose value makes no sense.</summary>
    IllegalParameter = 47,

    /// <summary>A message of the wrong length.</summary>
    DecodeError = 50,

    /// <summary>It cannot go on, and the peer has done nothing wrong.</summary>
    InternalError = 80,

    /// <summary>The user does not want it any more; <see cref="CloseNotify"/> follows.</summary>
    UserCanceled = 90,

    /// <summary>No alert.</summary>
    None = 255,
}
