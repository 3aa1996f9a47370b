import Moldau
import MoldauCluster
import MoldauRecords
import MoldauRuntime
import MoldauTopology
import ProgramSupport
import Testing

/// Offsets that were committed beyond a transaction that is still open, for example by an application that reads
/// uncommitted records and whose work is continued here.
struct OpenTransactionTests {
    private let fixture: ClusterFixture
    private let log = GatheredLog()

    init() throws { fixture = try ClusterFixture() }

    /// Sends a record in a transaction, and commits the offset after it for the application.
    private func begin(on topic: String, committing offset: Int64) throws -> any TransactionalProducer {
        let producer = try fixture.cluster.makeTransactionalProducer(
            TransactionalProducerOptions(clientID: "other", id: "other", timeout: .seconds(60)))
        let partition = TopicPartition(topic, 0)
        var builder = RecordBatchBuilder()
        let text = Array("x".utf8)
        text.withUnsafeBytes { builder.append(key: $0, value: $0, timestamp: Timestamp(ms: 1)) }
        builder.producer = producer.stamp(for: partition)
        try producer.send(builder.finish(), to: partition)
        try producer.flush()
        try fixture.consumer.commit([partition: CommittedOffset(Offset(offset))])
        return producer
    }

    private func thread(_ topology: Topology) throws -> StreamThread {
        var configuration = StreamsConfiguration()
        configuration.logger = log.logger
        return try fixture.thread(topology, configuration: configuration, inMemory: false)
    }

    @Test func `reading resumes after the open transaction, not at the beginning`() throws {
        try fixture.create(["input": 1, "counts": 1])
        for value in ["a", "b"] { try fixture.write("input", value, "x", at: 1) }
        let other = try begin(on: "input", committing: 3)
        let thread = try thread(try CountTopology.make())
        try thread.runUntilIdle()
        try other.abort()
        try fixture.write("input", "c", "x", at: 1)
        try thread.runUntilIdle()
        try thread.stop(now: Timestamp(ms: 0))
        #expect(try fixture.read(CountTopology.counts).map(\.key) == ["c"])
    }

    @Test func `a table that uses its input topic as its changelog keeps its rows`() throws {
        let rows = Topic<String, String>("rows")
        let topology = try Topology(TopologyOptions(optimizations: [.reuseSourceTopics])) { streams in
            _ = streams.table(rows, as: TableStoreName<String, String>("table"))
        }
        try fixture.create(["rows": 1])
        for value in ["a", "b"] { try fixture.write("rows", value, "x", at: 1) }
        let first = try thread(topology)
        try first.runUntilIdle()
        try first.stop(now: Timestamp(ms: 0))
        let other = try begin(on: "rows", committing: 3)
        let second = try thread(topology)
        for round: Int64 in 1...3 { try second.runOnce(now: Timestamp(ms: round), wait: .zero) }
        #expect(!second.status.isRunning, "the table is not restored yet")
        try other.abort()
        try second.runUntilIdle()
        #expect(second.status.isRunning)
        try second.stop(now: Timestamp(ms: 0))
        #expect(!log.all.contains { $0.contains("restored from the start") }, "\(log.all)")
    }
}
