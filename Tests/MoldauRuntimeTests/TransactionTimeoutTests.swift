import Moldau
import MoldauBroker
import MoldauCluster
import MoldauClusterEmbedded
import MoldauLog
import MoldauRecords
import MoldauRuntime
import MoldauTopology
import Synchronization
import Testing

/// Exactly once, with transactions that exceed their timeout.
struct TransactionTimeoutTests {
    /// A broker whose time stands still until the test or a record advances it.
    private final class World: Sendable {
        private final class Passed: Sendable {
            let ms = Atomic<Int64>(0)
            var uptime: Duration { .milliseconds(ms.load(ordering: .relaxed)) }
        }

        private let passed: Passed
        let broker: Broker<MemoryFileSystem>

        init() throws {
            let passed = Passed()
            self.passed = passed
            broker = try Broker(
                MemoryFileSystem(), directory: "data", durability: .os, clock: { Timestamp(ms: 0) },
                uptime: { passed.uptime })
        }

        var now: RoundTime { RoundTime(Timestamp(ms: 0), uptime: passed.uptime) }

        /// Advances the time; transactions that are then too old are aborted.
        func pass(ms: Int64) throws {
            passed.ms.add(ms, ordering: .relaxed)
            try broker.abortExpired()
        }
    }

    private var configuration: StreamsConfiguration {
        var configuration = StreamsConfiguration()
        configuration.guarantee = .exactlyOnce
        return configuration
    }

    private func run(_ thread: StreamThread, in world: World) throws {
        var idle = 0
        while idle < 3 {
            idle = try thread.runOnce(now: world.now, wait: .zero) == 0 ? idle + 1 : 0
            try world.pass(ms: 50)
        }
    }

    @Test func `a thread whose transaction was aborted resumes from the last commit`() throws {
        let world = try World()
        let fixture = try ClusterFixture(EmbeddedCluster(world.broker))
        try fixture.create(["input": 1, "counts": 1])
        let thread = try fixture.thread(try CountTopology.make(), configuration: configuration, inMemory: false)
        try fixture.write("input", "a", "x", at: 1)
        try run(thread, in: world)
        try fixture.write("input", "a", "x", at: 2)
        // Its result is sent but not committed.
        for _ in 0..<2 { try thread.runOnce(now: world.now, wait: .zero) }
        try world.pass(ms: 20_000)
        try fixture.write("input", "a", "x", at: 3)
        try run(thread, in: world)
        try thread.stop(now: world.now)
        #expect(try fixture.read(CountTopology.counts).map(\.value) == [1, 2, 3])
        #expect(try fixture.committed("input")?.offset == Offset(3))
    }

    @Test func `a stop succeeds although its transaction was aborted, and the next start repeats the work`() throws {
        let world = try World()
        let fixture = try ClusterFixture(EmbeddedCluster(world.broker))
        try fixture.create(["input": 1, "counts": 1])
        let first = try fixture.thread(try CountTopology.make(), configuration: configuration, inMemory: false)
        try fixture.write("input", "a", "x", at: 1)
        for _ in 0..<4 { try first.runOnce(now: world.now, wait: .zero) }
        try world.pass(ms: 20_000)
        try first.stop(now: world.now)
        let second = try fixture.thread(try CountTopology.make(), configuration: configuration, inMemory: false)
        try run(second, in: world)
        try second.stop(now: world.now)
        #expect(try fixture.read(CountTopology.counts).map(\.value) == [1])
    }

    /// The records before it are in the transaction that it makes time out; when they are read again, it is processed
    /// between two transactions.
    @Test(arguments: [1, 2_000])
    func `a record that takes longer than the timeout is processed twice and counted once`(before: Int) throws {
        let world = try World()
        let fixture = try ClusterFixture(EmbeddedCluster(world.broker))
        try fixture.create(["input": 1, "counts": 1])
        let slowTimes = Mutex(0)
        let topology = try Topology { streams in
            streams.stream(CountTopology.input)
                .peek { _, value in
                    guard value == "slow" else { return }
                    slowTimes.withLock { $0 += 1 }
                    try world.pass(ms: 15_000)
                }
                .groupByKey().count(as: CountTopology.table).toStream().to(CountTopology.counts)
        }
        let thread = try fixture.thread(topology, configuration: configuration)
        while thread.phase == .restoring { try thread.runOnce(now: world.now, wait: .zero) }
        for number in 0..<before { try fixture.write("input", "a", "x", at: Int64(number)) }
        for _ in 0..<4 { try thread.runOnce(now: world.now, wait: .zero) }
        try fixture.write("input", "a", "slow", at: 3_000)
        try fixture.write("input", "a", "x", at: 3_001)
        try run(thread, in: world)
        try thread.stop(now: world.now)
        #expect(try fixture.read(CountTopology.counts).map(\.value) == (1...Int64(before + 2)).map { $0 })
        #expect(slowTimes.withLock { $0 } == 2)
    }

    @Test func `a row of an aborted transaction is not applied to a global table`() throws {
        let world = try World()
        let fixture = try ClusterFixture(EmbeddedCluster(world.broker))
        try fixture.create(["input": 1, "questions": 1, "rows": 1, "answers": 1])
        let rows = Topic<String, String>("rows")
        let attempts = Mutex(0)
        let topology = try Topology { streams in
            let table = streams.globalTable(rows)
            streams.stream(CountTopology.input)
                .map { _, value in
                    let attempt = attempts.withLock { count in
                        count += 1
                        return count
                    }
                    return ("attempt \(attempt)", value)
                }.to(rows)
            streams.stream(Topic<String, String>("questions")).join(table, on: { key, _ in key }) { $0 + $1 }
                .to(Topic<String, String>("answers"))
        }
        let thread = try fixture.thread(topology, configuration: configuration)
        try run(thread, in: world)
        try fixture.write("input", "a", "x", at: 1)
        for _ in 0..<4 { try thread.runOnce(now: world.now, wait: .zero) }
        try world.pass(ms: 20_000)
        try run(thread, in: world)
        #expect(try fixture.read(rows).map(\.key) == ["attempt 2"])
        for attempt in 1...2 { try fixture.write("questions", "attempt \(attempt)", "", at: 2) }
        try run(thread, in: world)
        try thread.stop(now: world.now)
        #expect(try fixture.read(Topic<String, String>("answers")).map(\.key) == ["attempt 2"])
    }

    @Test func `the dead letter of a global table's unreadable row survives an aborted transaction`() throws {
        let world = try World()
        let fixture = try ClusterFixture(EmbeddedCluster(world.broker))
        try fixture.create(["input": 1, "rows": 1, "dead": 1])
        var configuration = configuration
        configuration.onDeserializationFailure = { _ in .deadLetter(topic: "dead") }
        let topology = try Topology { streams in
            _ = streams.globalTable(Topic<String, Int>("rows"))
            streams.stream(CountTopology.input).forEach { _, _ in }
        }
        let thread = try fixture.thread(topology, configuration: configuration)
        try run(thread, in: world)
        try fixture.write("rows", "a", "no number", at: 1)
        // The dead letter is sent but not committed.
        for _ in 0..<2 { try thread.runOnce(now: world.now, wait: .zero) }
        try world.pass(ms: 20_000)
        try fixture.write("input", "a", "x", at: 2)
        try run(thread, in: world)
        try thread.stop(now: world.now)
        #expect(try fixture.read(Topic<String, String>("dead")).map(\.value) == ["no number"])
        #expect(try fixture.committed("input")?.offset == Offset(1))
    }

    @Test func `a long commit interval extends the transaction timeout`() throws {
        let world = try World()
        let fixture = try ClusterFixture(EmbeddedCluster(world.broker))
        try fixture.create(["input": 1, "counts": 1])
        var configuration = configuration
        configuration.commitInterval = .seconds(30)
        let thread = try fixture.thread(try CountTopology.make(), configuration: configuration)
        try fixture.write("input", "a", "x", at: 1)
        for _ in 0..<4 { try thread.runOnce(now: world.now, wait: .zero) }
        try world.pass(ms: 30_000)
        try fixture.write("input", "a", "x", at: 2)
        for _ in 0..<2 { try thread.runOnce(now: world.now, wait: .zero) }
        #expect(thread.report.commits == 1)
        #expect(try fixture.read(CountTopology.counts).map(\.value) == [1, 2])
    }
}
