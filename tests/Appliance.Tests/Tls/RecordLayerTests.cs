using System.Runtime.InteropServices;
using Appliance.Native;
using Appliance.Tls;

namespace Appliance.Tests.Tls;

/// <summary>Records of TLS 1.3 (RFC 8446, 5), against the RFC's own examples and another implementation.</summary>
public sealed unsafe class RecordLayerTests
{
    private static readonly byte[] KeyUpdate = [24, 0, 0, 1, 0];
    private static readonly byte[] KeyUpdateWanted = [24, 0, 0, 1, 1];

    public static TheoryData<ushort> Suites => [RecordScene.Aes128, RecordScene.Aes256, RecordScene.ChaCha];

    [Fact]
    public void Example_of_RFC_8448_is_opened_and_sealed()
    {
        byte[] client = Hex("9e40646ce79a7f9dc05af8889bce6552875afa0b06df0087f792ebb7c17504a5");
        byte[] server = Hex("a11af9f05531f856ad47116b45a950328204b4f44bfb6b3a4b4f1f3fcb631643");
        using var scene = new RecordScene();
        var state = RecordScene.Make(RecordScene.Aes128, server, client);
        Assert.Equal("9f02283b6c9c07efc26bb9f2ac92e356", HexOf(new ReadOnlySpan<byte>(state.Own.Key, 16)));
        Assert.Equal("cf782b88dd83549aadf1e984", HexOf(new ReadOnlySpan<byte>(state.Own.Iv, 12)));
        Assert.Equal("17422dda596ed5d9acd890e3c63f5051", HexOf(new ReadOnlySpan<byte>(state.Peer.Key, 16)));
        Assert.Equal("5b78923dee08579033e523d9", HexOf(new ReadOnlySpan<byte>(state.Peer.Iv, 12)));

        byte[] plain = [.. Enumerable.Range(0, 50).Select(value => (byte)value)];
        byte[] data = Hex(
            "1703030043a23f7054b62c94d0affafe8228ba55cbefacea42f914aa66bcab3f2b9819a8a5b46b395bd54a9a20441e2b62974e1f5a6292a2977014bd1e3deae63aeebb21694915e4");
        byte[] ending = Hex("1703030013c9872760655666b74d7ff1153efd6db6d0b0e3");
        var (opened, alert, left) = scene.Open(ref state, [.. data, .. ending]);
        Assert.Equal(plain, opened);
        Assert.Equal((TlsAlert.None, 0), (alert, left));
        Assert.True(state.Is(TlsFlags.PeerHasEnded));

        var peer = RecordScene.Make(RecordScene.Aes128, client, server);
        Assert.Equal(HexOf(data), HexOf(scene.SealData(ref peer, plain)));
        byte[] record = new byte[RecordLayer.AlertRecordBytes];
        Assert.Equal(record.Length, scene.Records.SealAlert(ref peer, TlsAlert.CloseNotify, record));
        Assert.Equal(HexOf(ending), HexOf(record));
    }

    [Theory]
    [MemberData(nameof(Suites))]
    public void Sealed_bytes_are_those_of_another_implementation(ushort suite)
    {
        using var scene = new RecordScene(suite);
        var random = new Random(2);
        for (int i = 0; i < 300; i++)
        {
            byte[] plain = new byte[i < 200 ? i + 1 : random.Next(1, TlsState.DataBytesMax + 1)];
            random.NextBytes(plain);
            scene.Server.Own.Number = i % 3 == 0 ? (ulong)random.NextInt64() & 0x7FFFFF : scene.Server.Own.Number & 0x3FFFFF;
            byte[] expected = RecordScene.SealOtherwise(scene.Server, scene.Server.Own.Number, [.. plain, RecordScene.DataType]);
            Assert.Equal(expected, scene.SealData(ref scene.Server, plain));
        }
    }

    [Theory]
    [MemberData(nameof(Suites))]
    public void Every_split_of_a_stream_gives_the_same(ushort suite)
    {
        using var scene = new RecordScene(suite);
        byte[] stream =
        [
            .. scene.SealData(ref scene.Client, "one"u8), .. scene.Seal(ref scene.Client, RecordScene.HandshakeType, KeyUpdate),
            .. Updated(scene, "two and more"u8), .. scene.Seal(ref scene.Client, RecordScene.DataType, default), .. scene.SealData(ref scene.Client, "3"u8),
        ];
        for (int cut = 0; cut <= stream.Length; cut++)
        {
            var state = scene.Server;
            var first = scene.Open(ref state, stream.AsSpan(0, cut));
            Assert.Equal(TlsAlert.None, first.Alert);
            var second = scene.Open(ref state, stream.AsSpan(cut - first.Left));
            byte[] all = [.. first.Data, .. second.Data];
            Assert.Equal("onetwo and more3"u8.ToArray(), all);
            Assert.Equal((TlsAlert.None, 0), (second.Alert, second.Left));
        }
    }

    [Theory]
    [MemberData(nameof(Suites))]
    public void Every_flipped_bit_is_refused_or_waits_for_more(ushort suite)
    {
        using var scene = new RecordScene(suite);
        byte[] record = scene.SealData(ref scene.Client, "what is said"u8);
        byte[] behind = scene.SealData(ref scene.Client, "and what comes next"u8);
        for (int bit = 0; bit < 8 * record.Length; bit++)
        {
            byte[] bytes = [.. record, .. behind];
            bytes[bit / 8] ^= (byte)(1 << (bit % 8));
            var state = scene.Server;
            var (data, alert, left) = scene.Open(ref state, bytes);
            Assert.Empty(data);
            Assert.True(alert is TlsAlert.BadRecordMac or TlsAlert.RecordOverflow or TlsAlert.UnexpectedMessage || left == bytes.Length);
        }
    }

    [Fact]
    public void Records_that_break_the_rules_get_the_alerts_of_the_RFC()
    {
        (byte[] Inner, TlsAlert Alert)[] cases =
        [
            ([0, 0, 0], TlsAlert.UnexpectedMessage),
            ([], TlsAlert.UnexpectedMessage),
            ([1, 20], TlsAlert.UnexpectedMessage),
            ([1, 2, 3, 99], TlsAlert.UnexpectedMessage),
            ([RecordScene.HandshakeType], TlsAlert.UnexpectedMessage),
            ([RecordScene.AlertType], TlsAlert.DecodeError),
            ([1, RecordScene.AlertType], TlsAlert.DecodeError),
            ([1, 0, 0, RecordScene.AlertType], TlsAlert.DecodeError),
            ([24, 0, 0, 1, 2, RecordScene.HandshakeType], TlsAlert.IllegalParameter),
            ([24, 0, 0, 1, RecordScene.HandshakeType], TlsAlert.DecodeError),
            ([24, 0, 0, 2, 0, RecordScene.HandshakeType], TlsAlert.DecodeError),
            ([24, 0, 0, 1, 0, 24, 0, 0, 1, 0, RecordScene.HandshakeType], TlsAlert.UnexpectedMessage),
            ([4, 0, 0, 0, RecordScene.HandshakeType], TlsAlert.UnexpectedMessage),
            ([1, 0, 0, 0, RecordScene.HandshakeType], TlsAlert.UnexpectedMessage),
            ([.. new byte[TlsState.DataBytesMax], 1, RecordScene.DataType], TlsAlert.RecordOverflow),
            ([.. "a"u8, RecordScene.DataType, .. new byte[TlsState.DataBytesMax]], TlsAlert.RecordOverflow),
            ([.. "a"u8, RecordScene.DataType, .. new byte[200]], TlsAlert.None),
            ([.. new byte[TlsState.DataBytesMax], RecordScene.DataType], TlsAlert.None),
        ];
        foreach (var (inner, alert) in cases)
        {
            using var scene = new RecordScene();
            Assert.Equal(alert, scene.Open(ref scene.Server, RecordScene.SealOtherwise(scene.Client, 0, inner)).Alert);
        }

        byte[][] records = [[20, 3, 3, 0, 1, 1], [21, 3, 3, 0, 2, 1, 0], [22, 3, 3, 0, 0], [0x80, 0, 0, 0, 0], "GET /"u8.ToArray()];
        using var other = new RecordScene();
        Assert.All(records, record => Assert.Equal(TlsAlert.UnexpectedMessage, other.Open(ref other.Server, record).Alert));
        Assert.Equal(TlsAlert.RecordOverflow, other.Open(ref other.Server, [23, 3, 3, 0x41, 0x01]).Alert);
        Assert.Equal(TlsAlert.BadRecordMac, other.Open(ref other.Server, [23, 3, 3, 0, 15, .. new byte[15]]).Alert);
    }

    [Fact]
    public void Fragment_limit_holds_in_both_directions()
    {
        using var scene = new RecordScene(fragment: 512);
        byte[] plain = new byte[1300];
        byte[] bytes = scene.SealData(ref scene.Server, plain);
        Assert.Equal((3UL, 1300 + (3 * RecordLayer.OverheadBytes)), (scene.Server.Own.Number, bytes.Length));
        Assert.Equal(1300, scene.Open(ref scene.Client, bytes).Data.Length);
        Assert.Equal(TlsAlert.RecordOverflow, scene.Open(ref scene.Server, scene.Seal(ref scene.Client, RecordScene.DataType, plain.AsSpan(0, 513))).Alert);
    }

    [Fact]
    public void Records_without_data_and_key_updates_in_a_row_are_counted()
    {
        foreach (var (type, content) in ((byte, byte[])[])[(RecordScene.DataType, []), (RecordScene.AlertType, [1, 90])])
        {
            using var scene = new RecordScene();
            for (int i = 0; i < 32; i++)
            {
                Assert.Equal(TlsAlert.None, scene.Open(ref scene.Server, scene.Seal(ref scene.Client, type, content)).Alert);
            }

            var between = scene;
            var state = between.Server;
            var peer = between.Client;
            Assert.Equal(TlsAlert.UnexpectedMessage, scene.Open(ref scene.Server, scene.Seal(ref scene.Client, type, content)).Alert);
            Assert.Equal(TlsAlert.None, between.Open(ref state, between.SealData(ref peer, "a"u8)).Alert);
            Assert.Equal(TlsAlert.None, between.Open(ref state, between.Seal(ref peer, type, content)).Alert);
        }

        using var updated = new RecordScene();
        for (int i = 0; i < 32; i++)
        {
            Assert.Equal(TlsAlert.None, updated.Open(ref updated.Server, UpdateOf(updated, KeyUpdateWanted)).Alert);
        }

        Assert.Equal(TlsAlert.UnexpectedMessage, updated.Open(ref updated.Server, UpdateOf(updated, KeyUpdateWanted)).Alert);
    }

    [Fact]
    public void Wanted_key_update_goes_before_the_next_data_once()
    {
        using var scene = new RecordScene();
        Assert.Equal(TlsAlert.None, scene.Open(ref scene.Server, UpdateOf(scene, KeyUpdateWanted)).Alert);
        Assert.True(scene.Server.Is(TlsFlags.OwesUpdate));
        byte[] bytes = scene.SealData(ref scene.Server, "x"u8);
        Assert.Equal(RecordLayer.UpdateRecordBytes + RecordLayer.OverheadBytes + 1, bytes.Length);
        Assert.False(scene.Server.Is(TlsFlags.OwesUpdate));
        Assert.Equal("x"u8.ToArray(), scene.Open(ref scene.Client, bytes).Data);
        Assert.False(scene.Client.Is(TlsFlags.OwesUpdate));
        Assert.Equal("y"u8.ToArray(), scene.Open(ref scene.Client, scene.SealData(ref scene.Server, "y"u8)).Data);
    }

    [Theory]
    [MemberData(nameof(Suites))]
    public void Million_records_with_key_updates_never_repeat_a_nonce(ushort suite)
    {
        const int Records = 1_000_000;
        using var scene = new RecordScene(suite, recordsMax: 1000);
        HashSet<(ulong, ulong)> keys = [];
        byte[] to = new byte[RecordLayer.SealedBytesOf(1, TlsState.DataBytesMax)];
        ulong next = 0;
        int updates = 0;
        for (int i = 0; i < Records; i++)
        {
            Assert.True(scene.Server.Own.Number == next, "a number was left out or taken twice");
            int length = scene.Records.SealData(ref scene.Server, "m"u8, to);
            bool isUpdated = length > RecordLayer.OverheadBytes + 1;
            updates += isUpdated ? 1 : 0;
            next = isUpdated ? 1 : next + 1;
            fixed (byte* key = scene.Server.Own.Key)
            {
                Assert.True((!isUpdated && i > 0) || keys.Add((((ulong*)key)[0], ((ulong*)key)[1])), "a key came again");
            }

            if (i % 997 == 0 || isUpdated)
            {
                // Whoever goes on elsewhere goes on with the next number.
                scene.Server = MemoryMarshal.Read<TlsState>(RecordScene.BytesOf(scene.Server));
            }
        }

        Assert.Equal((Records - 1) / 1000, updates);
    }

    [Fact]
    public void Number_is_taken_even_when_a_record_cannot_be_sealed()
    {
        using var scene = new RecordScene();
        var state = scene.Server;
        state.Suite = 0x1399;
        var broken = Assert.Throws<InvariantException>(() => Seal(scene, ref state));
        Assert.Equal("record to seal against libcrypto", broken.Name);
        Assert.Equal(1UL, state.Own.Number);

        static void Seal(RecordScene scene, ref TlsState state) => scene.Seal(ref state, RecordScene.DataType, "a"u8);
    }

    [Fact]
    public void State_is_208_bytes_and_tells_what_it_can_go_on_with()
    {
        using var scene = new RecordScene();
        Assert.Equal((208, 208), (sizeof(TlsState), TlsState.Bytes));
        Assert.True(scene.Server.IsKnown);
        Assert.True(default(TlsState).IsKnown);
        var state = scene.Server;
        state.Suite = 0x1304;
        Assert.False(state.IsKnown);
        state = scene.Server with { Reserved = 1 };
        Assert.False(state.IsKnown);
        state = scene.Server with { Flags = (TlsFlags)0x80 };
        Assert.False(state.IsKnown);
        state = scene.Server with { FragmentBytesMax = 100 };
        Assert.False(state.IsKnown);
        state = scene.Server with { Suite = 0 };
        Assert.False(state.IsKnown);
    }

    /// <summary>As docs/handover.md has it: it goes from one release to another.</summary>
    [Fact]
    public void Layout_of_the_state_is_frozen()
    {
        var state = new TlsState
        {
            Suite = 0x1302,
            FragmentBytesMax = 4096,
            Flags = TlsFlags.HasEnded,
            EmptyRecords = 5,
            Updates = 6,
            Reserved = 7,
        };
        state.Peer.Secret[0] = 0x10;
        state.Peer.Key[0] = 0x11;
        state.Peer.Number = 0x12;
        state.Peer.Iv[0] = 0x13;
        state.Own.Secret[0] = 0x20;
        state.Own.Key[0] = 0x21;
        state.Own.Number = 0x22;
        state.Own.Iv[0] = 0x23;
        byte[] expected = new byte[208];
        foreach (var (offset, value) in ((int, byte)[])[
            (0, 0x10), (48, 0x11), (80, 0x12), (88, 0x13), (100, 0x20), (148, 0x21), (180, 0x22), (188, 0x23),
            (200, 0x02), (201, 0x13), (203, 0x10), (204, 2), (205, 5), (206, 6), (207, 7)])
        {
            expected[offset] = value;
        }

        Assert.Equal(expected, RecordScene.BytesOf(state));
    }

    [Fact]
    public void Nothing_behind_the_peers_end_is_heard()
    {
        using var scene = new RecordScene();
        byte[] end = scene.Seal(ref scene.Client, RecordScene.AlertType, [1, 0]);
        byte[] bytes = [.. end, .. scene.SealData(ref scene.Client, "late"u8)];
        var (data, alert, left) = scene.Open(ref scene.Server, bytes);
        Assert.Equal((0, TlsAlert.None, bytes.Length - end.Length), (data.Length, alert, left));
        Assert.True(scene.Server.Is(TlsFlags.PeerHasEnded));
    }

    private static byte[] UpdateOf(RecordScene scene, byte[] message)
    {
        byte[] record = scene.Seal(ref scene.Client, RecordScene.HandshakeType, message);
        GoOn(scene);
        return record;
    }

    private static byte[] Updated(RecordScene scene, ReadOnlySpan<byte> plain)
    {
        GoOn(scene);
        return scene.SealData(ref scene.Client, plain);
    }

    private static void GoOn(RecordScene scene)
    {
        fixed (TrafficKeys* keys = &scene.Client.Own)
        {
            KeySchedule.Update(CipherSuite.Find(scene.Client.Suite)!, keys);
        }
    }

    private static byte[] Hex(string text) => Convert.FromHexString(text);

    private static string HexOf(ReadOnlySpan<byte> bytes) => Convert.ToHexStringLower(bytes);
}
