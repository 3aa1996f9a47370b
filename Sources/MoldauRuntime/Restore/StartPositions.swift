import Logging
import MoldauCluster
import MoldauRecords
import MoldauTopology

/// Finds where reading starts: at the committed offset, or as the source specifies if there is none or it no longer
/// exists.
struct StartPositions {
    private let consumer: any Consumer
    private let logger: Logger
    /// The start positions that sources specify, by topic.
    private let starts: [String: StartPosition]

    init(_ topology: Topology, names: InternalTopicNames, consumer: any Consumer, logger: Logger) {
        (self.consumer, self.logger) = (consumer, logger)
        starts = topology.nodes.compactMap(\.source).reduce(into: [:]) { starts, source in
            for topic in source.topics { starts[names.topic(topic)] = source.start }
        }
    }

    /// Blocks.
    /// - Throws: `RuntimeError.noCommittedOffset` if a source specifies `.fail`.
    func find(_ partitions: [TopicPartition], now: Timestamp) throws -> [TopicPartition: TaskPosition] {
        let (bounds, committed) = (
            try consumer.bounds(of: Set(partitions)), try consumer.committed(Set(partitions))
        )
        // Readers of uncommitted records may be further than what is readable here.
        let beyond = bounds.filter { committed[$0.key].map(\.offset) ?? .zero > $0.value.upperBound }
        let ends = beyond.isEmpty ? [:] : try consumer.ends(of: Set(beyond.keys))
        var positions: [TopicPartition: TaskPosition] = [:]
        for partition in partitions {
            guard let held = bounds[partition] else { continue }
            let end = max(held.upperBound, ends[partition] ?? .zero)
            if let found = committed[partition], found.offset >= held.lowerBound, found.offset <= end {
                let metadata = CommitMetadata(decoding: found.metadata)
                positions[partition] = TaskPosition(
                    offset: found.offset, end: held.upperBound, partitionTime: metadata?.partitionTime ?? .none,
                    processorTimes: metadata?.processorTimes ?? [:])
            } else {
                let offset = try offset(of: partition, held: held, now: now)
                if let lost = committed[partition]?.offset { warn(partition, lost: lost, held: held, next: offset) }
                // If nothing is committed before the next start, only `.earliest` finds the same offset again.
                positions[partition] = TaskPosition(
                    offset: offset, end: held.upperBound, isCommitted: start(of: partition) == .earliest)
            }
        }
        return positions
    }

    /// Called when retention has deleted the next records to read: continues where the source specifies. May block.
    func seekAgain(_ partition: TopicPartition, lost: Offset, held: Range<Offset>, now: Timestamp) throws {
        let offset = try offset(of: partition, held: held, now: now)
        warn(partition, lost: lost, held: held, next: offset)
        try consumer.seek(partition, to: offset)
    }

    /// Warns that a position is outside of what the partition holds, so that records were lost.
    private func warn(_ partition: TopicPartition, lost: Offset, held: Range<Offset>, next: Offset) {
        logger.warning(
            "\(partition) does not hold offset \(lost), the next one to read; reading continues at \(next)",
            metadata: ["held": "\(held.lowerBound)..<\(held.upperBound)"])
    }

    private func start(of partition: TopicPartition) -> StartPosition { starts[partition.topic] ?? .earliest }

    private func offset(of partition: TopicPartition, held: Range<Offset>, now: Timestamp) throws -> Offset {
        switch start(of: partition) {
        case .earliest: return held.lowerBound
        case .latest: return held.upperBound
        case .age(let age): return try consumer.offset(in: partition, atOrAfter: now - age) ?? held.upperBound
        case .fail: throw RuntimeError.noCommittedOffset(partition)
        }
    }
}
