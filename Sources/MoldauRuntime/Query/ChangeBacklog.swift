import MoldauCluster
import MoldauRecords

/// Reads ranges of partitions from beginning to end, as fast as the reader takes them.
///
/// Each poll has a thread of its own, as clients block and must not run on Swift's pool.
///
/// Unchecked: used by one caller at a time.
final class ChangeBacklog: @unchecked Sendable {
    private let consumer: any Consumer
    private let ranges: [TopicPartition: Range<Offset>]

    /// - Throws: `ClusterError`.
    init(_ ranges: [TopicPartition: Range<Offset>], on cluster: any ClusterPort, clientID: String) throws {
        self.ranges = ranges.filter { !$0.value.isEmpty }
        consumer = try cluster.makeConsumer(clientID: clientID)
        try consumer.assign(Set(self.ranges.keys))
        for (partition, range) in self.ranges { try consumer.seek(partition, to: range.lowerBound) }
    }

    deinit { consumer.close() }

    /// - Returns: nil at the end.
    /// - Throws: `ClusterError`, `RecordBatchError`.
    func next() async throws -> [LoggedChange]? { try await onThread { try self.read() } }

    private func read() throws -> [LoggedChange]? {
        // Markers and records of aborted transactions advance the position without being returned.
        while ranges.contains(where: { consumer.position($0.key) ?? .zero < $0.value.upperBound }) {
            do {
                let changes = try consumer.poll(wait: .milliseconds(100)).flatMap { batches in
                    try batches.changes().filter { ranges[batches.partition]?.contains($0.offset) == true }
                }
                if !changes.isEmpty { return changes }
            } catch ClusterError.offsetOutOfRange(let partition, let lost, let held) where lost < held.lowerBound {
                // Retention has deleted the oldest records meanwhile: those rows no longer exist.
                try consumer.seek(partition, to: held.lowerBound)
            }
        }
        return nil
    }
}

extension FetchedBatches {
    /// The records with a key: records without one are not rows.
    /// - Throws: `RecordBatchError`.
    func changes() throws -> [LoggedChange] {
        var changes: [LoggedChange] = []
        var reader = RecordBatchReader(bytes.bytes, from: firstOffset)
        while let record = try reader.next() {
            guard let key = record.key else { continue }
            changes.append(
                LoggedChange(
                    partition: partition, offset: record.offset, timestamp: record.timestamp, key: Array(key),
                    value: record.value.map { Array($0) }))
        }
        return changes
    }
}
