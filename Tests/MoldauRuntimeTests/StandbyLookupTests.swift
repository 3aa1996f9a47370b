import Moldau
import MoldauCluster
import MoldauRecords
import MoldauRuntime
import MoldauTopology
import ProgramSupport
import Testing

/// Standby copies for which lookups of changelog bounds or of committed positions fail: the thread's tasks continue.
struct StandbyLookupTests {
    private let input = Topic<String, String>("input")
    private let out = Topic<String, String>("out")
    private let rows = Topic<String, String>("rows")
    private let log = GatheredLog()

    /// Copies of the table's store read `rows`, as far as was committed; those of the windows follow what was emitted.
    private func topology() throws -> Topology {
        try Topology(TopologyOptions(optimizations: [.reuseSourceTopics])) { streams in
            let table = streams.table(rows, as: TableStoreName<String, String>("table"))
            streams.stream(input).join(table) { $0 + $1 }.to(out)
            streams.stream(input).groupByKey()
                .windowedBy(.tumbling(.seconds(60), grace: .zero), emit: .onWindowClose)
                .count(as: WindowStoreName<String, Int64>("windows")).toStream { window, _ in "\(window.key)" }
                .mapValues { "\($0 ?? 0)" }.to(out)
        }
    }

    private func task(_ partition: Int32) -> TaskID { TaskID(subtopology: 0, partition: Partition(partition)) }

    /// A thread with the task of partition 0, and with copies of the others.
    private func thread(
        _ fixture: ClusterFixture, partitions: Int32 = 2, inMemory: Bool = true
    ) throws -> StreamThread {
        try fixture.create(["input": partitions, "rows": partitions, "out": 1])
        try fixture.write("rows", "a", "row", at: 1)
        var configuration = StreamsConfiguration()
        configuration.logger = log.logger
        let thread = try fixture.thread(try topology(), configuration: configuration, inMemory: inMemory)
        thread.granted = TaskSet(active: [task(0): 0])
        try thread.runUntilIdle()
        thread.granted.standby = (1..<partitions).reduce(into: [:]) { $0[task($1)] = 1 }
        return thread
    }

    private var warnings: [String] { log.all.filter { $0.contains("standby copies have to wait") } }

    @Test(arguments: ["bounds of rows-1", "committed of rows-1", "committed of input-1"])
    func `a failed lookup for standby copies does not end the thread, and is retried`(lookup: String) throws {
        let fixture = try ClusterFixture()
        let thread = try thread(fixture)
        try thread.runUntilIdle()
        #expect(thread.held.standby.keys.map(\.self) == [task(1)])
        fixture.calls.fail(lookup)
        for number in 0..<3 as Range<Int64> {
            try fixture.write("input", "a", "\(number) ", at: 2)
            for round: Int64 in 1...3 {
                try thread.runOnce(now: Timestamp(ms: number * 5_000 + round * 200), wait: .zero)
            }
            #expect(try fixture.read(out).count == Int(number) + 1)
        }
        // Both copies of tables and windows need what is committed of the rows.
        #expect(warnings.count == (lookup == "committed of rows-1" ? 2 : 1), "\(warnings)")
        try fixture.write("rows", "b", "row", at: 3, partition: 1)
        try fixture.consumer.commit([TopicPartition("rows", 1): CommittedOffset(Offset(1))])
        for round: Int64 in 0...3 { try thread.runOnce(now: Timestamp(ms: 12_000 + round * 200), wait: .zero) }
        if lookup.contains("rows") { #expect(thread.report.followed == 0) }
        fixture.calls.heal()
        for round: Int64 in 0...3 { try thread.runOnce(now: Timestamp(ms: 25_000 + round * 200), wait: .zero) }
        #expect(thread.report.followed == 1)
        try thread.stop(now: Timestamp(ms: 30_000))
    }

    @Test func `standby copies that cannot be opened do not block tasks or other copies`() throws {
        let fixture = try ClusterFixture()
        let thread = try thread(fixture, partitions: 3)
        fixture.calls.fail("bounds of rows-1")
        try fixture.write("input", "a", "x ", at: 2)
        for round: Int64 in 1...4 { try thread.runOnce(now: Timestamp(ms: round * 200), wait: .zero) }
        #expect(try fixture.read(out).map(\.value) == ["x row"])
        #expect(thread.held == TaskSet(active: [task(0): 0]))
        #expect(thread.status.isRunning, "nothing waits for a copy")
        for round: Int64 in 1...4 { try thread.runOnce(now: Timestamp(ms: round * 10_500), wait: .zero) }
        #expect(thread.held.standby.keys.map(\.self) == [task(2)])
        fixture.calls.heal()
        for round: Int64 in 5...6 { try thread.runOnce(now: Timestamp(ms: round * 10_500), wait: .zero) }
        #expect(thread.held == thread.granted && thread.status.isRunning)
        try thread.stop(now: Timestamp(ms: 90_000))
    }

    @Test func `a standby copy that is ahead of the reported commit keeps its rows`() throws {
        let fixture = try ClusterFixture()
        let thread = try thread(fixture, inMemory: false)
        func follow(from time: Int64) throws {
            thread.granted.standby = [task(1): 1]
            for round: Int64 in 0...3 { try thread.runOnce(now: Timestamp(ms: time + round * 10_500), wait: .zero) }
        }
        func commit(_ offset: Int64) throws {
            try fixture.consumer.commit([TopicPartition("rows", 1): CommittedOffset(Offset(offset))])
        }
        try fixture.write("rows", "b", "row", at: 3, partition: 1)
        try commit(1)
        try follow(from: 1_000)
        #expect(thread.report.followed == 1)
        thread.granted.standby = [:]
        try thread.runOnce(now: Timestamp(ms: 50_000), wait: .zero)
        // The transaction that has committed it is still being ended.
        try commit(0)
        try follow(from: 60_000)
        #expect(thread.report.followed == 1)
        #expect(!log.all.contains { $0.contains("restored from the start") }, "\(log.all)")
        try thread.stop(now: Timestamp(ms: 100_000))
    }

    @Test func `a cluster that is offline still ends the thread`() throws {
        let fixture = try ClusterFixture()
        let thread = try thread(fixture)
        try thread.runUntilIdle()
        fixture.calls.fail("bounds of rows-1", with: .offline(reason: "a sync has failed"))
        #expect(throws: ClusterError.offline(reason: "a sync has failed")) {
            try thread.runOnce(now: Timestamp(ms: 200), wait: .zero)
        }
        try thread.close()
    }
}
