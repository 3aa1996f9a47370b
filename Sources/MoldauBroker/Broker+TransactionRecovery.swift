// Transactions after a stop of the broker.
//
// Only decisions are synced. What follows one, markers and the note that they are written, comes to disk when it does, file by
// file: after a crash the note may be there without a marker, and so may the beginning of the producer's next
// transaction. So the last record of a transactional id is not enough: each partition's open transactions are ended by
// the first decision that is about them, and that is the one whose end for the partition lies behind their beginning.

internal import MoldauLog
internal import MoldauRecords
internal import Synchronization

extension Broker {
    /// Reads the transactional ids, and ends what was decided. After an unclean stop also what nobody knows of any more.
    func recoverTransactions(wasClean: Bool) throws(BrokerError) {
        guard let topic = topic(Self.transactionsTopic) else { return }
        let open = wasClean ? [:] : try openTransactions()
        var decisions: [TransactionRecord] = []
        for number in 0..<topic.partitionCount {
            try partition(TopicPartition(Self.transactionsTopic, number)).forEachRecord { record in
                guard let id = TransactionRecord.id(key: record.key), let value = record.value,
                    let read = TransactionRecord(value: value)
                else { return }
                transactions.recover(id, read)
                let isMissed = read.ends.contains { name, end in open[name]?[read.producer.id].map { $0 < end } ?? false
                }
                if read.status.isDecided, isMissed { decisions.append(read) }
            }
        }
        if sabotage.contains(.decisionForgotten) { return }
        if !wasClean { try raiseEpochs(&decisions) }
        try carryOut(decisions)
        if !wasClean { try abortOrphans() }
    }

    /// Where the open transactions of each partition begin, by producer.
    private func openTransactions() throws(BrokerError) -> [TopicPartition: [Int64: Offset]] {
        var all: [TopicPartition: [Int64: Offset]] = [:]
        for partition in allPartitions() {
            let open = try partition.openTransactions()
            if !open.isEmpty { all[partition.name] = Dictionary(open.map { ($0.producer.id, $0.start) }) { $1 } }
        }
        return all
    }

    /// Partitions may know of a newer epoch than what is left of the transactional id's records.
    private func raiseEpochs(_ decisions: inout [TransactionRecord]) throws(BrokerError) {
        var newest: [Int64: Int16] = [:]
        for partition in allPartitions() { newest.merge(try partition.producerEpochs(), uniquingKeysWith: max) }
        func raise(_ producer: inout ProducerIdentity) {
            producer.epoch = max(producer.epoch, newest[producer.id] ?? 0)
        }
        for index in decisions.indices { raise(&decisions[index].producer) }
        for slot in transactions.all {
            slot.state.withLock { if $0.record != nil { raise(&$0.record!.producer) } }
        }
    }

    private func carryOut(_ missed: [TransactionRecord]) throws(BrokerError) {
        // All of them are judged before the first marker makes a partition longer.
        var missed = missed
        for index in missed.indices { try judge(&missed[index]) }
        for slot in transactions.all {
            try slot.state.withLock { state throws(BrokerError) in
                if state.record?.status == .prepareCommit { try judge(&state.record!) }
            }
        }
        for decision in missed {
            for name in decision.ends.keys.sorted() {
                try writeMarker(name, decision, isCommit: decision.status.isCommit)
            }
        }
        for slot in transactions.all {
            try slot.state.withLock { state throws(BrokerError) in
                guard let status = state.record?.status, status == .prepareCommit || status == .prepareAbort else {
                    return
                }
                try complete(&state, slot.id)
            }
        }
    }

    /// Makes an abort of a commit whose records are not all there: it was never acknowledged.
    private func judge(_ record: inout TransactionRecord) throws(BrokerError) {
        guard record.status.isCommit, try !isWhole(record) else { return }
        record.status = record.status == .prepareCommit ? .prepareAbort : .completeAbort
    }

    private func isWhole(_ record: TransactionRecord) throws(BrokerError) -> Bool {
        if sabotage.contains(.partialDecisionTaken) { return true }
        for (name, end) in record.ends.sorted(by: { $0.key < $1.key }) {
            if let partition = try? partition(name), try partition.endOffset() < end { return false }
        }
        return true
    }

    /// A crash may keep a transaction's records and lose that it was begun, or that it came to a partition.
    private func abortOrphans() throws(BrokerError) {
        let ongoing = transactions.all.compactMap { slot in
            slot.state.withLock { $0.record.flatMap { $0.status == .ongoing ? $0 : nil } }
        }
        for partition in allPartitions() {
            for (producer, _) in try partition.openTransactions() {
                let isKnown = ongoing.contains { $0.producer.id == producer.id && $0.ends[partition.name] != nil }
                if isKnown { continue }
                try partition.end(producer, before: Offset(.max), TransactionMarker(isCommit: false))
            }
        }
    }
}
