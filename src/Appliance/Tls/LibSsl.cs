using System.Runtime.InteropServices;

namespace Appliance.Tls;

/// <summary>Functions of libssl 3 or 4, by their names in its manual (man 3ssl), without the prefix.</summary>
internal sealed unsafe class LibSsl(nint library)
{
    public readonly delegate* unmanaged<nint> ServerMethod = (delegate* unmanaged<nint>)Find(library, "TLS_server_method");
    public readonly delegate* unmanaged<nint, nint> ContextNew = (delegate* unmanaged<nint, nint>)Find(library, "SSL_CTX_new");
    public readonly delegate* unmanaged<nint, void> ContextFree = (delegate* unmanaged<nint, void>)Find(library, "SSL_CTX_free");
    public readonly delegate* unmanaged<nint, int, nint, void*, nint> ContextControl =
        (delegate* unmanaged<nint, int, nint, void*, nint>)Find(library, "SSL_CTX_ctrl");

    public readonly delegate* unmanaged<nint, int, delegate* unmanaged<nint, int*, nint, int>, nint> ContextCallbackControl =
        (delegate* unmanaged<nint, int, delegate* unmanaged<nint, int*, nint, int>, nint>)Find(library, "SSL_CTX_callback_ctrl");

    public readonly delegate* unmanaged<nint, ulong, ulong> SetOptions = (delegate* unmanaged<nint, ulong, ulong>)Find(library, "SSL_CTX_set_options");
    public readonly delegate* unmanaged<nint, nuint, int> SetTickets = (delegate* unmanaged<nint, nuint, int>)Find(library, "SSL_CTX_set_num_tickets");
    public readonly delegate* unmanaged<nint, byte*, int> SetSuites = (delegate* unmanaged<nint, byte*, int>)Find(library, "SSL_CTX_set_ciphersuites");
    public readonly delegate* unmanaged<nint, delegate* unmanaged<nint, byte*, void>, void> SetKeyLog =
        (delegate* unmanaged<nint, delegate* unmanaged<nint, byte*, void>, void>)Find(library, "SSL_CTX_set_keylog_callback");

    public readonly delegate* unmanaged<nint, delegate* unmanaged<nint, byte**, byte*, byte*, uint, nint, int>, nint, void> SetProtocolChoice =
        (delegate* unmanaged<nint, delegate* unmanaged<nint, byte**, byte*, byte*, uint, nint, int>, nint, void>)Find(library, "SSL_CTX_set_alpn_select_cb");

    public readonly delegate* unmanaged<nint, nint, int> UseCertificate = (delegate* unmanaged<nint, nint, int>)Find(library, "SSL_CTX_use_certificate");
    public readonly delegate* unmanaged<nint, nint, int> UseKey = (delegate* unmanaged<nint, nint, int>)Find(library, "SSL_CTX_use_PrivateKey");

    public readonly delegate* unmanaged<nint, nint> New = (delegate* unmanaged<nint, nint>)Find(library, "SSL_new");
    public readonly delegate* unmanaged<nint, void> Free = (delegate* unmanaged<nint, void>)Find(library, "SSL_free");
    public readonly delegate* unmanaged<nint, void> SetAccepting = (delegate* unmanaged<nint, void>)Find(library, "SSL_set_accept_state");
    public readonly delegate* unmanaged<nint, nint, nint, void> SetBios = (delegate* unmanaged<nint, nint, nint, void>)Find(library, "SSL_set_bio");
    public readonly delegate* unmanaged<nint, int> Handshake = (delegate* unmanaged<nint, int>)Find(library, "SSL_do_handshake");
    public readonly delegate* unmanaged<nint, int, int> GetError = (delegate* unmanaged<nint, int, int>)Find(library, "SSL_get_error");
    public readonly delegate* unmanaged<nint, int> HasPending = (delegate* unmanaged<nint, int>)Find(library, "SSL_has_pending");
    public readonly delegate* unmanaged<nint, nint> CurrentSuite = (delegate* unmanaged<nint, nint>)Find(library, "SSL_get_current_cipher");
    public readonly delegate* unmanaged<nint, ushort> SuiteNumber = (delegate* unmanaged<nint, ushort>)Find(library, "SSL_CIPHER_get_protocol_id");
    public readonly delegate* unmanaged<nint, int, byte*> ServerName = (delegate* unmanaged<nint, int, byte*>)Find(library, "SSL_get_servername");
    public readonly delegate* unmanaged<nint, nint, nint> SetContext = (delegate* unmanaged<nint, nint, nint>)Find(library, "SSL_set_SSL_CTX");
    public readonly delegate* unmanaged<nint, nint> Session = (delegate* unmanaged<nint, nint>)Find(library, "SSL_get_session");
    public readonly delegate* unmanaged<nint, byte> FragmentLength =
        (delegate* unmanaged<nint, byte>)Find(library, "SSL_SESSION_get_max_fragment_length");

    private static nint Find(nint library, string name) => NativeLibrary.GetExport(library, name);
}
