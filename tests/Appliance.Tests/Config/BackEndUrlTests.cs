using Appliance.Config;
using Appliance.Native;

namespace Appliance.Tests.Config;

/// <summary>URLs of back ends.</summary>
public sealed class BackEndUrlTests
{
    /// <summary>URL, then family, port and path.</summary>
    public static TheoryData<string, int, int, string> Valid => new()
    {
        { "http://127.0.0.1:8080/auth", Syscall.AF_INET, 8080, "/auth" },
        { "http://127.0.0.1:8080", Syscall.AF_INET, 8080, "/" },
        { "http://127.0.0.1/a?b=c:d", Syscall.AF_INET, 80, "/a?b=c:d" },
        { "http://localhost/", Syscall.AF_INET, 80, "/" },
        { "http://localhost:81/", Syscall.AF_INET, 81, "/" },
        { "http://[::1]/a", Syscall.AF_INET6, 80, "/a" },
        { "http://[2001:db8::1]:8080/a", Syscall.AF_INET6, 8080, "/a" },
        { "http://unix:/run/app.sock:/auth", Syscall.AF_UNIX, 0, "/auth" },
        { "http://unix:/run/app.sock", Syscall.AF_UNIX, 0, "/" },
    };

    public static TheoryData<string> Invalid =>
    [
        "", "/", "http://", "http:///a", "https://127.0.0.1/", "HTTP://127.0.0.1/", "http://example.org/", "http://localhost.example.org/", "http://*:80/",
        "http://127.0.0.1:0/", "http://127.0.0.1:65536/", "http://127.0.0.1:/", "http://user@127.0.0.1/", "http://127.0.0.1/a b", "http://127.0.0.1/a#b",
        "http://127.0.0.1/é", "http://127.0.0.1/\r\nA: b", "http://unix:", "http://unix:run:/a", "http://unix:/run/app.sock:a", "http://127.0.0.1:80,proxy/",
    ];

    [Theory]
    [MemberData(nameof(Valid))]
    public void Url_is_read(string text, int family, int port, string path)
    {
        var url = BackEndUrl.TryParse(text);
        Assert.NotNull(url);
        Assert.Equal((family, path, text), (url.Address.Family, url.Path, url.Text));
        Assert.Equal(port, family == Syscall.AF_UNIX ? 0 : url.Address.Port);
    }

    [Theory]
    [MemberData(nameof(Invalid))]
    public void What_cannot_be_asked_is_no_url(string text) => Assert.Null(BackEndUrl.TryParse(text));
}
