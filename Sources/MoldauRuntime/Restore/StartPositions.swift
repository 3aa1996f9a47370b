import Logging
import MoldauCluster
import MoldauRecords
import MoldauTopology

/// Finds where reading begins: at the committed offset, or where the source says when there is none or it is gone.
struct StartPositions {
    private let consumer: any Consumer
    private let logger: Logger
    /// What the sources say, by topic.
    private let starts: [String: StartPosition]

    init(_ topology: Topology, names: InternalTopicNames, consumer: any Consumer, logger: Logger) {
        (self.consumer, self.logger) = (consumer, logger)
        starts = topology.nodes.compactMap(\.source).reduce(into: [:]) { starts, source in
            for topic in source.topics { starts[names.topic(topic)] = source.start }
        }
    }

    /// Blocks.
    /// - Throws: `RuntimeError.noCommittedOffset` where a source says to fail.
    func find(_ partitions: [TopicPartition], now: Timestamp) throws -> [TopicPartition: TaskPosition] {
        let (bounds, committed) = (
            try consumer.bounds(of: Set(partitions)), try consumer.committed(Set(partitions))
        )
        var positions: [TopicPartition: TaskPosition] = [:]
        for partition in partitions {
            guard let held = bounds[partition] else { continue }
            if let found = committed[partition], found.offset >= held.lowerBound, found.offset <= held.upperBound {
                let metadata = CommitMetadata(decoding: found.metadata)
                positions[partition] = TaskPosition(
                    offset: found.offset, end: held.upperBound, partitionTime: metadata?.partitionTime ?? .none,
                    processorTimes: metadata?.processorTimes ?? [:])
            } else {
                let offset = try offset(of: partition, held: held, now: now)
                if let lost = committed[partition]?.offset { warn(partition, lost: lost, held: held, next: offset) }
                // Where nothing is committed before the next start, that start finds the same offset only from `.earliest`.
                positions[partition] = TaskPosition(
                    offset: offset, end: held.upperBound, isCommitted: start(of: partition) == .earliest)
            }
        }
        return positions
    }

    /// Retention deleted what was to be read next: goes on where the source says. May block.
    func seekAgain(_ partition: TopicPartition, lost: Offset, held: Range<Offset>, now: Timestamp) throws {
        let offset = try offset(of: partition, held: held, now: now)
        warn(partition, lost: lost, held: held, next: offset)
        try consumer.seek(partition, to: offset)
    }

    /// Positions outside of what a partition holds mean records that nobody will read: that is told.
    private func warn(_ partition: TopicPartition, lost: Offset, held: Range<Offset>, next: Offset) {
        logger.warning(
            "\(partition) does not hold offset \(lost), where reading was to go on; it goes on at \(next)",
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
