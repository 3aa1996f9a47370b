// Recovery of transactions after the broker has stopped.
//
// Only decisions to commit are synced. What follows a decision, the markers and the record that they are written,
// reaches the disk later, file by file. After a crash that record may be there without a marker, and so may the start
// of the producer's next transaction. So the last record of a transactional id is not enough. All its decisions are
// examined in order, and each one ends whatever is open in its partitions from before its end. Decisions that are known
// to be carried out are skipped:
//
//     commit complete                  written after a sync: all decisions before it are carried out
//     ongoing, after no transaction    a producer was made, which synced
//     complete, without partitions     written below, after a sync: this one is carried out, too
//
// A commit whose records are not all there becomes an abort. That is written, and synced, before the first marker: the
// marker makes the partition longer, so that after another crash the commit would seem to be whole.
//
// This matters because an offset in an old decision may belong to another record by now: if an unsynced record is lost,
// the next one gets its offset.

internal import MoldauLog
internal import MoldauRecords
internal import Synchronization

extension Broker {
    /// Reads the transactional ids, and carries out what was decided. After an unclean stop, also ends transactions
    /// that no id knows.
    func recoverTransactions(wasClean: Bool) throws(BrokerError) {
        guard let topic = topic(Self.transactionsTopic) else { return }
        var (histories, placed): ([String: TransactionHistory], [String: TransactionHistory]) = ([:], [:])
        var misplaced: [(id: String, partition: Int32)] = []
        for number in 0..<topic.partitionCount {
            for (id, history) in try self.histories(in: number).sorted(on: \.key) {
                if transactionsPartition(of: id) == number {
                    placed[id] = history
                } else {
                    misplaced.append((id, number))
                    histories[id, default: TransactionHistory()].add(history)
                }
            }
        }
        // Records in the right partition are newer.
        for (id, history) in placed { histories[id, default: TransactionHistory()].add(history) }
        if wasClean {
            // Everything is on disk, except that a decision may not have been carried out.
            for id in histories.keys { histories[id]?.unsettled.removeAll { $0.status.isComplete } }
        }
        let ids = histories.keys.sorted()
        let raised = wasClean ? [] : try raiseEpochs(&histories)
        // All decisions are judged before the first marker makes a partition longer.
        for id in ids { try histories[id]?.judge { decision throws(BrokerError) in try isWhole(decision) } }
        if try writeVerdicts(histories) { try syncNow() }
        for id in ids { if let last = histories[id]?.last { transactions.recover(id, last, at: uptime()) } }
        #if SABOTAGE
            if files.sabotage.contains(.decisionForgotten) { return }
        #endif
        var unfinished: Set<String> = []
        for id in ids {
            for decision in histories[id]?.unsettled ?? [] where try !carryOut(decision) { unfinished.insert(id) }
        }
        // After a clean stop partitions are opened when they are first used, and checked from time to time.
        try abortUnknown(opens: !wasClean, undone: unfinished)
        try syncNow()
        for id in ids where !unfinished.contains(id) {
            if let decision = histories[id]?.unsettled.last {
                try settle(decision, id)
            } else if raised.contains(id) {
                // After a clean stop newer epochs are not searched for.
                try transactions.withState(id) { state throws(BrokerError) in
                    if let record = state.record { try store(record, &state, id) }
                }
            }
        }
        try rehome(misplaced.filter { !unfinished.contains($0.id) })
    }

    /// The records in one partition of the topic, by id. Empty if the partition is damaged: its ids cannot be used
    /// then, and their calls get an error.
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

    /// Records which commits have become aborts.
    /// - Returns: whether there are any.
    private func writeVerdicts(_ histories: [String: TransactionHistory]) throws(BrokerError) -> Bool {
        let changed = histories.filter { !$0.value.verdicts.isEmpty }.sorted(on: \.key)
        for (id, history) in changed {
            let name = TopicPartition(Self.transactionsTopic, transactionsPartition(of: id))
            try append(id, history.verdicts, to: try partition(name))
        }
        return !changed.isEmpty
    }

    /// The partitions that are not closed because of missing records.
    private func usablePartitions() -> [BrokerPartition<Files>] { allPartitions().filter { !$0.isDeleted } }

    /// Writes missing markers.
    /// - Returns: false if a partition is damaged, so that a commit must be carried out there later. For an abort this
    ///   does not matter: a transaction that stays open there will be aborted as an unknown one.
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

    /// Records, durably, that an id's decisions up to this one are carried out.
    private func settle(_ decision: TransactionRecord, _ id: String) throws(BrokerError) {
        var settled = decision
        (settled.status, settled.ends) = (decision.status.isCommit ? .completeCommit : .completeAbort, [:])
        settled.reads = [:]
        try transactions.withState(id) { state throws(BrokerError) in
            // An older epoch must not be the last one known: it would be given out again.
            if let newest = state.record?.producer { settled.producer = newest }
            if let last = state.record, !last.status.isDecided {
                // The open transaction must not be taken for the settled one, should the end of the log be lost.
                try store(last, after: settled, &state, id)
            } else {
                try store(settled, &state, id)
            }
        }
    }

    /// Raises epochs where partitions have a newer one than the remaining records of the transactional id.
    /// - Returns: the ids whose epochs were raised.
    private func raiseEpochs(_ histories: inout [String: TransactionHistory]) throws(BrokerError) -> Set<String> {
        var raised: Set<String> = []
        var newest: [Int64: Int16] = [:]
        for partition in usablePartitions() { newest.merge(try partition.producerEpochs(), uniquingKeysWith: max) }
        func raise(_ record: inout TransactionRecord) {
            record.producer.epoch = max(record.producer.epoch, newest[record.producer.id] ?? 0)
        }
        for id in histories.keys {
            if var last = histories[id]?.last {
                raise(&last)
                if last.producer != histories[id]?.last?.producer { raised.insert(id) }
                histories[id]?.last = last
            }
            histories[id]?.changeUnsettled(raise)
        }
        return raised
    }

    private func isWhole(_ record: TransactionRecord) throws(BrokerError) -> Bool {
        #if SABOTAGE
            if files.sabotage.contains(.partialDecisionTaken) { return true }
        #endif
        let ends = record.ends.merging(record.reads) { end, _ in end }
        for (name, end) in ends.sorted(on: \.key) {
            // For a damaged partition this is unknown.
            if let known = try? partition(name).endOffset(), known < end { return false }
        }
        return true
    }

    /// Aborts transactions that no coordinator will end: a crash may keep records but lose the start of their
    /// transaction, or lose that it writes to a partition; and older versions accepted transactions that were never
    /// begun.
    /// - Parameters:
    ///   - opens: whether logs that are not in use are opened for this.
    ///   - undone: the ids with decisions that are not carried out yet. Open transactions of other ids do not belong to
    ///     a decision but were begun later. nil: any id may have a decision in progress.
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
        guard let slot = transactions.slot(ofProducer: producer.id) else {
            // It may belong to an id whose records cannot be read.
            if transactions.areAllKnown { try abort(producer, in: partition) }
            return
        }
        try slot.state.withLock { state throws(BrokerError) in
            let isKnown =
                state.record.map {
                    $0.producer.id == producer.id && $0.ends[partition.name] != nil && !$0.status.isComplete
                        && ($0.status == .ongoing || undone?.contains(slot.id) ?? true)
                } ?? false
            if !isKnown { try abort(producer, in: partition) }
        }
    }

    /// Ends any open transaction of the producer in a partition.
    private func abort(
        _ producer: ProducerIdentity, in partition: BrokerPartition<Files>
    ) throws(BrokerError) {
        let marker = TransactionMarker(isCommit: false)
        guard partition.name.topic == Self.offsetsTopic else {
            return try partition.end(producer, before: Offset(.max), marker)
        }
        try groups.inOrder { state throws(BrokerError) in
            try partition.end(producer, before: Offset(.max), marker)
            state.coordinator.replayMarker(
                of: producer.id, isCommit: false, partition: partition.name.partition.number)
        }
    }
}

/// The records of one transactional id, in order.
private struct TransactionHistory {
    var last: TransactionRecord?
    /// Decisions that may not be carried out yet.
    var unsettled: [TransactionRecord] = []

    /// Whether a record says that all decisions before it are carried out.
    private var isSettledBefore = false
    /// What is to be written because of commits that have become aborts.
    private(set) var verdicts: [TransactionRecord] = []

    /// Adds later records.
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

    /// Turns commits that are not whole into aborts: they were never acknowledged.
    mutating func judge<Failure>(_ isWhole: (TransactionRecord) throws(Failure) -> Bool) throws(Failure) {
        var first: Int?
        for index in unsettled.indices where unsettled[index].status.isCommit {
            if try isWhole(unsettled[index]) { continue }
            unsettled[index].status = .prepareAbort
            first = first ?? index
        }
        guard let first else { return }
        // Later records are written again, so that they stay later.
        verdicts = Array(unsettled[first...])
        if let last, !last.status.isDecided { verdicts.append(last) }
    }

    mutating func add(_ record: TransactionRecord) {
        switch record.status {
        case .empty: break
        case .ongoing: if last?.status == .empty { settle() }
        case .prepareCommit, .prepareAbort: decide(record)
        case .completeCommit:
            settle()
            if !record.ends.isEmpty { unsettled = [record] }
        case .completeAbort:
            if record.ends.isEmpty { settle() } else { decide(record) }
        }
        last = record
    }

    /// Adds a decision; it replaces an earlier record of the same decision.
    private mutating func decide(_ record: TransactionRecord) {
        unsettled.removeAll { $0.producer.id == record.producer.id && $0.ends == record.ends }
        unsettled.append(record)
    }

    private mutating func settle() { (unsettled, isSettledBefore) = ([], true) }
}
