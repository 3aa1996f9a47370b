import Foundation
import Logging
import Moldau
import MoldauClient
import MoldauCluster
import MoldauClusterKafka
import MoldauRecords
import MoldauState
import MoldauTopology
import Synchronization

@testable import MoldauRuntime

/// A Kafka cluster that cases run on, one after the other.
struct CaseCluster: Sendable {
    let servers: String
    /// For the runner's own requests and writes.
    let own: KafkaCluster

    init(_ servers: String) throws { (self.servers, own) = (servers, try KafkaCluster(servers)) }

    /// Deletes topics, and the group of an application with its internal topics.
    func clear(_ topics: Set<String>, of applicationID: String) throws {
        let (questions, prefix) = (own.questions, applicationID + "-")
        func left() throws -> [String] {
            try waiting { try await questions.listTopics(includesInternal: true) }.map(\.name)
                .filter { topics.contains($0) || $0.hasPrefix(prefix) }
        }
        let found = try left()
        if !found.isEmpty {
            let admin = try own.makeAdmin()
            defer { admin.close() }
            try admin.delete(found)
        }
        while try !left().isEmpty { usleep(2_000) }
        _ = try waiting { try await questions.deleteGroups([applicationID]) }
    }
}

/// A case as a running application on a Kafka cluster: one stream thread, which commits after each record, as the test
/// driver does. Both clocks of the application follow the case's.
final class ClusterPlace: CasePlace {
    /// How long a step may take.
    private static let patience = Duration.seconds(30)

    private let cluster: CaseCluster
    private let application: StreamsApplication
    private let wallClock = WallClock()
    private let directory: String
    /// The topics that the application does not create itself.
    private let topics: Set<String>
    /// The partitions that tasks read.
    private var inputs: Set<TopicPartition> = []
    private let globals: Set<TopicPartition>
    private let producer: any MoldauCluster.Producer
    private let reader: any MoldauCluster.Consumer
    /// The offset after the last record, by partition: transactions end with a marker, which is not processed.
    private var recordEnds: [TopicPartition: Offset] = [:]
    private var isClosed = false

    private final class WallClock: Sendable {
        private let time = Mutex(Timestamp(ms: 0))
        var now: Timestamp {
            get { time.withLock { $0 } }
            set { time.withLock { $0 = newValue } }
        }
    }

    private struct Stuck: Error, CustomStringConvertible {
        let description: String
    }

    init(
        _ topology: Topology, on cluster: CaseCluster, applicationID: String, wallClock time: Timestamp,
        options: CaseOptions
    ) throws {
        self.cluster = cluster
        let names = InternalTopicNames(applicationID: applicationID, topology: topology)
        let parts = topology.subtopologies
        topics = Set(parts.flatMap { $0.sourceTopics + $0.sinkTopics } + topology.globalTables.map(\.topic))
            .filter { !names.isRepartition($0) }
        globals = Set(topology.globalTables.map { TopicPartition($0.topic, 0) })
        wallClock.now = time
        directory = NSTemporaryDirectory() + "/moldau-conformance-\(UUID().uuidString)"
        var configuration = StreamsConfiguration()
        configuration.guarantee = options.guarantee
        (configuration.commitInterval, configuration.recordsPerTurn) = (.zero, 1)
        configuration.closedWindowSearchInterval = .zero
        configuration.logger = Logger(label: "conformance") { _ in SwiftLogNoOpLogHandler() }
        application = StreamsApplication(
            id: applicationID, topology: topology,
            cluster: .kafka(cluster.servers, stateDirectory: options.storeKind == .rocksDB ? directory : nil),
            configuration: configuration, clock: { [wallClock] in wallClock.now },
            uptime: { [wallClock] in .milliseconds(wallClock.now.ms) })
        producer = try cluster.own.makeProducer(clientID: "conformance")
        reader = try cluster.own.makeConsumer(
            MoldauCluster.ConsumerOptions(clientID: "conformance", group: applicationID))
        do { try start(topology, names) } catch {
            try? close()
            throw error
        }
    }

    private func start(_ topology: Topology, _ names: InternalTopicNames) throws {
        try cluster.clear(topics, of: application.id)
        let admin = try cluster.own.makeAdmin()
        defer { admin.close() }
        // The records have timestamps of 1970.
        try admin.create(
            topics.sorted().map { NewTopic($0, partitionCount: 1, configuration: ["retention.ms": "-1"]) })
        try application.start()
        try wait(for: "the application runs") { application.state == .running }
        let read = try admin.describe(Set(topology.subtopologies.flatMap(\.sourceTopics).map(names.topic)))
        for topic in read.values {
            for partition in 0..<topic.partitionCount { inputs.insert(TopicPartition(topic.name, partition)) }
        }
        try reader.assign(inputs.union(globals))
        for partition in inputs.union(globals) { try reader.seek(partition, to: .zero) }
    }

    func pipe(topic: String, key: [UInt8]?, value: [UInt8]?, at timestamp: Timestamp, headers: Headers) throws {
        var builder = RecordBatchBuilder()
        (key ?? []).withUnsafeBytes { keyBytes in
            (value ?? []).withUnsafeBytes { valueBytes in
                builder.append(
                    key: key == nil ? nil : keyBytes, value: value == nil ? nil : valueBytes, timestamp: timestamp,
                    headers: headers)
            }
        }
        let partition = TopicPartition(topic, 0)
        try producer.send(builder.finish(), to: partition)
        try producer.flush()
        if let end = producer.acknowledgedEnd(of: partition) { recordEnds[partition] = end }
        try settle()
    }

    func advanceWallClock(by duration: Duration) throws {
        wallClock.now = wallClock.now + duration
        try ask { _ in }
        try settle()
    }

    func read<Answer: Sendable>(_ body: @escaping @Sendable (any CaseStores) throws -> Answer) throws -> Answer {
        try ask { contents in
            let stores = contents.heldTasks.running.flatMap { $0.stores.entries.map(\.store) } + contents.globalStores
            return try body(FoundStores(stores: stores))
        }
    }

    var drops: [DropKey: Int64] { application.metrics.drops }

    func close() throws {
        guard !isClosed else { return }
        isClosed = true
        defer { try? FileManager.default.removeItem(atPath: directory) }
        let end = Result { try application.stop() }
        producer.close()
        reader.close()
        try cluster.clear(topics, of: application.id)
        try end.get()
    }

    // MARK: Waiting for a step

    private func wait(for what: String, _ isDone: () throws -> Bool) throws {
        let limit = ContinuousClock.now + Self.patience
        while try !isDone() {
            if let failure = application.engine.failure { throw failure }
            if ContinuousClock.now > limit { throw Stuck(description: "timed out waiting until \(what)") }
            usleep(3_000)
        }
    }

    /// Waits until every record that the application reads is processed and committed.
    private func settle() throws {
        try wait(for: "everything is committed") {
            let committed = try reader.committed(inputs)
            func hasAll() -> Bool {
                inputs.allSatisfy { committed[$0]?.offset ?? .zero >= recordEnds[$0] ?? .zero }
            }
            guard hasAll() else { return false }
            // A record's results were written before its position was committed, so they are before the ends.
            try readToEnds()
            return hasAll()
        }
        guard !globals.isEmpty else { return }
        try wait(for: "the global tables have everything") {
            let applied = try ask(afterRounds: 0) { contents in
                contents.globalTables.queues.reduce(into: [:]) { $0[$1.partition] = $1.position }
            }
            return globals.allSatisfy { applied[$0] ?? .zero >= recordEnds[$0] ?? .zero }
        }
    }

    private func readToEnds() throws {
        let ends = try reader.ends(of: inputs.union(globals))
        try wait(for: "everything is readable") {
            if ends.allSatisfy({ reader.position($0.key) ?? .zero >= $0.value }) { return true }
            for batches in try reader.poll(wait: .milliseconds(5)) {
                var records = RecordBatchReader(batches.bytes.bytes, from: batches.firstOffset)
                while let record = try records.next() { recordEnds[batches.partition] = record.offset + 1 }
            }
            return false
        }
    }

    /// Runs `work` on the stream thread, after that many more rounds.
    private func ask<Answer: Sendable>(
        afterRounds rounds: Int = 2, _ work: @escaping @Sendable (ThreadContents) throws -> Answer
    ) throws -> Answer {
        let left = Mutex(rounds)
        let answer = Monitor<Result<Answer, any Error>?>(nil)
        guard let mailbox = application.engine.inner.withLock({ $0.loops.values.first?.mailbox }) else {
            throw application.engine.failure ?? Stuck(description: "there is no stream thread")
        }
        mailbox.post(untilDone: { contents in
            let isTooEarly = left.withLock { left in
                left -= 1
                return left >= 0
            }
            return isTooEarly ? nil : try work(contents)
        }) { result in answer.withLock(wakes: true) { $0 = result } }
        guard let result = answer.wait(timeout: Self.patience, { $0 }) else {
            throw Stuck(description: "the stream thread does not answer")
        }
        return try result.get()
    }
}

/// The stores that a stream thread has.
private struct FoundStores: CaseStores {
    let stores: [any StateStore]

    func store<Store>(_ name: String, as type: Store.Type) throws -> Store {
        guard let store = stores.first(where: { $0.name == name }) as? Store else {
            throw Unsupported(what: "no store \(name) of type \(type) among \(stores.map(\.name))")
        }
        return store
    }
}
