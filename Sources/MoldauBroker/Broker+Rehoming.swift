// Earlier versions chose another partition for a group or a transactional id than Kafka does, if the hash of the name
// is negative: for every second name. When a directory is opened, what they wrote is moved to the right partition:
//
//     1  it is appended there, and synced
//     2  in the old partition it is marked as deleted, and that is synced
//
// The broker is not in use yet at that time. After a crash in between, both steps are repeated: what is still in the
// wrong partition is what was copied, or older.

internal import Logging
internal import MoldauLog
internal import MoldauRecords
internal import Synchronization

extension Broker {
    /// Moves groups' offsets to the right partitions. Offsets there that were committed later win.
    func rehome(_ misplaced: [(record: OffsetRecord, partition: Int32)]) throws(BrokerError) {
        // Groups with a damaged partition are left for later.
        let misplaced = misplaced.filter { groups.damage(of: offsetsPartition(of: $0.record.group)) == nil }
            .sorted {
                ($0.record.group, $0.record.partition, $0.partition) < (
                    $1.record.group, $1.record.partition, $1.partition
                )
            }
        if misplaced.isEmpty { return }
        logger.notice(
            "moving the positions of groups to the partitions where Kafka looks for them",
            metadata: ["groups": "\(Set(misplaced.map(\.record.group)).count)", "positions": "\(misplaced.count)"])
        for (record, _) in misplaced {
            let known = committedOffsets(of: record.group)[record.partition]
            guard let offset = record.offset, known.map({ $0.time <= offset.time }) ?? true else { continue }
            let home = TopicPartition(Self.offsetsTopic, offsetsPartition(of: record.group))
            _ = try append([.offset(record)], to: try partition(home))
            groups.inOrder { $0.coordinator.replay(.offset(record)) }
        }
        try syncNow()
        for (record, number) in misplaced {
            let deleted = OffsetRecord(group: record.group, partition: record.partition, offset: nil)
            _ = try append([.offset(deleted)], to: try partition(TopicPartition(Self.offsetsTopic, number)))
        }
        try syncNow()
    }

    /// Moves the state of transactional ids to the right partitions. All decisions have been carried out by now.
    func rehome(_ misplaced: [(id: String, partition: Int32)]) throws(BrokerError) {
        let misplaced = misplaced.filter { transactions.damage(of: transactionsPartition(of: $0.id)) == nil }
        if misplaced.isEmpty { return }
        logger.notice(
            "moving transactional ids to the partitions where Kafka looks for them",
            metadata: ["ids": "\(Set(misplaced.map(\.id)).count)"])
        for (id, _) in misplaced {
            try transactions.withState(id) { state throws(BrokerError) in
                guard var record = state.record else { return }
                if record.status.isComplete { (record.ends, record.reads) = ([:], [:]) }
                try store(record, &state, id)
            }
        }
        try syncNow()
        for (id, number) in misplaced {
            try append(id, [nil], to: try partition(TopicPartition(Self.transactionsTopic, number)))
        }
        try syncNow()
    }
}
