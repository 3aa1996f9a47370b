import Foundation
import MoldauCluster
import MoldauClusterEmbedded
import MoldauRecords
import MoldauRuntime
import MoldauState
import MoldauTopology
import Synchronization

/// An in-memory cluster, a state directory, and stream threads that the test runs round by round.
final class ClusterFixture {
    let cluster: EmbeddedCluster
    let calls = CallLog()
    let directory: String
    private let producer: any Producer
    let consumer: any Consumer
    let admin: any Admin

    /// A new cluster with the state directory of another fixture.
    convenience init(sharingStateOf other: ClusterFixture) throws {
        try self.init(EmbeddedCluster(inMemoryWithClock: { Timestamp(ms: 0) }), directory: other.directory)
    }

    convenience init() throws { try self.init(EmbeddedCluster(inMemoryWithClock: { Timestamp(ms: 0) })) }

    init(_ cluster: EmbeddedCluster, directory: String? = nil) throws {
        self.cluster = cluster
        producer = try cluster.makeProducer(clientID: "fixture")
        consumer = try cluster.makeConsumer(ConsumerOptions(clientID: "fixture", group: "app"))
        admin = try cluster.makeAdmin()
        self.directory = directory ?? NSTemporaryDirectory() + "/moldau-fixture-\(UUID().uuidString)"
    }

    deinit { try? FileManager.default.removeItem(atPath: directory) }

    func delete(_ topics: [String]) throws { try admin.delete(topics) }

    func deleteRecords(before offsets: [TopicPartition: Offset]) throws { try admin.deleteRecords(before: offsets) }

    func topicNames() throws -> [String] { try admin.topics().map(\.name) }

    func create(_ topics: [String: Int32]) throws {
        // Records are never deleted, whatever their timestamps and however long the test takes.
        let settings = ["retention.ms": "-1"]
        try admin.create(
            topics.sorted { $0.key < $1.key }.map {
                NewTopic($0.key, partitionCount: $0.value, configuration: settings)
            })
    }

    func write(
        _ topic: String, _ key: String, _ value: String?, at time: Int64, partition: Int32 = 0,
        headers: Headers = Headers()
    ) throws {
        let record = Record(
            key: Array(key.utf8), value: value.map { Array($0.utf8) }, timestamp: Timestamp(ms: time), headers: headers)
        try write(record, to: TopicPartition(topic, partition))
    }

    func write(_ record: Record<[UInt8], [UInt8]?>, to partition: TopicPartition) throws {
        var builder = RecordBatchBuilder()
        record.key.withUnsafeBytes { key in
            (record.value ?? []).withUnsafeBytes { value in
                builder.append(
                    key: key, value: record.value == nil ? nil : value, timestamp: record.timestamp,
                    headers: record.headers)
            }
        }
        try producer.send(builder.finish(), to: partition)
        try producer.flush()
    }

    /// All records of a partition.
    func read<Key, Value>(_ topic: Topic<Key, Value>, partition: Int32 = 0) throws -> [Record<Key, Value>] {
        let place = TopicPartition(topic.name, partition)
        try consumer.assign([place])
        try consumer.seek(place, to: .zero)
        var records: [Record<Key, Value>] = []
        while let batches = try consumer.poll(wait: .zero).first {
            var reader = RecordBatchReader(batches.bytes.bytes, from: batches.firstOffset)
            while let record = try reader.next() {
                records.append(
                    Record(
                        key: try topic.key.read(record.key), value: try topic.value.read(record.value),
                        timestamp: record.timestamp, headers: try record.headers()))
            }
        }
        return records
    }

    func committed(_ topic: String, partition: Int32 = 0) throws -> CommittedOffset? {
        return try consumer.committed([TopicPartition(topic, partition)])[TopicPartition(topic, partition)]
    }

    /// A thread with all tasks of the topology.
    func thread(
        _ topology: Topology, configuration: StreamsConfiguration = StreamsConfiguration(), now: Int64 = 0,
        inMemory: Bool = true, knowsTopics: Bool = true, environment: (@Sendable (String) -> StoreEnvironment)? = nil
    ) throws -> StreamThread {
        let names = InternalTopicNames(applicationID: "app", topology: topology)
        let topics = try TopicPlan.prepare(topology, names: names, newTopicPartitions: nil, admin: admin)
        var plan = StreamThreadPlan(
            number: 1, tasks: topics.tasks, topology: topology, names: names, configuration: configuration,
            partitionCounts: topics.partitionCounts, cluster: RecordingCluster(cluster, calls),
            memory: StateMemory(budgetBytes: 8 << 20), stateDirectory: inMemory ? nil : directory)
        if knowsTopics { plan.topicIDs = topics.topicIDs }
        if let environment { plan.environment = environment }
        return try StreamThread(plan, now: Timestamp(ms: now))
    }
}

extension ClusterFixture {
    /// Runs a thread until it has nothing to do, and stops it. The thread knows no topic ids, so a recreated changelog
    /// is taken for the same one.
    func runWithoutTopicIDs(_ topology: Topology, _ guarantee: ProcessingGuarantee, inMemory: Bool = false) throws {
        var configuration = StreamsConfiguration()
        configuration.guarantee = guarantee
        let thread = try thread(topology, configuration: configuration, inMemory: inMemory, knowsTopics: false)
        try thread.runUntilIdle()
        try thread.stop(now: Timestamp(ms: 0))
    }
}

/// Waits for something that other threads do; by default for a minute, which is long even for a busy machine.
///
/// Blocks its thread: a task that sleeps would have to wait behind all tests that have not started yet, while its
/// application continues.
func eventually(within time: Duration = .seconds(60), _ condition: () throws -> Bool) throws -> Bool {
    let limit = ContinuousClock.now + time
    while ContinuousClock.now < limit {
        if try condition() { return true }
        Thread.sleep(forTimeInterval: 0.005)
    }
    return try condition()
}

/// Like `eventually`, for something that other tasks do: they can run between two checks. On a busy machine a minute
/// may allow few checks, so this makes at least a thousand.
func eventuallyInTasks(_ condition: () throws -> Bool) async throws -> Bool {
    let limit = ContinuousClock.now + .seconds(60)
    var looks = 0
    while looks < 1_000 || ContinuousClock.now < limit {
        if try condition() { return true }
        try await Task.sleep(for: .milliseconds(5))
        looks += 1
    }
    return false
}

/// For tests whose wall clock is never adjusted.
extension StreamThread {
    convenience init(_ plan: StreamThreadPlan, now: Timestamp) throws { try self.init(plan, now: RoundTime(now)) }

    @discardableResult
    func runOnce(now: Timestamp, isPaused: Bool = false, wait: Duration = .milliseconds(100)) throws -> Int {
        try runOnce(now: RoundTime(now), isPaused: isPaused, wait: wait)
    }

    func commit(now: Timestamp, writeBehind: Bool = false) throws {
        try commit(now: RoundTime(now), writeBehind: writeBehind)
    }

    func stop(now: Timestamp) throws { try stop(now: RoundTime(now)) }

    func settleForStop(now: Timestamp, wait: Duration) throws -> Bool {
        try settleForStop(now: RoundTime(now), wait: wait)
    }
}

extension StreamTask {
    func processNext(now: Timestamp) throws -> Bool { try processNext(now: RoundTime(now)) }
    func add(_ batches: FetchedBatches, now: Timestamp) throws { try add(batches, now: RoundTime(now)) }
}

extension StreamThread {
    /// Runs rounds until one has nothing to do.
    func runUntilIdle(now: Int64 = 0) throws {
        while phase == .restoring { try runOnce(now: Timestamp(ms: now), wait: .zero) }
        while try runOnce(now: Timestamp(ms: now), wait: .zero) > 0 {}
    }
}

/// The calls to clients, in order.
final class CallLog: Sendable {
    private let lines = Mutex<[String]>([])
    private let failing = Mutex<[String: ClusterError]>([:])
    /// The bounds that consumers report for partitions, whatever these hold.
    let held = Mutex<[TopicPartition: Range<Offset>]>([:])
    private let asks = Mutex(false)

    /// Whether transactional producers require the group member that commits, as those of a Kafka cluster do.
    var asksForMember: Bool {
        get { asks.withLock { $0 } }
        set { asks.withLock { $0 = newValue } }
    }

    /// Called with each call, on its thread.
    let hook = Mutex<(@Sendable (String) -> Void)?>(nil)

    func add(_ line: String) throws {
        lines.withLock { $0.append(line) }
        hook.withLock { $0 }?(line)
        try check(line)
    }

    /// For calls that are not recorded, but may fail.
    func check(_ line: String) throws { if let error = failing.withLock({ $0[line] }) { throw error } }

    func fail(_ line: String, with error: ClusterError? = nil) {
        failing.withLock { $0[line] = error ?? .unavailable(reason: "asked to fail: \(line)") }
    }
    func heal() { failing.withLock { $0 = [:] } }

    func take() -> [String] {
        lines.withLock { lines in
            defer { lines = [] }
            return lines
        }
    }
}

/// Records the calls to producers and the commits of consumers; can fail on demand.
struct RecordingCluster: ClusterPort {
    private let inner: EmbeddedCluster
    private let calls: CallLog

    init(_ inner: EmbeddedCluster, _ calls: CallLog) { (self.inner, self.calls) = (inner, calls) }

    func makeConsumer(_ options: ConsumerOptions) throws -> any Consumer {
        RecordingConsumer(try inner.makeConsumer(options), calls)
    }
    func makeProducer(_ options: ProducerOptions) throws -> any Producer {
        RecordingProducer(try inner.makeProducer(options), calls)
    }
    func makeTransactionalProducer(_ options: TransactionalProducerOptions) throws -> any TransactionalProducer {
        let producer = try inner.makeTransactionalProducer(options)
        return calls.asksForMember ? AskingProducer(producer, calls) : producer
    }
    func makeAdmin() throws -> any Admin {
        RecordingAdmin(try inner.makeAdmin(), calls)
    }
}

private class RecordingProducer: Producer {
    let inner: any Producer
    let calls: CallLog

    init(_ inner: any Producer, _ calls: CallLog) { (self.inner, self.calls) = (inner, calls) }

    func send(_ batch: UnsafeRawBufferPointer, to partition: TopicPartition) throws {
        try calls.add("send \(partition)")
        try inner.send(batch, to: partition)
    }
    func flush() throws {
        try calls.add("flush")
        try inner.flush()
    }
    func acknowledgedEnd(of partition: TopicPartition) -> Offset? { inner.acknowledgedEnd(of: partition) }
    func partitionCount(of topic: String) throws -> Int32 { try inner.partitionCount(of: topic) }
    func close() { inner.close() }
}

private final class AskingProducer: RecordingProducer, TransactionalProducer {
    private let transactions: any TransactionalProducer
    private(set) var asksForMember = false

    init(_ inner: any TransactionalProducer, _ calls: CallLog) {
        transactions = inner
        super.init(inner, calls)
    }

    func stamp(for partition: TopicPartition) -> ProducerStamp { inner.stamp(for: partition) }

    override func send(_ batch: UnsafeRawBufferPointer, to partition: TopicPartition) throws {
        asksForMember = true
        try super.send(batch, to: partition)
    }

    func commit(_ offsets: [TopicPartition: CommittedOffset], of group: GroupMetadata) throws {
        try calls.add("commit \(offsets.map { "\($0.key)@\($0.value.offset)" }.sorted().joined(separator: " "))")
        try transactions.commit(offsets, of: group)
        asksForMember = false
    }

    func abort() throws { try transactions.abort() }
}

private final class RecordingConsumer: Consumer {
    let inner: any Consumer
    let calls: CallLog
    private var assigned: Set<TopicPartition> = []

    init(_ inner: any Consumer, _ calls: CallLog) { (self.inner, self.calls) = (inner, calls) }

    var groupMetadata: GroupMetadata { inner.groupMetadata }
    func assign(_ partitions: Set<TopicPartition>) throws {
        assigned = partitions
        try inner.assign(partitions)
    }
    func seek(_ partition: TopicPartition, to offset: Offset) throws { try inner.seek(partition, to: offset) }
    func position(_ partition: TopicPartition) -> Offset? { inner.position(partition) }
    func pause(_ partitions: Set<TopicPartition>) { inner.pause(partitions) }
    func resume(_ partitions: Set<TopicPartition>) { inner.resume(partitions) }
    func poll(wait: Duration) throws -> [FetchedBatches] {
        for partition in assigned { try calls.check("poll \(partition)") }
        return try inner.poll(wait: wait)
    }
    func bounds(of partitions: Set<TopicPartition>) throws -> [TopicPartition: Range<Offset>] {
        for partition in partitions { try calls.check("bounds of \(partition)") }
        let held = calls.held.withLock { $0.filter { partitions.contains($0.key) } }
        return try inner.bounds(of: partitions).merging(held) { $1 }
    }
    func ends(of partitions: Set<TopicPartition>) throws -> [TopicPartition: Offset] {
        let held = calls.held.withLock { $0.filter { partitions.contains($0.key) } }
        return try inner.ends(of: partitions).merging(held.mapValues(\.upperBound)) { $1 }
    }
    func offset(in partition: TopicPartition, atOrAfter time: Timestamp) throws -> Offset? {
        try inner.offset(in: partition, atOrAfter: time)
    }
    func committed(_ partitions: Set<TopicPartition>) throws -> [TopicPartition: CommittedOffset] {
        for partition in partitions { try calls.check("committed of \(partition)") }
        return try inner.committed(partitions)
    }
    func commit(_ offsets: [TopicPartition: CommittedOffset]) throws {
        try calls.add("commit")
        try inner.commit(offsets)
    }
    var wakeup: Wakeup { inner.wakeup }
    func close() { inner.close() }
}

private final class RecordingAdmin: Admin {
    private let inner: any Admin
    private let calls: CallLog

    init(_ inner: any Admin, _ calls: CallLog) { (self.inner, self.calls) = (inner, calls) }

    func topics() throws -> [TopicDescription] { try inner.topics() }
    func describe(_ names: Set<String>) throws -> [String: TopicDescription] { try inner.describe(names) }
    func create(_ topics: [NewTopic]) throws { try inner.create(topics) }
    func configure(_ topic: String, _ changes: [String: String?]) throws { try inner.configure(topic, changes) }
    func delete(_ topics: [String]) throws { try inner.delete(topics) }
    func deleteRecords(before offsets: [TopicPartition: Offset]) throws {
        try calls.check("deleteRecords")
        try inner.deleteRecords(before: offsets)
    }
    func progress(of names: Set<String>?) throws -> [GroupProgress] { try inner.progress(of: names) }
    func close() { inner.close() }
}
