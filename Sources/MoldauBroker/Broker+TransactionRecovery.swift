// Transactions after a stop of the broker.
//
// Only decisions to commit are synced. What follows one, markers and the note that they are written, comes to disk when it
// does, file by file: after a crash the note may be there without a marker, and so may the beginning of the producer's next
// transaction. So the last record of a transactional id is not enough. Its decisions are looked at in their order, and each
// ends what is open in its partitions from before its end. Those that are known to be carried out are left alone:
//
//     commit complete                  was written after a sync: all decisions before it are carried out
//     ongoing, after no transaction    a producer was made, and that synced
//     complete, without partitions     written below, after a sync: this one too is carried out
//
// This matters, because an offset in an old decision may be that of another record by now: one that was not synced and
// lost leaves its place to the next.

internal import MoldauLog
internal import MoldauRecords
internal import Synchronization

extension Broker {
    /// Reads the transactional ids, and ends what was decided. After an unclean stop also what nobody knows of any more.
    func recoverTransactions(wasClean: Bool) throws(BrokerError) {
        guard let topic = topic(Self.transactionsTopic) else { return }
        var histories: [String: TransactionHistory] = [:]
        for number in 0..<topic.partitionCount {
            try partition(TopicPartition(Self.transactionsTopic, number)).forEachRecord { record in
                guard let id = TransactionRecord.id(key: record.key), let value = record.value,
                    let read = TransactionRecord(value: value)
                else { return }
                histories[id, default: TransactionHistory()].add(read)
            }
        }
        if wasClean {
            // Everything is on disk; a decision that could not be carried out may be left.
            for id in histories.keys { histories[id]!.unsettled.removeAll { $0.status.isComplete } }
        }
        let ids = histories.keys.sorted()
        if !wasClean { try raiseEpochs(&histories) }
        for id in ids {
            // All are judged before the first marker makes a partition longer.
            for index in histories[id]!.unsettled.indices { try judge(&histories[id]!.unsettled[index]) }
            if let last = histories[id]!.last { transactions.recover(id, last, at: uptime()) }
        }
        if sabotage.contains(.decisionForgotten) { return }
        for id in ids {
            for decision in histories[id]!.unsettled { try carryOut(decision) }
        }
        if !wasClean { try abortOrphans() }
        try syncNow()
        for id in ids {
            if let decision = histories[id]!.unsettled.last { try settle(decision, id) }
        }
    }

    /// Those that are not closed for records that are missing.
    private func usablePartitions() -> [BrokerPartition<Files>] { allPartitions().filter { !$0.isDeleted } }

    /// Writes the markers that are missing.
    private func carryOut(_ decision: TransactionRecord) throws(BrokerError) {
        for name in decision.ends.keys.sorted() {
            try writeMarker(name, decision, isCommit: decision.status.isCommit)
        }
    }

    /// Notes that an id's decisions up to this one are carried out, durably.
    private func settle(_ decision: TransactionRecord, _ id: String) throws(BrokerError) {
        var settled = decision
        (settled.status, settled.ends) = (decision.status.isCommit ? .completeCommit : .completeAbort, [:])
        try transactions.slot(id).state.withLock { state throws(BrokerError) in
            try store(settled, id)
            if let last = state.record, !last.status.isDecided { try store(last, id) } else { state.record = settled }
        }
    }

    /// Partitions may know of a newer epoch than what is left of the transactional id's records.
    private func raiseEpochs(_ histories: inout [String: TransactionHistory]) throws(BrokerError) {
        var newest: [Int64: Int16] = [:]
        for partition in usablePartitions() { newest.merge(try partition.producerEpochs(), uniquingKeysWith: max) }
        func raise(_ record: inout TransactionRecord) {
            record.producer.epoch = max(record.producer.epoch, newest[record.producer.id] ?? 0)
        }
        for id in histories.keys {
            if histories[id]!.last != nil { raise(&histories[id]!.last!) }
            for index in histories[id]!.unsettled.indices { raise(&histories[id]!.unsettled[index]) }
        }
    }

    /// Makes an abort of a commit whose records are not all there: it was never acknowledged.
    private func judge(_ decision: inout TransactionRecord) throws(BrokerError) {
        guard decision.status.isCommit, try !isWhole(decision) else { return }
        decision.status = decision.status.isComplete ? .completeAbort : .prepareAbort
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
        for partition in usablePartitions() {
            for (producer, _) in try partition.openTransactions() {
                let isKnown = ongoing.contains { $0.producer.id == producer.id && $0.ends[partition.name] != nil }
                if isKnown { continue }
                try partition.end(producer, before: Offset(.max), TransactionMarker(isCommit: false))
            }
        }
    }
}

/// The records of one transactional id, in their order.
private struct TransactionHistory {
    var last: TransactionRecord?
    /// Decisions of which it is not known that they are carried out.
    var unsettled: [TransactionRecord] = []

    mutating func add(_ record: TransactionRecord) {
        switch record.status {
        case .empty: break
        case .ongoing: if last?.status == .empty { unsettled = [] }
        case .prepareCommit, .prepareAbort: unsettled.append(record)
        case .completeCommit: unsettled = record.ends.isEmpty ? [] : [record]
        case .completeAbort:
            if last?.status.isComplete == false { _ = unsettled.popLast() }
            if record.ends.isEmpty { unsettled = [] } else { unsettled.append(record) }
        }
        last = record
    }
}
