import MoldauCluster
import MoldauRecords
import MoldauRuntime

/// A record of a topic, to be shown to people.
struct TopicRecord: Sendable {
    let partition: Partition
    let offset: Offset
    let timestamp: Timestamp
    let key: [UInt8]?
    let value: [UInt8]?
    let headers: [(name: String, value: [UInt8]?)]
}

/// Reads some records of a partition, independently of consumer groups: it joins none, and commits nothing.
struct TopicReading: Sendable {
    /// Where to start reading.
    enum Start: Sendable, Hashable {
        case earliest
        /// At the last records, as many as requested.
        case latest
        case offset(Offset)
    }

    /// The result of reading.
    struct Found: Sendable {
        var records: [TopicRecord] = []
        /// The first offset that the partition holds, and the one after its last readable record.
        var held: Range<Offset>
        /// The offset at which to continue reading.
        var next: Offset
    }

    /// A search for a key stops after this many records; it can continue at `next`.
    private static let scannedRecords = 100_000
    /// Stops after this many bytes of keys, values and headers.
    private static let returnedBytes = 4 << 20
    private static let patience = Duration.seconds(2)

    var partition: TopicPartition
    var start: Start
    var limit: Int
    /// Only records with this key.
    var key: [UInt8]?

    init(_ partition: TopicPartition, from start: Start, limit: Int, key: [UInt8]? = nil) {
        (self.partition, self.start, self.limit, self.key) = (partition, start, limit, key)
    }

    /// - Throws: `ClusterError`, `RecordBatchError`.
    func run(on cluster: any ClusterPort, clientID: String) async throws -> Found {
        try await onThread { try read(on: cluster, clientID) }
    }

    private func read(on cluster: any ClusterPort, _ clientID: String) throws -> Found {
        let consumer = try cluster.makeConsumer(clientID: clientID)
        defer { consumer.close() }
        guard let held = try consumer.bounds(of: [partition])[partition] else {
            throw ClusterError.unknownTopic(partition.topic)
        }
        var found = Found(held: held, next: first(in: held))
        try consumer.assign([partition])
        try consumer.seek(partition, to: found.next)
        let deadline = ContinuousClock.now + Self.patience
        var (scanned, bytes) = (0, 0)
        while found.next < held.upperBound, ContinuousClock.now < deadline {
            let fetched = try consumer.poll(wait: .milliseconds(100))
            for batches in fetched {
                var reader = RecordBatchReader(batches.bytes.bytes, from: batches.firstOffset)
                while let record = try reader.next() {
                    guard found.records.count < limit, bytes < Self.returnedBytes, scanned < Self.scannedRecords else {
                        return found
                    }
                    found.next = record.offset + 1
                    scanned += 1
                    if let key { guard record.key.map({ $0.elementsEqual(key) }) ?? false else { continue } }
                    let taken = try TopicRecord(record, in: partition.partition)
                    found.records.append(taken)
                    bytes += taken.byteCount
                }
            }
            // Markers may follow the last record.
            found.next = max(found.next, consumer.position(partition) ?? found.next)
        }
        return found
    }

    private func first(in held: Range<Offset>) -> Offset {
        switch start {
        case .earliest: held.lowerBound
        case .latest: max(held.lowerBound, held.upperBound + -Int64(limit))
        case .offset(let offset): min(max(offset, held.lowerBound), held.upperBound)
        }
    }
}

extension TopicRecord {
    fileprivate var byteCount: Int {
        headers.reduce((key?.count ?? 0) + (value?.count ?? 0)) { $0 + $1.name.utf8.count + ($1.value?.count ?? 0) }
    }

    fileprivate init(_ record: RecordView, in partition: Partition) throws {
        self.init(
            partition: partition, offset: record.offset, timestamp: record.timestamp, key: record.key.map { Array($0) },
            value: record.value.map { Array($0) },
            headers: try record.headers().map { ($0.name, $0.value) })
    }
}

extension StreamsEngine {
    /// How many partitions a topic has; requires that the cluster has the topic.
    /// - Throws: `QueryError.notRunning` before the start; `ClusterError`.
    func partitionCount(of topic: String) async throws -> Int32 {
        try await consoleAccess.cluster.withAdmin { admin in
            guard let found = try admin.describe([topic])[topic] else { throw ClusterError.unknownTopic(topic) }
            return found.partitionCount
        }
    }

    /// Reads records of a topic of the cluster that the application runs on.
    /// - Throws: `QueryError.notRunning` before the start; `ClusterError`; `RecordBatchError`.
    func read(_ reading: TopicReading) async throws -> TopicReading.Found {
        let (cluster, clientID) = try consoleAccess
        return try await reading.run(on: cluster, clientID: clientID)
    }
}
