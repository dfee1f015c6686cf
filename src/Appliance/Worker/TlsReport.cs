using Appliance.Config;
using Appliance.Logging;
using Appliance.Tls;

namespace Appliance.Worker;

/// <summary>Says in the log which certificates a server uses.</summary>
public static class TlsReport
{
    /// <summary>A line, if there are certificates; a warning, if one of them is not valid now.</summary>
    public static void Write(EventLog log, Settings settings)
    {
        if (settings.TlsCredentials.Length > 0)
        {
            log.Write(settings.IsTlsExpired ? EventCatalogue.TlsExpired : EventCatalogue.TlsServed, OpenSsl.Version, settings.TlsDescription);
        }
    }
}
