// Earlier versions looked for a group or a transactional id in another partition than Kafka does: for one of two names, whose
// hash is negative. What they wrote is brought to its place when a directory is opened:
//
//     1  it is appended where it belongs, and synced
//     2  where it was, it is marked as deleted, and that is synced
//
// Nobody works with the broker yet. After a crash in between, both steps are done again: what is still to be found at the
// wrong place is what was copied, or older.

internal import Logging
internal import MoldauLog
internal import MoldauRecords
internal import Synchronization

extension Broker {
    /// Brings groups' offsets from where they were found to where they belong. What is there and was committed later stays.
    func rehome(_ misplaced: [(record: OffsetRecord, partition: Int32)]) throws(BrokerError) {
        // What is damaged at either place waits.
        let misplaced = misplaced.filter { groupOffsets.damage(of: offsetsPartition(of: $0.record.group)) == nil }
            .sorted {
                ($0.record.group, $0.record.partition, $0.partition) < (
                    $1.record.group, $1.record.partition, $1.partition
                )
            }
        if misplaced.isEmpty { return }
        logger.notice(
            "positions of groups are brought to the partitions where Kafka looks for them",
            metadata: ["groups": "\(Set(misplaced.map(\.record.group)).count)", "positions": "\(misplaced.count)"])
        for (record, _) in misplaced {
            let known = committedOffsets(of: record.group)[record.partition]
            guard let offset = record.offset, known.map({ $0.time <= offset.time }) ?? true else { continue }
            let home = TopicPartition(Self.offsetsTopic, offsetsPartition(of: record.group))
            _ = try append([record], to: try partition(home))
            groupOffsets.update(record.group, [record.partition: offset])
        }
        try syncNow()
        for (record, number) in misplaced {
            let deleted = OffsetRecord(group: record.group, partition: record.partition, offset: nil)
            _ = try append([deleted], to: try partition(TopicPartition(Self.offsetsTopic, number)))
        }
        try syncNow()
    }

    /// Brings what is known of transactional ids from where it was found to where it belongs. All decisions are carried out.
    func rehome(_ misplaced: [(id: String, partition: Int32)]) throws(BrokerError) {
        let misplaced = misplaced.filter { transactions.damage(of: transactionsPartition(of: $0.id)) == nil }
        if misplaced.isEmpty { return }
        logger.notice(
            "transactional ids are brought to the partitions where Kafka looks for them",
            metadata: ["ids": "\(Set(misplaced.map(\.id)).count)"])
        for (id, _) in misplaced {
            try transactions.slot(id).state.withLock { state throws(BrokerError) in
                guard var record = state.record else { return }
                if record.status.isComplete { (record.ends, record.reads) = ([:], [:]) }
                try store(record, id)
            }
        }
        try syncNow()
        for (id, number) in misplaced {
            try append(id, nil, to: try partition(TopicPartition(Self.transactionsTopic, number)))
        }
        try syncNow()
    }
}
