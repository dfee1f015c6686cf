using Appliance.SystemTests.Harness;

namespace Appliance.SystemTests;

/// <summary>Who is who: nobody passes for the server, and nothing that cannot be seen is a name or a message.</summary>
[Trait(TestEngine.Name, TestEngine.Any)]
public sealed class NameTests
{
    private static readonly string[] Blanks =
        [" ", "\u00A0", "\u0001", "\u200B", "\u200D", "\u2800", "\u3164", "\uFE0F", "\u202E", "\uFEFF", "\u20E3"];

    [Fact]
    public async Task Names_of_the_server_and_what_is_not_seen_are_refused()
    {
        await using var server = await ApplianceServer.StartAsync("--announce", "off", "--max-rate", "0");
        await using var ann = await ChatClient.JoinAsync(server);
        string[] names =
        [
            .. Blanks, "server", "SYSTEM", " Server ", "ｓｙｓｔｅｍ", "\u0455erver", "şerver", "ᵴerver", "server.", "5erver",
            "a\u200Db", "a\u202Eb", "a\u2066", "a\tb", "a\u0085", "\u200Bann",
        ];
        string[] messages = [.. Blanks, "a\u0001b", "\u001B[31mred", "a\u009B", "a\u200Bb", "a\u00ADb", "\uFEFFa"];
        foreach (var (name, message) in names.Select(name => (name, "hello")).Concat(messages.Select(message => ("ann", message))))
        {
            await ann.SayAsync(message, name);
            var error = await ann.ReadAsync();
            Assert.True(error is { Type: "error", Code: "bad_message", Message.Length: > 20 }, $"'{name}' '{message}' {error}");
        }

        foreach (var (name, message) in ((string, string)[])[("👩‍👩‍👧", "می\u200Cخواهم ❤️"), ("שרה", "שלום\u200F ok"), ("my server", "tab\t, line\n")])
        {
            var said = await ann.SayAndReadAsync(message, name);
            Assert.Equal(name, said.Name);
        }
    }

    /// <summary>A token may give a reserved name, and an operator may have it.</summary>
    [Fact]
    public async Task Reserved_names_are_for_those_who_are_given_them()
    {
        const string Admin = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 26\r\n\r\n{\"sub\":\"1\",\"name\":\"Admin\"}";
        await using var backEnd = new AuthBackEnd(question => question.SendAsync(
            question.Target.Contains("admin", StringComparison.Ordinal) ? Admin : AuthBackEnd.Yes));
        await using var server = await ApplianceServer.StartAsync(
            "--announce", "off", "--reserved-name", "admin", "--reserved-name", "AnnLee", "--auth", "ask", "--auth-url", backEnd.Url);
        await using var ann = await ChatClient.JoinAsync(server);
        foreach (var name in (string[])["admin", "ADMIN", " a-d.min! ", "ａｄｍｉｎ", "Ann Lee", "server"])
        {
            await ann.SayAsync("hello", name);
            var error = await ann.ReadAsync();
            Assert.True(error is { Type: "error", Code: "bad_message" } && error.Message!.Contains("reserved", StringComparison.Ordinal), $"'{name}' {error}");
        }

        Assert.Equal("admins", (await ann.SayAndReadAsync("hello", "admins")).Name);
        await using var admin = await ChatClient.JoinAsync(server, "room=lobby&admin");
        Assert.Equal("Admin", (await admin.SayAndReadAsync("hello again", "Admin")).Name);
        Assert.Equal(0, (await server.RunCommandAsync("say", "three", "--name", "admin")).ExitCode);
        Assert.Equal("admin", (await ann.ReadMessageAsync("three")).Name);
    }

    /// <summary>What operators say is marked by the server, whatever name they say it under; no client can set the mark.</summary>
    [Fact]
    public async Task Operators_are_marked_and_clients_cannot_be()
    {
        await using var server = await ApplianceServer.StartAsync("--announce", "off");
        await using var ann = await ChatClient.JoinAsync(server);
        Assert.Equal(0, (await server.RunCommandAsync("say", "one")).ExitCode);
        Assert.Equal(0, (await server.RunCommandAsync("say", "two", "--name", "ops")).ExitCode);
        foreach (var name in (string[])["server", "ops"])
        {
            var message = await ann.ReadAsync();
            Assert.Equal((name, "server"), (message.Name, message.Json["from"]?.GetValue<string>()));
        }

        await ann.SendAsync("""{"type":"usermsg","name":"ops","message":"three","from":"server"}""");
        Assert.Null((await ann.ReadMessageAsync("three")).Json["from"]);
        var history = await server.RunCommandAsync("history");
        Assert.Matches(@"^\S+ \S+ !server: one\n\S+ \S+ !ops: two\n\S+ \S+  ops: three\n$", history.Output);
        Assert.Equal(1, (await server.RunCommandAsync("say", "a\u202Eb", "--name", "a\u202Eb")).ExitCode);
    }
}
