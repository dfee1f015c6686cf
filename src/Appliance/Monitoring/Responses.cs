using System.Text;
using Appliance.Metrics;
using Appliance.Protocols.Http;
using Appliance.Web;

namespace Appliance.Monitoring;

/// <summary>
/// What the monitoring port answers. A format is written once for a sample and then given to all who ask, however many they are.
/// </summary>
public sealed class Responses
{
    private const int ThresholdBytesMax = 1024;

    /// <summary>Responses kept for a sample: all formats, and the few beginnings of history that pages ask for.</summary>
    private const int WrittenMax = 32;

    private const string PlainText = "text/plain; charset=utf-8";
    private const string NoStore = HttpResponse.PageSecurityHeaders + "Cache-Control: no-store\r\n";
    private const string PageHeaders = HttpResponse.PageSecurityHeaders + "Cache-Control: no-cache\r\n";

    private readonly SampleHistory _history = new();
    private readonly Dictionary<string, byte[]> _written = new(StringComparer.Ordinal);
    private Dictionary<string, byte[]>? _pages;

    /// <summary>The sample that is rendered.</summary>
    public Sample? Sample { get; private set; }

    /// <summary>Takes a new sample: what was written of the former one is forgotten.</summary>
    public void OnSample(Sample sample)
    {
        Sample = sample;
        _written.Clear();
        if (sample.IntervalNs > 0)
        {
            _history.Add(sample);
        }
    }

    /// <summary>Takes the sample of a time in which nothing happened and nothing was sampled.</summary>
    public void OnRest(Sample sample)
    {
        Sample = sample;
        _written.Clear();
        _history.AddRest(sample);
    }

    /// <summary>The whole response to GET, or null for an unknown path.</summary>
    public byte[]? Find(string path, in HttpRequest request)
    {
        if (Sample is not { } sample)
        {
            return null;
        }

        switch (path)
        {
            case "/metrics":
                return Once(path, () => Write(200, PrometheusText.ContentType, PrometheusText.Write(sample)));
            case "/status":
                return Once(path, () => Write(200, StatusJson.ContentType, StatusJson.Write(sample)));
            case "/nagios":
                return request.Query.IsEmpty ? Once(path, () => Write(200, PlainText, NagiosLine.Write(sample, [], []).Line + "\n")) : Nagios(sample, request);
            case "/healthz":
                return Once(path, () => Write(sample.IsHealthy ? 200 : 503, PlainText, (sample.IsHealthy ? "ok" : string.Join(", ", sample.Troubles)) + "\n"));
            case "/readyz":
                return Once(path, () => Write(sample.IsReady ? 200 : 503, PlainText, (sample.IsReady ? "ready" : WhyNotReady(sample)) + "\n"));
            case "/history":
                return History(request);
            default:
                _pages ??= EmbeddedPages.Monitor().ToDictionary(
                    page => page.Path, page => HttpResponse.Write(200, page.ContentType, PageHeaders, page.Bytes), StringComparer.Ordinal);
                return _pages.GetValueOrDefault(path);
        }
    }

    private static byte[] Write(int status, string contentType, string body) => HttpResponse.Write(status, contentType, NoStore, Encoding.UTF8.GetBytes(body));

    private static string WhyNotReady(Sample sample) => sample.Server.Stopping != 0 ? "the server is stopping"
        : sample.IsHealthy ? "not all workers serve yet"
        : string.Join(", ", sample.Troubles);

    private byte[] Once(string name, Func<byte[]> write)
    {
        if (_written.TryGetValue(name, out byte[]? response))
        {
            return response;
        }

        response = write();
        _ = _written.Count < WrittenMax && _written.TryAdd(name, response);
        return response;
    }

    /// <summary><c>/history?after=TIME</c>: the page asks for all once, and then each second for what has come since.</summary>
    private byte[] History(in HttpRequest request)
    {
        Span<byte> digits = stackalloc byte[20];
        long after = request.TryGetParameter("after"u8, digits, out int length) && length > 0
            && System.Buffers.Text.Utf8Parser.TryParse(digits[..length], out long time, out int used) && used == length ? time : 0;
        return Once($"/history {after}", () => Write(200, StatusJson.ContentType, _history.Write(after)));
    }

    /// <summary><c>/nagios?warning=FIGURE=RANGE,…&amp;critical=…</c>.</summary>
    private static byte[] Nagios(Sample sample, in HttpRequest request)
    {
        List<Threshold> warning = [];
        List<Threshold> critical = [];
        string? wrong = Read(request, "warning"u8, warning) ?? Read(request, "critical"u8, critical);
        return wrong is null
            ? Write(200, PlainText, NagiosLine.Write(sample, warning, critical).Line + "\n")
            : Write(400, PlainText, $"{NagiosLine.Word(NagiosState.Unknown)} - {wrong}\n");
    }

    private static string? Read(in HttpRequest request, ReadOnlySpan<byte> name, List<Threshold> thresholds)
    {
        Span<byte> text = stackalloc byte[ThresholdBytesMax];
        return !request.TryGetParameter(name, text, out int length) ? null
            : length < 0 ? $"{Encoding.ASCII.GetString(name)} is longer than {ThresholdBytesMax} bytes or wrongly encoded"
            : Threshold.TryParse(Encoding.UTF8.GetString(text[..length]), thresholds);
    }
}
