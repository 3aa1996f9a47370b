import Logging
import MoldauCluster
import MoldauRecords
import MoldauTopology

/// Finds where reading begins: at the committed offset, or where the source says when there is none or it is gone.
struct StartPositions {
    let consumer: any Consumer
    let now: Timestamp
    let logger: Logger

    /// - Parameter starts: what the sources say, by partition.
    /// - Throws: `RuntimeError.noCommittedOffset` where a source says to fail. Blocks.
    func find(_ starts: [TopicPartition: StartPosition]) throws -> [TopicPartition: TaskPosition] {
        let partitions = Set(starts.keys)
        let (bounds, committed) = (try consumer.bounds(of: partitions), try consumer.committed(partitions))
        var positions: [TopicPartition: TaskPosition] = [:]
        for (partition, start) in starts {
            guard let held = bounds[partition] else { continue }
            if let found = committed[partition], found.offset >= held.lowerBound, found.offset <= held.upperBound {
                let metadata = CommitMetadata(decoding: found.metadata)
                positions[partition] = TaskPosition(
                    offset: found.offset, end: held.upperBound, partitionTime: metadata?.partitionTime ?? .none,
                    processorTimes: metadata?.processorTimes ?? [:])
            } else {
                let offset = try offset(of: partition, start, held: held)
                if let lost = committed[partition]?.offset { warn(partition, lost: lost, held: held, next: offset) }
                // Where nothing comes before the next start, that start is not to find a later place.
                positions[partition] = TaskPosition(
                    offset: offset, end: held.upperBound, isCommitted: start == .earliest)
            }
        }
        return positions
    }

    /// Positions outside of what a partition holds mean records that nobody will read: that is told.
    func warn(_ partition: TopicPartition, lost: Offset, held: Range<Offset>, next: Offset) {
        logger.warning(
            "\(partition) does not hold offset \(lost), where reading was to go on; it goes on at \(next)",
            metadata: ["held": "\(held.lowerBound)..<\(held.upperBound)"])
    }

    func offset(of partition: TopicPartition, _ start: StartPosition, held: Range<Offset>) throws -> Offset {
        switch start {
        case .earliest: return held.lowerBound
        case .latest: return held.upperBound
        case .age(let age):
            let oldest = now - age
            return try consumer.offset(in: partition, atOrAfter: oldest) ?? held.upperBound
        case .fail: throw RuntimeError.noCommittedOffset(partition)
        }
    }
}
