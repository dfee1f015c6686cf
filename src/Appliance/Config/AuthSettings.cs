using System.Globalization;
using System.Text;
using static Appliance.Config.Setting;

namespace Appliance.Config;

/// <summary>The settings of who gets in.</summary>
internal static class AuthSettings
{
    /// <summary>For no file.</summary>
    private const string NoneWord = "none";

    /// <summary>For a text that may be anything.</summary>
    private const string AnyWord = "any";

    /// <summary>Longest text of a setting that is compared with one of a token.</summary>
    private const int TextBytesMax = 255;

    private const int ReservedNameLettersMax = 64;

    /// <summary>Each is compared with every name that a client chooses.</summary>
    private const int ReservedNamesMax = 64;

    /// <summary>Values of one setting; all settings fit into one message to a worker.</summary>
    private const int AuthKeyFilesMax = 8;

    /// <summary>Their rows.</summary>
    public static IReadOnlyList<Setting> Rows { get; } =
    [
        Choice("auth", "WHO", "who gets in: open (everybody), jwt (who has a token), ask (--auth-url decides)", SettingGroup.Chat,
            [("open", AuthMode.Open), ("jwt", AuthMode.Jwt), ("ask", AuthMode.Ask)], (s, mode) => s with { Auth = mode }, s => s.Auth) with
        {
            IsReloadable = true,
            Reason = "With jwt, a token that your application has signed says who a user is (--auth-key checks it); with ask, your application is asked.",
        },
        new("auth-key", "FILE", "keys of tokens: a secret of 32 bytes or more, public keys in PEM, or a JWK set; repeatable", SettingGroup.Chat,
            ApplyAuthKey, s => s.AuthKeyFiles.Count == 0 ? NoneWord : string.Join(' ', s.AuthKeyFiles))
        {
            Default = NoneWord, Empty = s => s with { AuthKeyFiles = [] }, PathStart = text => text == NoneWord ? -1 : 0, IsReloadable = true,
            Reason = "A secret makes HS256, with every byte of the file; other keys RS256, ES256 or EdDSA. A secret's file must have mode 0640 or 0600, and "
                + "the server's user must be able to read it.",
        },
        Text("auth-audience", "what a token's aud must have, or any", s => s.AuthAudience, (s, text) => s with { AuthAudience = text }) with
        {
            Reason = "Keeps out tokens that the same key has signed for another service.",
        },
        Text("auth-issuer", "what a token's iss must be, or any", s => s.AuthIssuer, (s, text) => s with { AuthIssuer = text }) with
        {
            Reason = "Needed where several issuers use one key.",
        },
        new("auth-url", "URL", "what --auth ask asks: http://127.0.0.1:PORT/PATH or http://unix:/SOCKET:/PATH", SettingGroup.Chat,
            ApplyAuthUrl, s => s.AuthUrl?.Text ?? NoneWord)
        {
            Default = NoneWord, IsReloadable = true,
            Reason = "Gets a request for each handshake, with its cookies: 2xx lets in, as whom its JSON says; 401 and 403 refuse.",
        },
        Number("auth-timeout", "SECONDS", 5, "how long a handshake waits for --auth-url", SettingGroup.Chat,
            1..60, (s, n) => s with { AuthTimeoutSeconds = n }, s => s.AuthTimeoutSeconds) with
        {
            IsReloadable = true,
            Reason = "An application answers within milliseconds; one that hangs must not keep places from others.",
        },
        Switch("unique-names", "a name belongs to who uses it first, over all workers", SettingGroup.Chat,
            (s, isOn) => s with { UniqueNames = isOn }, s => s.UniqueNames) with
        {
            IsReloadable = true,
            Reason = "Another one gets the error name_taken, or 409 where a token has the name. It is kept for a minute for who loses the connection.",
        },
        new("reserved-name", "NAME", "a name that only a token, --auth-url or an operator gives; repeatable", SettingGroup.Chat,
            ApplyReservedName, s => s.ReservedNames.Count == 0 ? NoneWord : string.Join(' ', s.ReservedNames))
        {
            Default = NoneWord, Empty = s => s with { ReservedNames = [] }, IsReloadable = true,
            Reason = "For names that others trust. Write it without blanks: those, case and punctuation do not matter. server and system are reserved anyway.",
        },
        Number("auth-leeway", "SECONDS", 5, "how far the clocks of who makes tokens and of this host may differ", SettingGroup.Chat,
            ..3600, (s, n) => s with { AuthLeewaySeconds = n }, s => s.AuthLeewaySeconds) with
        {
            IsReloadable = true,
            Reason = "Hosts that keep time by NTP differ by less than a second; a token lasts that much longer.",
        },
    ];

    /// <summary>A text that something must be; empty in the settings, and <see cref="AnyWord"/> in writing, for anything.</summary>
    private static Setting Text(string name, string help, Func<Settings, string> get, Func<Settings, string, Settings> with)
    {
        return new Setting(name, "NAME", help, SettingGroup.Chat, Apply, settings => get(settings).Length == 0 ? AnyWord : get(settings))
        {
            Default = AnyWord,
            IsReloadable = true,
        };

        string? Apply(ref Settings settings, string text)
        {
            bool valid = text.Length > 0 && Encoding.UTF8.GetByteCount(text) <= TextBytesMax;
            settings = valid ? with(settings, text == AnyWord ? "" : text) : settings;
            return valid ? null : string.Create(CultureInfo.InvariantCulture, $"must be a text of at most {TextBytesMax} bytes, or any");
        }
    }

    private static string? ApplyAuthKey(ref Settings settings, string text)
    {
        string? path = text == NoneWord ? "" : SettingsTable.PathOf(text);
        bool valid = path is not null && !path.Contains(' ', StringComparison.Ordinal) && settings.AuthKeyFiles.Count < AuthKeyFilesMax;
        settings = !valid ? settings : settings with { AuthKeyFiles = path!.Length == 0 ? [] : [.. settings.AuthKeyFiles, path] };
        return valid ? null : string.Create(CultureInfo.InvariantCulture, $"must be a path without blanks, or none; {AuthKeyFilesMax} of them at most");
    }

    private static string? ApplyReservedName(ref Settings settings, string text)
    {
        bool valid = text.Length is > 0 and <= ReservedNameLettersMax && !text.AsSpan().ContainsAny(" \t") && settings.ReservedNames.Count < ReservedNamesMax;
        settings = !valid ? settings : settings with { ReservedNames = text == NoneWord ? [] : [.. settings.ReservedNames, text] };
        return valid ? null : string.Create(
            CultureInfo.InvariantCulture,
            $"must be a name of at most {ReservedNameLettersMax} characters without blanks, or none; {ReservedNamesMax} of them at most");
    }

    private static string? ApplyAuthUrl(ref Settings settings, string text)
    {
        var url = BackEndUrl.TryParse(text);
        bool valid = url is not null || text == NoneWord;
        settings = valid ? settings with { AuthUrl = url } : settings;
        return valid ? null : "must be http://ADDRESS:PORT/PATH with an address or localhost (no other name), http://unix:/SOCKET:/PATH, or none";
    }
}
