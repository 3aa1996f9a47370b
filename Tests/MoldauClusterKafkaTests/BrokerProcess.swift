import Dispatch
import Foundation
import MoldauCluster
import MoldauClusterKafka
import MoldauRecords
import MoldauTopology
import ProgramSupport

/// `moldau broker` in a process of its own, with a directory for it and those who use it.
final class BrokerProcess {
    let directory: URL
    let address: String
    private let running: RunningProgram

    init(topics: [String: Int32], in directory: URL) throws {
        self.directory = directory
        let data = directory.appending(path: "broker").path
        running = try BuiltProgram("moldau").start(
            ["broker", "--data", data, "--listen", "127.0.0.1:0", "--durability", "os", "--no-auto-create"],
            in: directory)
        address = String(try running.firstLine().dropFirst("listening on ".count))
        let admin = try cluster().makeAdmin(clientID: "test")
        try admin.create(topics.sorted { $0.key < $1.key }.map { NewTopic($0.key, partitionCount: $0.value) })
    }

    func cluster() throws -> KafkaCluster { try KafkaCluster(address) }

    deinit { running.kill() }
}

/// Runs `body` with a broker in another process, on a thread of its own: it blocks, and other tests need Swift's.
func withBrokerProcess(
    topics: [String: Int32], _ body: @escaping @Sendable (BrokerProcess) throws -> Void
) async throws {
    try await withTaskExecutorPreference(OwnThread()) {
        try withTemporaryDirectory { try body(BrokerProcess(topics: topics, in: $0)) }
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

/// Waits until something holds.
/// - Returns: whether it came to hold.
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

    init(_ topic: String, partitions: Int32, on cluster: any Cluster) throws {
        consumer = try cluster.makeConsumer(clientID: "reader")
        let all = Set((0..<partitions).map { TopicPartition(topic, $0) })
        try consumer.assign(all)
        for partition in all { try consumer.seek(partition, to: .zero) }
    }

    deinit { consumer.close() }

    /// Reads on until the counts are these.
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
