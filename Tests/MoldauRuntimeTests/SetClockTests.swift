import Moldau
import MoldauCluster
import MoldauRecords
import MoldauRuntime
import MoldauTopology
import Testing

/// The wall clock is adjusted while the application runs: user code gets its time, but no interval depends on it.
struct SetClockTests {
    private static let hour: Int64 = 3_600_000

    /// A round after that much time has passed, with the wall clock set to some time.
    private func time(_ passed: Duration, wallMs: Int64) -> RoundTime {
        RoundTime(Timestamp(ms: wallMs), uptime: passed)
    }

    private func thread(_ fixture: ClusterFixture, _ topology: Topology) throws -> StreamThread {
        let thread = try fixture.thread(topology, now: 10 * Self.hour)
        while thread.phase == .restoring {
            try thread.runOnce(now: RoundTime(Timestamp(ms: 10 * Self.hour)), wait: .zero)
        }
        return thread
    }

    @Test(arguments: [-hour, hour]) func `commits follow the interval, however the clock is adjusted`(by set: Int64)
        throws
    {
        let fixture = try ClusterFixture()
        try fixture.create(["input": 1, "counts": 1])
        let thread = try thread(fixture, try CountTopology.make())
        let began = Duration.milliseconds(10 * Self.hour)
        try fixture.write("input", "a", "x", at: 1)
        try thread.runOnce(now: time(began + .milliseconds(99), wallMs: 10 * Self.hour + set), wait: .zero)
        #expect(try fixture.committed("input") == nil)
        try thread.runOnce(now: time(began + .milliseconds(100), wallMs: 10 * Self.hour + set), wait: .zero)
        #expect(try fixture.committed("input")?.offset == Offset(1))
    }

    @Test func `a wall-clock punctuation follows elapsed time, and gets the clock's time`() throws {
        let fixture = try ClusterFixture()
        try fixture.create(["input": 1])
        let told = Gathered<Int64>()
        let topology = try Topology.timed { try $0.schedule(every: .seconds(10), .wallClock) { told.add($0.ms) } }
        let thread = try thread(fixture, topology)
        let began = Duration.milliseconds(10 * Self.hour)
        for seconds in [9, 10, 15, 20] {
            let wallMs = 9 * Self.hour + Int64(seconds)
            try thread.runOnce(now: time(began + .seconds(seconds), wallMs: wallMs), wait: .zero)
        }
        #expect(told.all == [9 * Self.hour + 10, 9 * Self.hour + 20])
    }

    @Test func `a schedule continues up to the maximum timestamp, and does not trap there`() throws {
        let told = Gathered<Int64>()
        let fixture = try ClusterFixture()
        try fixture.create(["input": 1])
        let topology = try Topology.timed { context in
            try context.schedule(every: .seconds(10), .streamTime) { told.add($0.ms) }
            try context.schedule(every: .seconds(Int64.max), .wallClock) { told.add($0.ms) }
        }
        let thread = try thread(fixture, topology)
        for time in [5, Int64.max - 1, Int64.max] {
            try fixture.write("input", "k", "v", at: time)
            try thread.runUntilIdle(now: 10 * Self.hour)
        }
        #expect(told.all == [5, Int64.max - 1])
    }
}
