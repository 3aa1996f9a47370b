import Foundation
import Moldau
import MoldauCluster
import MoldauClusterEmbedded
import MoldauRecords
import MoldauRuntime
import MoldauState
import MoldauTopology

/// A topology on a cluster in memory, with records to read, run by hand.
final class Log {
    private let thread: StreamThread
    private var round: Int64 = 1

    /// - Parameters:
    ///   - count: the number of records in the topic `input`.
    ///   - tracing: follows those records that carry a context; these carry none.
    init(
        _ count: Int, keys: Int = 1_000, tracing: (any RecordTracing)? = nil,
        _ topology: @autoclosure () throws -> Topology
    ) throws {
        let cluster = try EmbeddedCluster(inMemoryWithClock: { Timestamp(ms: 0) })
        let admin = try cluster.makeAdmin()
        try admin.create([NewTopic("input", partitionCount: 1), NewTopic("output", partitionCount: 1)])
        let producer = try cluster.makeProducer(clientID: "costs")
        for batch in Self.batches(count, keys: keys) { try producer.send(batch.bytes, to: TopicPartition("input", 0)) }
        try producer.flush()
        let topology = try topology()
        let names = InternalTopicNames(applicationID: "costs", topology: topology)
        var configuration = StreamsConfiguration()
        configuration.guarantee = .exactlyOnce
        configuration.tracing = tracing
        let topics = try TopicPlan.prepare(topology, names: names, newTopicPartitions: nil, admin: admin)
        let plan = StreamThreadPlan(
            number: 1, tasks: topics.tasks, topology: topology, names: names, configuration: configuration,
            partitionCounts: topics.partitionCounts, cluster: cluster, memory: StateMemory(budgetBytes: 256 << 20),
            stateDirectory: nil)
        thread = try StreamThread(plan, now: RoundTime(Timestamp(ms: 0)))
    }

    /// Processes everything that may be read; the commit interval does not end meanwhile.
    func process() throws {
        var idle = 0
        while idle < 3 { idle = try thread.runOnce(now: RoundTime(Timestamp(ms: 0)), wait: .zero) == 0 ? idle + 1 : 0 }
    }

    func commit() throws { try thread.commit(now: RoundTime(Timestamp(ms: 0))) }

    /// Batches of a thousand records each.
    static func batches(_ count: Int, keys: Int) -> [SharedBytes] {
        var builder = RecordBatchBuilder()
        var batches: [SharedBytes] = []
        let value = [UInt8](repeating: 0, count: 8)
        for number in 0..<count {
            var key = State.key(number % keys)
            key.withUTF8 { key in
                value.withUnsafeBytes {
                    builder.append(key: UnsafeRawBufferPointer(key), value: $0, timestamp: Timestamp(ms: 0))
                }
            }
            if builder.recordCount == 1_000 || number == count - 1 {
                batches.append(SharedBytes(copying: builder.finish()))
                builder.reset()
            }
        }
        return batches
    }
}

/// A store by itself.
final class State {
    private(set) var store: TimestampedKeyValueStore<String, Int64>
    private let environment: StoreEnvironment

    /// - Parameter inMemory: false puts it on disk, in a folder that is deleted with this object.
    init(inMemory: Bool) throws {
        let memory = StateMemory(budgetBytes: 256 << 20)
        environment =
            inMemory
            ? StoreEnvironment(inMemory: memory)
            : StoreEnvironment(
                directory: NSTemporaryDirectory() + "/step-costs-\(UUID().uuidString)", memory: memory)
        store = try Self.open(in: environment)
    }

    deinit {
        // Its directory is deleted with it.
        try? store.close()
        environment.close()
        if !environment.directory.isEmpty { try? FileManager.default.removeItem(atPath: environment.directory) }
    }

    private static func open(in environment: StoreEnvironment) throws -> TimestampedKeyValueStore<String, Int64> {
        let name = TableStoreName<String, Int64>("costs")
        guard
            let store = try StoreDefinition(name).open(in: environment)
                as? TimestampedKeyValueStore<String, Int64>
        else { preconditionFailure("a definition opens as what it says") }
        return store
    }

    /// Writes a row for each key, and commits them.
    func fill(_ keys: [String]) throws {
        for key in keys { try store.put(key, ValueAndTimestamp(1, at: Timestamp(ms: 0))) }
        try store.drainChanges { _, _, _ in }
        store.committed(changelogEnd: Offset(Int64(keys.count)), positions: [:])
    }

    /// Closes the store, which saves what is committed, and opens it again with an empty cache.
    func reopen() throws {
        try store.close()
        store = try Self.open(in: environment)
    }

    static func keys(_ count: Int) -> [String] { (0..<count).map(key) }

    static func key(_ number: Int) -> String { "key-\(String(number + 100_000_000).dropFirst())" }
}

/// Traces that never begin.
struct NoTraces: RecordTracing {
    let newTraceEvery: Int? = nil
    let linkedRows = 10_000

    func begin(
        _ origin: RecordOrigin, headers: Headers, task: TaskID, application: String, isNew: Bool
    ) -> (any RecordSpan)? { nil }
}
