import MoldauCluster
import MoldauRecords

/// Searches for the newest record of a key at the end of the topics that a store is restored from.
struct KeySearch: Sendable {
    /// How many of a partition's last offsets are searched.
    static let depth: Int64 = 100_000
    /// How many polls of 100 ms may return nothing before the remaining records are considered deleted, or part of a
    /// transaction that stays open. The first polls also connect to the cluster.
    private static let patience = 20

    let cluster: any ClusterPort
    let clientID: String
    let partitions: [TopicPartition]
    let key: [UInt8]
    /// The number of bytes after the key in each record: its window.
    let trailerBytes: Int

    struct Found: Sendable {
        let partition: TopicPartition
        let offset: Offset
        let time: Timestamp
        let isDeletion: Bool
    }

    /// - Returns: the newest record; nil if there is none among those searched.
    /// - Throws: `ClusterError`, `RecordBatchError`.
    func run() async throws -> Found? { try await onThread { try read() } }

    private func read() throws -> Found? {
        let consumer = try cluster.makeConsumer(clientID: clientID)
        defer { consumer.close() }
        let starts = try consumer.bounds(of: Set(partitions)).mapValues(\.lowerBound)
        // Includes records of a transaction whose markers the cluster is just writing.
        let ends = try consumer.ends(of: Set(partitions)).filter { $0.value > starts[$0.key] ?? .zero }
        try consumer.assign(Set(ends.keys))
        for (partition, end) in ends {
            try consumer.seek(partition, to: max(starts[partition] ?? .zero, end + -Self.depth))
        }
        var found: Found?
        var open = Set(ends.keys)
        var emptyPolls = 0
        while !open.isEmpty, emptyPolls < Self.patience {
            let fetched = try consumer.poll(wait: .milliseconds(100))
            emptyPolls = fetched.isEmpty ? emptyPolls + 1 : 0
            for batches in fetched {
                var reader = RecordBatchReader(batches.bytes.bytes, from: batches.firstOffset)
                while let record = try reader.next() {
                    guard isWanted(record.key) else { continue }
                    // Within a partition the later record wins, whatever its timestamp.
                    if let found, found.partition != batches.partition, found.time > record.timestamp { continue }
                    found = Found(
                        partition: batches.partition, offset: record.offset, time: record.timestamp,
                        isDeletion: record.value == nil)
                }
            }
            open = open.filter { partition in
                guard let end = ends[partition] else { return false }
                return consumer.position(partition) ?? .zero < end
            }
        }
        return found
    }

    private func isWanted(_ bytes: UnsafeRawBufferPointer?) -> Bool {
        guard let bytes, bytes.count == key.count + trailerBytes else { return false }
        return bytes.prefix(key.count).elementsEqual(key)
    }
}
