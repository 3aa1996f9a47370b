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
        var (histories, placed): ([String: TransactionHistory], [String: TransactionHistory]) = ([:], [:])
        var misplaced: [(id: String, partition: Int32)] = []
        for number in 0..<topic.partitionCount {
            for (id, history) in try self.histories(in: number).sorted(by: { $0.key < $1.key }) {
                if transactionsPartition(of: id) == number {
                    placed[id] = history
                } else {
                    misplaced.append((id, number))
                    histories[id, default: TransactionHistory()].add(history)
                }
            }
        }
        // Where it is right they came later.
        for (id, history) in placed { histories[id, default: TransactionHistory()].add(history) }
        if wasClean {
            // Everything is on disk; a decision that could not be carried out may be left.
            for id in histories.keys { histories[id]?.unsettled.removeAll { $0.status.isComplete } }
        }
        let ids = histories.keys.sorted()
        if !wasClean { try raiseEpochs(&histories) }
        for id in ids {
            // All are judged before the first marker makes a partition longer.
            try histories[id]?.changeUnsettled { decision throws(BrokerError) in try judge(&decision) }
            if let last = histories[id]?.last { transactions.recover(id, last, at: uptime()) }
        }
        #if SABOTAGE
            if files.sabotage.contains(.decisionForgotten) { return }
        #endif
        var unfinished: Set<String> = []
        for id in ids {
            for decision in histories[id]?.unsettled ?? [] where try !carryOut(decision) { unfinished.insert(id) }
        }
        // After a clean stop partitions are opened when they are used, and looked at from time to time.
        try abortUnknown(opens: !wasClean, undone: unfinished)
        try syncNow()
        for id in ids where !unfinished.contains(id) {
            if let decision = histories[id]?.unsettled.last { try settle(decision, id) }
        }
        try rehome(misplaced.filter { !unfinished.contains($0.id) })
    }

    /// What a partition of the topic knows; nothing where it is damaged: its ids alone cannot be used then, and are told.
    private func histories(in number: Int32) throws(BrokerError) -> [String: TransactionHistory] {
        var histories: [String: TransactionHistory] = [:]
        do throws(BrokerError) {
            try partition(TopicPartition(Self.transactionsTopic, number)).forEachRecord { record in
                guard let id = TransactionRecord.id(key: record.key) else { return }
                if record.value == nil { histories[id] = nil }
                if let read = TransactionRecord(record) { histories[id, default: TransactionHistory()].add(read) }
            }
            return histories
        } catch {
            guard case .log(_, let cause) = error, cause.isDamage else { throw error }
            transactions.markUnreadable(number, cause)
            return [:]
        }
    }

    /// Those that are not closed for records that are missing.
    private func usablePartitions() -> [BrokerPartition<Files>] { allPartitions().filter { !$0.isDeleted } }

    /// Writes the markers that are missing.
    /// - Returns: false where a partition is damaged, so that a commit is still to be carried out there. An abort is not: what
    ///   stays open there is aborted as what nobody knows.
    private func carryOut(_ decision: TransactionRecord) throws(BrokerError) -> Bool {
        var isDone = true
        for name in decision.ends.keys.sorted() {
            do throws(BrokerError) {
                try writeMarker(name, decision, isCommit: decision.status.isCommit)
            } catch {
                guard case .log(_, let cause) = error, cause.isDamage else { throw error }
                if decision.status.isCommit { isDone = false }
            }
        }
        return isDone
    }

    /// Notes that an id's decisions up to this one are carried out, durably.
    private func settle(_ decision: TransactionRecord, _ id: String) throws(BrokerError) {
        var settled = decision
        (settled.status, settled.ends) = (decision.status.isCommit ? .completeCommit : .completeAbort, [:])
        settled.reads = [:]
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
            if var last = histories[id]?.last {
                raise(&last)
                histories[id]?.last = last
            }
            histories[id]?.changeUnsettled(raise)
        }
    }

    /// Makes an abort of a commit whose records are not all there: it was never acknowledged.
    private func judge(_ decision: inout TransactionRecord) throws(BrokerError) {
        guard decision.status.isCommit, try !isWhole(decision) else { return }
        decision.status = decision.status.isComplete ? .completeAbort : .prepareAbort
    }

    private func isWhole(_ record: TransactionRecord) throws(BrokerError) -> Bool {
        #if SABOTAGE
            if files.sabotage.contains(.partialDecisionTaken) { return true }
        #endif
        let ends = record.ends.merging(record.reads) { end, _ in end }
        for (name, end) in ends.sorted(by: { $0.key < $1.key }) {
            // Of a partition that is damaged nobody knows it.
            if let known = try? partition(name).endOffset(), known < end { return false }
        }
        return true
    }

    /// Ends the transactions that no coordinator will: a crash may keep records and lose that their transaction was begun, or that
    /// it came to a partition; and older versions took such as never were begun.
    /// - Parameters:
    ///   - opens: whether logs that nobody has used yet are opened for it.
    ///   - undone: the ids whose decisions are not all carried out. What is open of others is not of a decision but came after
    ///     it. nil: any may be on its way.
    func abortUnknown(opens: Bool, undone: Set<String>? = nil) throws(BrokerError) {
        for partition in usablePartitions() {
            for (producer, _) in try partition.openTransactions(opens: opens) {
                try abortUnknown(producer, in: partition, undone)
            }
        }
    }

    private func abortUnknown(
        _ producer: ProducerIdentity, in partition: BrokerPartition<Files>, _ undone: Set<String>?
    ) throws(BrokerError) {
        let abort = TransactionMarker(isCommit: false)
        guard let slot = transactions.slot(ofProducer: producer.id) else {
            // It may be one of those whose records cannot be read.
            if transactions.areAllKnown { try partition.end(producer, before: Offset(.max), abort) }
            return
        }
        try slot.state.withLock { state throws(BrokerError) in
            let isKnown =
                state.record.map {
                    $0.producer.id == producer.id && $0.ends[partition.name] != nil && !$0.status.isComplete
                        && ($0.status == .ongoing || undone?.contains(slot.id) ?? true)
                } ?? false
            if !isKnown { try partition.end(producer, before: Offset(.max), abort) }
        }
    }
}

/// The records of one transactional id, in their order.
private struct TransactionHistory {
    var last: TransactionRecord?
    /// Decisions of which it is not known that they are carried out.
    var unsettled: [TransactionRecord] = []

    /// Whether a record says that all decisions before it are carried out.
    private var isSettledBefore = false

    /// Adds what came after what is here.
    mutating func add(_ later: TransactionHistory) {
        unsettled = later.isSettledBefore ? later.unsettled : unsettled + later.unsettled
        isSettledBefore = isSettledBefore || later.isSettledBefore
        last = later.last ?? last
    }

    mutating func changeUnsettled<Failure>(
        _ change: (inout TransactionRecord) throws(Failure) -> Void
    ) throws(Failure) {
        for index in unsettled.indices { try change(&unsettled[index]) }
    }

    mutating func add(_ record: TransactionRecord) {
        switch record.status {
        case .empty: break
        case .ongoing: if last?.status == .empty { settle() }
        case .prepareCommit, .prepareAbort: unsettled.append(record)
        case .completeCommit:
            settle()
            if !record.ends.isEmpty { unsettled = [record] }
        case .completeAbort:
            if last?.status.isComplete == false { _ = unsettled.popLast() }
            if record.ends.isEmpty { settle() } else { unsettled.append(record) }
        }
        last = record
    }

    private mutating func settle() { (unsettled, isSettledBefore) = ([], true) }
}
