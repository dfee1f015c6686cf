using System.Globalization;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace Appliance.SystemTests.Harness;

/// <summary>One message of the server.</summary>
/// <param name="Json">The object as it came.</param>
public sealed record ChatMessage(JsonObject Json)
{
    /// <summary>usermsg, system, error or gap.</summary>
    public string Type => Get("type") ?? "";

    public string? Name => Get("name");

    public string? Message => Get("message");

    public string? Color => Get("color");

    /// <summary>16 decimal digits.</summary>
    public string? Id => Get("id");

    /// <summary>The id as a number.</summary>
    /// <exception cref="InvalidDataException">It is not there, or not 16 digits.</exception>
    public long IdNumber => Id is { Length: 16 } id && long.TryParse(id, NumberStyles.None, CultureInfo.InvariantCulture, out var number)
        ? number
        : throw new InvalidDataException($"No id of 16 digits: {this}");

    /// <summary>Unix time in milliseconds.</summary>
    public long? Time => Json["time"]?.GetValue<long>();

    /// <summary>Code of an error: bad_json, bad_message, too_long or too_fast.</summary>
    public string? Code => Get("code");

    public override string ToString() => Json.ToJsonString();

    private string? Get(string name) => Json[name]?.GetValue<string>();
}

/// <summary>A member of a chat room.</summary>
public sealed class ChatClient : IAsyncDisposable
{
    private static readonly JsonSerializerOptions Relaxed = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    private ChatClient(RawClient raw) => Raw = raw;

    /// <summary>The connection below.</summary>
    public RawClient Raw { get; }

    /// <summary>Joins with the given query, for example <c>room=a&amp;history=0</c>.</summary>
    public static async Task<ChatClient> JoinAsync(ApplianceServer server, string query = "", int? receiveBuffer = null) =>
        new(await RawClient.OpenAsync(server, "/?" + query, receiveBuffer));

    /// <summary>Takes over a connection that has its handshake behind it.</summary>
    public static ChatClient Over(RawClient raw) => new(raw);

    /// <summary>JSON of a message as the page sends it.</summary>
    public static string Json(string message, string name = "ann", string color = "#007AFF") => new JsonObject
    {
        ["message"] = message,
        ["name"] = name,
        ["color"] = color,
    }.ToJsonString(Relaxed);

    /// <summary>Sends a message.</summary>
    public Task SayAsync(string message, string name = "ann", string color = "#007AFF") => SendAsync(Json(message, name, color));

    /// <summary>Sends any text.</summary>
    public Task SendAsync(string text) => Raw.SendAsync(ClientFrame.Text(text));

    /// <summary>Reads the next message; a ping on the way is answered.</summary>
    /// <exception cref="InvalidDataException">The next frame is not a whole text of one JSON object.</exception>
    public async Task<ChatMessage> ReadAsync()
    {
        while (true)
        {
            var frame = await Raw.ReadFrameAsync();
            if (frame.Opcode == Opcode.Ping)
            {
                await Raw.SendAsync(new ClientFrame(Opcode.Pong, frame.Payload));
                continue;
            }

            return frame is { Opcode: Opcode.Text, Final: true } && JsonNode.Parse(frame.Text) is JsonObject json
                ? new ChatMessage(json)
                : throw new InvalidDataException(
                    $"Not a chat message: {frame.Opcode}, close code {frame.CloseCode}, {Convert.ToHexString(frame.Payload)}");
        }
    }

    /// <summary>Reads up to the first message that <paramref name="wanted"/> accepts.</summary>
    /// <returns>All messages read, the accepted one last.</returns>
    public async Task<IReadOnlyList<ChatMessage>> ReadUntilAsync(Func<ChatMessage, bool> wanted)
    {
        var messages = new List<ChatMessage>();
        try
        {
            do
            {
                messages.Add(await ReadAsync());
            }
            while (!wanted(messages[^1]));
            return messages;
        }
        catch (TimeoutException e)
        {
            throw new TimeoutException($"{e.Message} Read before: {string.Join(", ", messages.TakeLast(20))}", e);
        }
    }

    /// <summary>Reads up to the first message of a type.</summary>
    public async Task<ChatMessage> ReadTypeAsync(string type) => (await ReadUntilAsync(message => message.Type == type))[^1];

    /// <summary>Reads up to the chat message with a text.</summary>
    public async Task<ChatMessage> ReadMessageAsync(string text) =>
        (await ReadUntilAsync(message => message.Type == "usermsg" && message.Message == text))[^1];

    /// <summary>Sends a message and reads until it comes back.</summary>
    /// <returns>The message as the room has it.</returns>
    public async Task<ChatMessage> SayAndReadAsync(string message, string name = "ann", string color = "#007AFF")
    {
        await SayAsync(message, name, color);
        return await ReadMessageAsync(message);
    }

    /// <inheritdoc/>
    public ValueTask DisposeAsync() => Raw.DisposeAsync();
}
