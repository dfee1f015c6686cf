namespace Appliance.Protocols.Http;

/// <summary>
/// By which hosts the monitoring port may be asked. A page can have its own name lead to an address of this host once it is loaded (DNS
/// rebinding), and read what a browser takes for its own server; the Host header then has that name. Does not change.
/// </summary>
public sealed class ServedHosts
{
    /// <summary>Names that may be added: as much of it, with all other settings, as a message to a worker takes.</summary>
    public const int NamesMax = 32;

    /// <summary>The word for no name beside those that always are served.</summary>
    public const string NoneWord = "none";

    private const string AnyWord = "any";

    private static readonly HostPattern[] Loopback = [HostPattern.TryParse("localhost", out _)!, HostPattern.TryParse("*.localhost", out _)!];

    private readonly string[] _texts;
    private readonly HostPattern[] _names;

    private ServedHosts(string[] texts, HostPattern[] names) => (_texts, _names) = (texts, names);

    /// <summary>Loopback names, and addresses.</summary>
    public static ServedHosts Own { get; } = new([], Loopback);

    /// <summary>What is added, as it was given, with blanks between; the word for nothing.</summary>
    public override string ToString() => _texts.Length == 0 ? NoneWord : string.Join(' ', _texts);

    /// <summary>With one more name, or <c>any</c>; null when the text is none, or one too many.</summary>
    public ServedHosts? TryAdd(string text)
    {
        if (text == NoneWord || Array.IndexOf(_texts, text) >= 0)
        {
            return this;
        }

        if (text == AnyWord)
        {
            return new ServedHosts([.. _texts, text], _names);
        }

        var name = HostPattern.TryParse(text, out int port);
        return name is not null && port == 0 && _texts.Length < NamesMax ? new ServedHosts([.. _texts, text], [.. _names, name]) : null;
    }

    /// <summary>
    /// Whether a request by a Host header is answered, whatever its port. An empty one, and none, come from no page. An address leads nowhere
    /// else: no name was looked up, so all addresses are served, and with them all at which the port listens, through whatever translation.
    /// </summary>
    public bool Serve(ReadOnlySpan<byte> host)
    {
        if (host.IsEmpty || Array.IndexOf(_texts, AnyWord) >= 0)
        {
            return true;
        }

        if (!Authority.TryParse(host, out var asked))
        {
            return false;
        }

        foreach (var name in _names)
        {
            if (name.Fits(asked))
            {
                return true;
            }
        }

        return asked.IsAddress;
    }
}
