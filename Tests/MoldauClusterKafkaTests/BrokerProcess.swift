import Dispatch
import Foundation
import MoldauCluster
import MoldauClusterKafka
import MoldauRecords
import MoldauTopology
import ProgramSupport

/// `moldau broker` in a process of its own, with a directory for it and its clients; or the cluster that
/// `CLUSTER_SERVERS` names, in which tests then use topics of the same names, one after another.
final class BrokerProcess {
    private static let foreign = ProcessInfo.processInfo.environment["CLUSTER_SERVERS"]

    let directory: URL
    let address: String
    /// The options for connecting to the broker.
    let kafka: KafkaOptions
    private let options: [String]
    /// nil if the cluster is not ours.
    private var running: RunningProgram?

    /// - Parameter isSecured: whether the broker requires TLS and a password; ignored for a cluster that is not ours.
    init(topics: [String: Int32], isSecured: Bool = false, in directory: URL) throws {
        self.directory = directory
        let data = directory.appending(path: "broker").path
        let plain = ["--data", data, "--durability", "os", "--no-auto-create"]
        if let foreign = Self.foreign {
            (options, address, kafka) = (plain, foreign, KafkaOptions())
        } else if isSecured {
            let security = try BrokerSecurity(in: directory, data: data)
            (options, kafka) = (plain + security.arguments, security.kafka)
            let started = try Self.start(options + ["--listen", "SASL_SSL://127.0.0.1:0"], in: directory)
            running = started.running
            address = String(started.address.trimmingPrefix("SASL_SSL://"))
        } else {
            (options, kafka) = (plain, KafkaOptions())
            (running, address) = try Self.start(options + ["--listen", "127.0.0.1:0"], in: directory)
        }
        let admin = try cluster().makeAdmin()
        if running == nil { try Self.removeTopics(topics.keys, admin) }
        // The records have timestamps of 1970.
        let configuration = ["retention.ms": "-1"]
        try admin.create(
            topics.sorted { $0.key < $1.key }.map {
                NewTopic($0.key, partitionCount: $0.value, configuration: configuration)
            })
    }

    static func start(
        _ options: [String], in directory: URL
    ) throws -> (running: RunningProgram, address: String) {
        let running = try BuiltProgram("moldau").start(["broker"] + options, in: directory)
        return (running, String(try running.firstLine().dropFirst("listening on ".count)))
    }

    /// Deletes the topics of an earlier test.
    private static func removeTopics(_ names: some Sequence<String>, _ admin: any Admin) throws {
        func left() throws -> [String] {
            try admin.topics().map(\.name).filter { name in
                names.contains(name) || name.hasSuffix("-changelog") || name.hasSuffix("-repartition")
            }
        }
        try admin.delete(left())
        // Brokers learn of a deletion at different times.
        _ = try waitUntil { try left().isEmpty }
    }

    /// Kills the broker and starts it again at the same address; does nothing to a cluster that is not ours.
    func restart() throws {
        guard let old = running else { return }
        old.kill()
        _ = try old.wait()
        running = try Self.start(options + ["--listen", address], in: directory).running
    }

    func cluster() throws -> KafkaCluster { try KafkaCluster(address, options: kafka) }

    deinit { running?.kill() }
}

/// Runs `body` with a broker in another process, on a thread of its own: it blocks, and other tests need Swift's
/// cooperative pool.
func withBrokerProcess(
    topics: [String: Int32], isSecured: Bool = false, _ body: @escaping @Sendable (BrokerProcess) throws -> Void
) async throws {
    try await withTaskExecutorPreference(OwnThread()) {
        try withTemporaryDirectory { try body(BrokerProcess(topics: topics, isSecured: isSecured, in: $0)) }
    }
}

/// Runs tasks on a thread that they may block.
private final class OwnThread: TaskExecutor {
    private let queue = DispatchQueue(label: "test")

    func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        queue.async { job.runSynchronously(on: self.asUnownedTaskExecutor()) }
    }
}

/// Waits until a condition holds.
/// - Returns: whether it held in time.
func waitUntil(_ limit: Duration = .seconds(60), _ holds: () throws -> Bool) rethrows -> Bool {
    let end = ContinuousClock.now + limit
    while ContinuousClock.now < end {
        if try holds() { return true }
        usleep(5_000)
    }
    return try holds()
}

/// Reads a topic of texts and numbers as it grows.
final class CountReader {
    private let consumer: any Consumer
    /// The last count of each word.
    private(set) var counts: [String: Int64] = [:]
    /// How many counts were read.
    private(set) var recordCount = 0

    init(_ topic: String, partitions: Int32, on cluster: any ClusterPort) throws {
        consumer = try cluster.makeConsumer(clientID: "reader")
        let all = Set((0..<partitions).map { TopicPartition(topic, $0) })
        try consumer.assign(all)
        for partition in all { try consumer.seek(partition, to: .zero) }
    }

    deinit { consumer.close() }

    /// Continues reading until the counts are these.
    func reach(_ wanted: [String: Int64], within limit: Duration = .seconds(60)) throws -> Bool {
        try waitUntil(limit) {
            for batches in try consumer.poll(wait: .milliseconds(20)) {
                var reader = RecordBatchReader(batches.bytes.bytes, from: batches.firstOffset)
                while let record = try reader.next() {
                    let word = String(decoding: record.key ?? .init(start: nil, count: 0), as: UTF8.self)
                    counts[word] = try Topic<String, Int64>("counts").value.read(record.value)
                    recordCount += 1
                }
            }
            return counts == wanted
        }
    }
}
