using System.Text;
using Appliance.Config;
using Appliance.Loop;
using Appliance.Master;
using Appliance.Native;
using Appliance.Rooms;
using Appliance.Tests.Fixtures;
using Appliance.Tests.Rooms;

namespace Appliance.Tests.Master;

/// <summary>What an old master of version 1 says is taken over by every later one; what today's says is that, and perhaps more settings.</summary>
public sealed unsafe class UpgradeFixtureTests : IDisposable
{
    private const string Transcript = "upgrade-1.txt";
    private const string SettingsMessage = "S 0\n";

    private static readonly DefaultPaths Paths = new("/run/appliance", "/var/lib/appliance");

    private readonly StateDirectory _directory = new();
    private readonly ControlChannel _old;
    private readonly ControlChannel _new;

    public UpgradeFixtureTests() => (_old, _new) = ControlChannel.CreatePair();

    /// <summary>Of a release before; its room logs had another layout.</summary>
    private static string Said => Encoding.UTF8.GetString(Fixture.Read(Transcript));

    public void Dispose()
    {
        _old.Dispose();
        _new.Dispose();
        _directory.Dispose();
    }

    /// <summary>Settings may come to it, each with a default for who does not say it; nothing else may change.</summary>
    [Fact]
    public void Old_master_says_what_it_said()
    {
        var settings = SettingsBuilder.Build(Paths, Given());
        var log = _directory.Open();
        using var listeners = new ListenerSet([Loopback, Loopback], 2, []);
        using var monitoring = Listeners.Bind(Loopback);
        using var pidFile = PidFile.Acquire(Path.Combine(_directory.Path, "run"), _directory.Path, Ownership.OfProcess);
        using var resources = new ServerResources
        {
            Rooms = log,
            SegmentId = _directory.SegmentId,
            Listeners = listeners,
            MonitoringSocket = monitoring,
            PidFile = pidFile,
            FirstSlot = new(RoomLogLayout.WorkersMax),
        };
        UpgradeProtocol.Send(_old, resources, settings, [new(0), new(1), new(5)]);
        string said = UpgradeTranscript.Write(_new);
        said = said.Replace($"layout = {RoomLogLayout.NewestVersion}", $"layout = {RoomLogLayout.OldestVersion}", StringComparison.Ordinal)
            .Replace($"E {RoomLogLayout.Slots}", $"E {new RoomLogLayout(1, 1, RoomLogLayout.OldestVersion).SlotCount}", StringComparison.Ordinal);
        if (Said.Length == 0 || WithoutSettings(said) != WithoutSettings(Said) || SettingsOf(Said).Except(SettingsOf(said), StringComparer.Ordinal).Any())
        {
            Fixture.AssertEqual(Transcript, Encoding.UTF8.GetBytes(said));
        }
    }

    [Fact]
    public void New_master_takes_over_what_was_said()
    {
        var log = _directory.Open();
        UpgradeTranscript.Send(Said, _old, _directory.SegmentId, kind => kind switch
        {
            UpgradeProtocol.Wakeups => Syscall.EventFd().OrThrow("eventfd"),
            UpgradeProtocol.Listeners or UpgradeProtocol.Monitoring => Listeners.Bind(Loopback).Descriptor,
            _ => Syscall.Open("/dev/null", Syscall.O_RDWR, 0).OrThrow("open"),
        });
        var takeover = Takeover.Receive(_new, Paths);
        using var resources = takeover.ServerResources;
        using var listeners = resources.Listeners;
        using var monitoring = resources.MonitoringSocket;
        using var pidFile = resources.PidFile;
        pidFile.Abandon();
        Assert.Equal((1, default, true), (takeover.FormerPid, resources.FirstSlot, resources.IsShared));
        Assert.Equal(
            (_directory.SegmentId, log.Layout.Rooms, log.Layout.RingBytes),
            (resources.SegmentId, resources.Rooms.Layout.Rooms, resources.Rooms.Layout.RingBytes));
        Assert.Equal(RoomLogLayout.OldestVersion, resources.Rooms.Layout.Version);
        Assert.Equal([0, 1], listeners.Numbers.Select(number => number.Value));
        Assert.Equal((2, false), (listeners.First.Count, listeners.IsInherited));

        takeover.CloseUnusedWakeups(takeover.Settings);

        // Those of the old workers 0, 1 and 5, which are in the second half, and of three new ones; the rest is closed.
        Assert.Equal([0, 1, 2, 64, 65, 69], resources.Wakeups.Slots.Select(slot => slot.Index));
        Assert.NotNull(monitoring);
        Assert.All(Given(), given => Assert.Equal(given.Value, SettingsTable.Find(given.Name)!.Show(takeover.Settings)));
        _ = Syscall.ShmDetach(StateDirectory.BaseOf(resources.Rooms)).OrThrow("shmdt");
    }

    [Theory]
    [InlineData("version = 1", "version = 0", "the former process hands over in version 0, this one takes 1: restart instead")]
    [InlineData("version = 1", "version = 2", "the former process hands over in version 2, this one takes 1: restart instead")]
    [InlineData("layout = 4", "layout = 3", "the room log has layout 3, this version takes 4 to 6: restart instead")]
    [InlineData("layout = 4", "layout = 7", "the room log has layout 7, this version takes 4 to 6: restart instead")]
    [InlineData("E 129", "E 128", "a part of the hand-over has not arrived")]
    [InlineData("L 2\n0\n", "L 2\n7\n", "a part of the hand-over has not arrived")]
    [InlineData("M 1", "N 1", "message 'N' is not known to this version")]
    public void Another_version_is_refused(string said, string instead, string reason)
    {
        Assert.Contains(said, Said, StringComparison.Ordinal);
        UpgradeTranscript.Send(Said.Replace(said, instead, StringComparison.Ordinal), _old, 0, _ => Syscall.EventFd().OrThrow("eventfd"));
        Assert.Equal(reason, Assert.Throws<IOException>(() => Takeover.Receive(_new, Paths)).Message);
    }

    private static ListenAddress Loopback { get; } =
        SettingsBuilder.Build(Paths, [new GivenValue("listen", "127.0.0.1:0", SettingsBuilder.CommandLine)]).Listen[0];

    /// <summary>No default, so that it is seen that it came along.</summary>
    private static GivenValue[] Given() =>
    [
        .. from pair in (string[])[
            "proc=3", "history=7", "room-size=65536", "max-rooms=5", "drain=4", "announce=count", "run-dir=/run/other", "log=/var/log/other.log"]
           select new GivenValue(pair.Split('=')[0], pair.Split('=')[1], SettingsBuilder.CommandLine),
    ];

    private static string WithoutSettings(string transcript)
    {
        int from = transcript.IndexOf(SettingsMessage, StringComparison.Ordinal);
        return transcript.Remove(from, transcript.IndexOf("\n.\n", from, StringComparison.Ordinal) - from);
    }

    private static string[] SettingsOf(string transcript)
    {
        int from = transcript.IndexOf(SettingsMessage, StringComparison.Ordinal);
        return transcript[from..transcript.IndexOf("\n.\n", from, StringComparison.Ordinal)].Split('\n');
    }
}
