import Logging
import MoldauCluster
import MoldauRecords

extension GlobalTables {
    /// Makes the consumer read the tables' topics from the tables' offsets. Blocks.
    /// - Parameter report: called for tables that start empty.
    func begin(with consumer: any Consumer, logger: Logger, report: (RestoreProgress) -> Void) throws {
        let partitions = Set(partitions)
        guard !partitions.isEmpty else { return }
        try consumer.assign(partitions)
        let bounds = try consumer.bounds(of: partitions)
        try checkPositions(against: bounds)
        for table in erased {
            logger.warning("the global table \(table.store) starts empty: \(table.reason)")
            for partition in table.partitions {
                guard let held = bounds[partition] else { continue }
                report(
                    RestoreProgress(
                        phase: .started, store: table.store, changelog: partition, from: held.lowerBound,
                        to: held.upperBound, position: held.lowerBound, restoredCount: 0, elapsed: .zero,
                        rebuiltBecause: table.reason))
            }
        }
        for (partition, held) in bounds {
            let saved = savedPosition(of: partition) ?? held.lowerBound
            let offset = held.contains(saved) || saved == held.upperBound ? saved : held.lowerBound
            begin(partition, at: offset, end: held.upperBound)
            try consumer.seek(partition, to: offset)
        }
    }

    /// Returns to the last commit. The stores keep their contents, and read the rows since then once more.
    func readAgain(with consumer: any Consumer) throws {
        for queue in queues {
            guard let offset = savedPosition(of: queue.partition) ?? queue.start else { continue }
            queue.begin(at: offset, end: queue.end ?? offset, partitionTime: queue.partitionTime)
            try consumer.seek(queue.partition, to: offset)
        }
    }
}
