using System.Globalization;
using System.Text;
using Appliance.Chat;
using Appliance.Connections;
using Appliance.Delivery;
using Appliance.Identity;
using Appliance.Moderation;
using Appliance.Protocols;
using Appliance.Protocols.WebSocket;

namespace Appliance.Endpoints;

/// <summary>Clients that may moderate: their requests go to whoever changes the rules, and the outcomes come back.</summary>
internal sealed partial class ChatEndpoint
{
    /// <summary>Gets requests: reference, who asks, and the request, a line each.</summary>
    public required Action<string> OnModerationAsked { get; init; }

    /// <summary>
    /// The outcome of a request, <c>DESCRIPTOR-GENERATION-ACTION ok [COUNT]</c> or <c>… failed REASON</c>. A client that has gone does not get it.
    /// </summary>
    public void OnModerated(string text)
    {
        var (reference, outcome) = CommandText.Split(text);
        string[] parts = reference.Split('-');
        if (parts.Length != 3
            || !int.TryParse(parts[0], NumberStyles.None, CultureInfo.InvariantCulture, out int fd)
            || !uint.TryParse(parts[1], NumberStyles.None, CultureInfo.InvariantCulture, out uint generation)
            || fd > Context.Table.HighestDescriptor)
        {
            return;
        }

        ref var connection = ref Context.Table[fd];
        if (connection.Generation != generation || connection.State != ConnectionState.Chat)
        {
            return;
        }

        var (word, rest) = CommandText.Split(outcome);
        if (word != "ok")
        {
            Refuse(fd, ChatRefusal.BadModeration, $"{char.ToUpperInvariant(rest[0])}{rest[1..]}.");
            return;
        }

        _ = int.TryParse(rest, NumberStyles.None, CultureInfo.InvariantCulture, out int closed);
        Span<byte> json = stackalloc byte[ChatEncoder.FixedBytesMax];
        Context.Table.OutboxOf(fd).WriteFrame(Opcode.Text, json[..ChatEncoder.WriteModerated(json, Encoding.ASCII.GetBytes(parts[2]), closed)]);
    }

    /// <summary>Passes a request on, or says why not; false when a message is none.</summary>
    private bool TryModerate(int fd, ReadOnlySpan<byte> json)
    {
        if (!ModerationRequest.TryReadMembers(json, new byte[json.Length], out var members))
        {
            return false;
        }

        ref var connection = ref Context.Table[fd];
        var identity = Context.Table.IdentityOf(fd);
        var rights = identity is null ? RoomRights.None : ModerationRequest.IsEverywhere(members) ? identity.RightsIn("*"u8) : identity.Rights;
        string room = Encoding.ASCII.GetString(Context.Log.NameOf(connection.Room));
        if (identity is null || (rights & RoomRights.Moderate) == 0)
        {
            Refuse(fd, ChatRefusal.Forbidden, identity is null ? "Only a client with a token (--auth jwt) may moderate."
                : ModerationRequest.IsEverywhere(members) ? "Your token does not let you moderate all rooms."
                : "Your token does not let you moderate this room.");
        }
        else if (ModerationRequest.Read(members, room, Context.Clock.UnixMs / 1000, out string wrong) is not { } request)
        {
            Refuse(fd, ChatRefusal.BadModeration, $"{char.ToUpperInvariant(wrong[0])}{wrong[1..].TrimEnd('.')}.");
        }
        else
        {
            string client = string.Create(
                CultureInfo.InvariantCulture,
                $"user {PrintableText.Quote(Encoding.UTF8.GetString(identity.User))} at {ConnectionTable.AddressOf(connection)}, ")
                + (identity.Name.IsEmpty ? "" : $"name {PrintableText.Quote(Encoding.UTF8.GetString(identity.Name))}, ")
                + string.Create(CultureInfo.InvariantCulture, $"client {connection.Home}-{connection.Number} in room {room}");
            OnModerationAsked(string.Create(CultureInfo.InvariantCulture, $"{fd}-{connection.Generation}-{request.Action}\n{client}\n{request.Line}"));
        }

        return true;
    }
}
