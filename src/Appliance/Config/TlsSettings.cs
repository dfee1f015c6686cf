using System.Globalization;
using System.Text;
using Appliance.Loop;

namespace Appliance.Config;

/// <summary>The settings of TLS.</summary>
internal static class TlsSettings
{
    /// <summary>For no file.</summary>
    private const string NoneWord = "none";

    /// <summary>For no address.</summary>
    private const string OffWord = "off";

    /// <summary>Values of each setting, and bytes of a path: all settings fit into one message to a worker.</summary>
    private const int PairsMax = 8;

    private const int PathBytesMax = 200;

    /// <summary>Their rows.</summary>
    public static IReadOnlyList<Setting> Rows { get; } =
    [
        new("listen-tls", "ADDR", "where clients connect by TLS (https, wss), as --listen, also ,proxy; repeatable; preview", SettingGroup.Place,
            ApplyListen, s => s.ListenTls.Count == 0 ? OffWord : string.Join(' ', s.ListenTls.Select(address => address.Text)))
        {
            Default = OffWord, Empty = s => s with { ListenTls = [] }, PathStart = ListenAddress.PathStart,
            Reason = "TLS 1.3 alone, by the OpenSSL of this host; upgrades keep its connections, too. Older clients need a proxy in front.",
        },
        Files("tls-cert", "certificate and its chain in PEM, for --listen-tls; repeatable, chosen by the name asked for",
            s => s.TlsCertificates, (s, files) => s with { TlsCertificates = files }) with
        {
            Reason = "The first one serves clients that ask for none of the names. reload reads renewed files, and keeps the former ones if they are wrong.",
        },
        Files("tls-key", "private key of the --tls-cert at the same place, in PEM; repeatable",
            s => s.TlsKeys, (s, files) => s with { TlsKeys = files }) with
        {
            Reason = "A file that every user may read is refused. The server's user must be able to read it: mode 0640 and its group.",
        },
    ];

    private static Setting Files(string name, string help, Func<Settings, IReadOnlyList<string>> get, Func<Settings, IReadOnlyList<string>, Settings> change)
    {
        return new Setting(name, "FILE", help, SettingGroup.Place, Apply, s => get(s).Count == 0 ? NoneWord : string.Join(' ', get(s)))
        {
            Default = NoneWord,
            Empty = s => change(s, []),
            PathStart = text => text == NoneWord ? -1 : 0,
            IsReloadable = true,
        };

        string? Apply(ref Settings settings, string text)
        {
            string? path = text == NoneWord ? "" : SettingsTable.PathOf(text);
            bool valid = path is not null && !path.Contains(' ', StringComparison.Ordinal) && Encoding.UTF8.GetByteCount(path) <= PathBytesMax
                && get(settings).Count < PairsMax;
            settings = !valid ? settings : change(settings, path!.Length == 0 ? [] : [.. get(settings), path]);
            return valid ? null : string.Create(
                CultureInfo.InvariantCulture, $"must be a path of at most {PathBytesMax} bytes without blanks, or none; {PairsMax} of them at most");
        }
    }

    private static string? ApplyListen(ref Settings settings, string text)
    {
        if (text == OffWord)
        {
            settings = settings with { ListenTls = [] };
            return null;
        }

        if (ListenAddress.TryParse(text, ListenKind.Tls) is not { } address)
        {
            return "must be IP:PORT, [IPv6]:PORT, *:PORT, unix:/PATH (of at most 107 bytes, without blanks), each with or without ,proxy behind it, or off";
        }

        settings = settings with { ListenTls = [.. settings.ListenTls, address] };
        return null;
    }
}
