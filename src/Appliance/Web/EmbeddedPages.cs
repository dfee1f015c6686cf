using System.Globalization;
using System.Text;

namespace Appliance.Web;

/// <summary>One embedded file: where it is asked for, what it is, its bytes.</summary>
/// <param name="Path">Path of the request.</param>
/// <param name="ContentType">Media type.</param>
/// <param name="Bytes">The file.</param>
public sealed record EmbeddedPage(string Path, string ContentType, byte[] Bytes);

/// <summary>The pages that are compiled into the binary.</summary>
public static class EmbeddedPages
{
    private static readonly (string Path, string File, string ContentType)[] ChatFiles =
    [
        ("/", "chat.html", "text/html; charset=utf-8"),
        ("/chat.js", "chat.js", "text/javascript; charset=utf-8"),
        ("/chat.css", "chat.css", "text/css; charset=utf-8"),
    ];

    private static readonly (string Path, string File, string ContentType)[] MonitorFiles =
    [
        ("/", "monitor.html", "text/html; charset=utf-8"),
        ("/monitor.js", "monitor.js", "text/javascript; charset=utf-8"),
        ("/monitor.css", "monitor.css", "text/css; charset=utf-8"),
    ];

    /// <summary>The files of the monitoring port's page.</summary>
    public static IReadOnlyList<EmbeddedPage> Monitor() =>
        Array.ConvertAll(MonitorFiles, file => new EmbeddedPage(file.Path, file.ContentType, Load(file.File)));

    /// <summary>The files of the chat page, which tells people how long a name and a message may be, in characters.</summary>
    public static IReadOnlyList<EmbeddedPage> Chat(int nameMax, int messageMax) =>
        Array.ConvertAll(ChatFiles, file => new EmbeddedPage(file.Path, file.ContentType, Fill(Load(file.File), nameMax, messageMax)));

    private static byte[] Fill(byte[] page, int nameMax, int messageMax) => Encoding.UTF8.GetBytes(Encoding.UTF8.GetString(page)
        .Replace("{{max-name}}", nameMax.ToString(CultureInfo.InvariantCulture), StringComparison.Ordinal)
        .Replace("{{max-message}}", messageMax.ToString(CultureInfo.InvariantCulture), StringComparison.Ordinal));

    private static byte[] Load(string file)
    {
        using var stream = typeof(EmbeddedPages).Assembly.GetManifestResourceStream($"Web/{file}")
            ?? throw new InvalidOperationException($"Web/{file} is not embedded");
        byte[] bytes = new byte[stream.Length];
        stream.ReadExactly(bytes);
        return bytes;
    }
}
