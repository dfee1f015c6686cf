using System.Text;
using System.Text.Json;
using System.Text.Unicode;
using Appliance.Chat;
using Appliance.Fuzz.Driver;
using static Appliance.Fuzz.Driver.FuzzException;

namespace Appliance.Fuzz.Targets;

/// <summary>Chat messages beside the runtime's JSON, and back: what is sent out is JSON with the same texts.</summary>
internal sealed class ChatTarget : IFuzzTarget
{
    /// <summary>Deeper values are each reader's own to refuse.</summary>
    private const int ComparedDepthMax = 30;

    private static readonly ChatLimits Limits = new(1000, 1000);
    private static readonly JsonDocumentOptions Options = new() { MaxDepth = 1000 };

    public static FuzzTarget Row { get; } = new(
        "chat",
        "chat JSON: the runtime's verdict and values; what goes out is JSON again",
        () => new ChatTarget())
    {
        Words =
        [
            "{\"message\":\"hello\",\"name\":\"ann\",\"color\":\"#007AFF\"}", "\"room\":\"lobby\"", "\"name\":", "\"message\":",
            "\"color\":", "true", "false", "null", "-0.1e+9",
            "[", "]", "{", "}", ",", ":", "\"", "\\u0061", "\\ud83d\\ude00", "\\ud800", "\\\"", "\\\\", "\\n", "\\/", "\xC3\xA4",
            "\xF0\x9F\x98\x80", "\x7F", " ", "\t", "\xEF\xBB\xBF", "[[[[[[[[",
        ],
    };

    public void Run(ReadOnlySpan<byte> input)
    {
        if (!Utf8.IsValid(input))
        {
            return;
        }

        var refusal = ChatInput.Read(input, new byte[input.Length], Limits, out var chat);
        if (refusal == ChatRefusal.None)
        {
            RequireEncoded(chat);
        }

        if (Depth(input) > ComparedDepthMax)
        {
            return;
        }

        var expected = Read(input, out var values);
        Require(refusal == ChatRefusal.BadJson == (expected == ChatRefusal.BadJson), $"the runtime says {expected}, not {refusal}");
        if (refusal == ChatRefusal.None)
        {
            Require(
                values.GetValueOrDefault("name") == Text(chat.Name) && values.GetValueOrDefault("message") == Text(chat.Message),
                "name and message are those of the runtime");
            Require(
                !ChatInput.IsColor(Encoding.UTF8.GetBytes(values.GetValueOrDefault("color") ?? "")) || values["color"] == Text(chat.Color),
                "the colour is that of the runtime");
            Require((values.GetValueOrDefault("room") ?? "") == Text(chat.Room), "the room is that of the runtime");
        }
    }

    public void Dispose()
    {
    }

    /// <summary>The last of each member that is a string; null for one whose last value is none.</summary>
    private static ChatRefusal Read(ReadOnlySpan<byte> input, out Dictionary<string, string?> values)
    {
        values = new Dictionary<string, string?>(StringComparer.Ordinal);
        try
        {
            using var document = JsonDocument.Parse(input.ToArray(), Options);
            if (document.RootElement.ValueKind != JsonValueKind.Object)
            {
                return ChatRefusal.BadJson;
            }

            foreach (var member in document.RootElement.EnumerateObject())
            {
                if (member.Name is "name" or "message" or "color" or "room")
                {
                    values[member.Name] = member.Value.ValueKind == JsonValueKind.String ? member.Value.GetString() : null;
                }
            }

            return ChatRefusal.None;
        }
        catch (Exception failure) when (failure is JsonException or InvalidOperationException)
        {
            // InvalidOperationException: half a surrogate pair, which is no text.
            return ChatRefusal.BadJson;
        }
    }

    private static void RequireEncoded(in ChatInput chat)
    {
        byte[] encoded = new byte[Limits.EncodedBytesMax];
        var (length, idOffset) = ChatEncoder.WriteUserMessage(encoded, chat, unixMs: 1_700_000_000_000);
        using var document = JsonDocument.Parse(encoded.AsMemory(0, length));
        var root = document.RootElement;
        Require(root.GetProperty("name").GetString() == Text(chat.Name) && root.GetProperty("message").GetString() == Text(chat.Message)
            && root.GetProperty("color").GetString() == Text(chat.Color), "what goes out means what came in");
        Require(
            root.GetProperty("id").GetString() == "0000000000000000"
                && encoded.AsSpan(idOffset, ChatEncoder.IdDigits).IndexOfAnyExcept((byte)'0') < 0,
            "the id has its place");
    }

    /// <summary>No less than how deep values are nested.</summary>
    private static int Depth(ReadOnlySpan<byte> input)
    {
        int opened = 0;
        foreach (byte one in input)
        {
            opened += one is (byte)'[' or (byte)'{' ? 1 : 0;
        }

        return opened;
    }

    private static string Text(ReadOnlySpan<byte> utf8) => Encoding.UTF8.GetString(utf8);
}
