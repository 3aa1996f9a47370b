// Transactions by KIP-98. A commit:
//
//     1  the decision is appended to `__transaction_state`, with the ends of all partitions of the transaction
//     2  one sync: records and decision are durable; from here on the transaction is committed
//     3  a marker is appended to each partition, and the group's offsets take effect
//     4  a record that it is complete is appended to `__transaction_state`
//
// After a crash, a decision whose records are all there is carried out again from step 3 on. If records are missing, it
// was never acknowledged, as its sync did not complete: it becomes an abort.

internal import MoldauLog
package import MoldauRecords
internal import Synchronization

extension Broker {
    static var transactionsTopic: String { "__transaction_state" }

    /// Makes a producer for a transactional id. An older producer's open transaction is aborted, and that producer is
    /// fenced. Durable on return. Blocks.
    /// - Parameter timeout: transactions that are open for longer are aborted.
    package func makeProducer(_ id: String, timeout: Duration) throws(BrokerError) -> ProducerIdentity {
        try checkUsable(id)
        let timeoutMs = Int32(clamping: timeout.milliseconds)
        let producer = try withSettled(id, as: nil) { state throws(BrokerError) in
            if let known = state.record, isOpen(known) { try takeOver(&state, id) }
            let next: ProducerIdentity
            if let successor = state.record?.successor {
                next = successor
            } else {
                next = ProducerIdentity(id: try newProducerID(), epoch: 0)
            }
            try begin(next, timeoutMs: timeoutMs, &state, id)
            return next
        }
        try flush()
        return producer
    }

    /// - Throws: `BrokerError.invalidTransaction` if it is not a valid transactional id, `.unreadable` if its records
    ///   are damaged.
    func checkUsable(_ id: String) throws(BrokerError) {
        guard !id.isEmpty, id.utf8.count <= Int(Int16.max) else {
            throw .invalidTransaction(id: id, reason: "a transactional id has 1 to 32767 bytes")
        }
        let number = transactionsPartition(of: id)
        if let cause = transactions.damage(of: number) {
            throw .unreadable(
                holder: "the transactional id '\(id)'", TopicPartition(Self.transactionsTopic, number), cause)
        }
    }

    /// Records a new producer of an id that has no open transaction.
    /// - Parameter former: the producer that it replaces.
    func begin(
        _ producer: ProducerIdentity, after former: ProducerIdentity? = nil, timeoutMs: Int32,
        _ state: inout Transactions.State, _ id: String
    ) throws(BrokerError) {
        transactions.note(producer.id, of: id)
        var record = TransactionRecord(producer: producer, timeoutMs: timeoutMs)
        record.started = state.record?.started ?? .none
        record.former = former
        state = Transactions.State(record: record, number: state.number)
        try store(record, &state, id)
    }

    /// The id of the newest producer of a transactional id; nil before the first.
    package func producerID(of id: String) -> Int64? { transactions.newestProducer(of: id) }

    /// Adds partitions to the producer's transaction; begins one if none is open.
    package func enlist(
        _ partitions: [TopicPartition], _ id: String, _ producer: ProducerIdentity
    ) throws(BrokerError) {
        try checkEnlistable(partitions)
        try withSettled(id, as: producer) { state throws(BrokerError) in try enlist(partitions, &state, id) }
    }

    /// - Throws: `BrokerError.internalTopic`, `.unknownTopic`, `.unknownPartition` for the first partition that a
    ///   client's transaction cannot write to.
    func checkEnlistable(_ partitions: [TopicPartition]) throws(BrokerError) {
        for name in partitions {
            if Self.isInternal(name.topic) { throw .internalTopic(name.topic) }
            _ = try partition(name)
        }
    }

    /// The caller has checked the producer, and that no decision still has to be carried out.
    func enlist(
        _ partitions: [TopicPartition], _ state: inout Transactions.State, _ id: String
    ) throws(BrokerError) {
        guard var record = state.record else { return }
        let isOpen = record.status == .ongoing
        if !isOpen {
            (record.status, record.ends, record.reads, record.started) = (.ongoing, [:], [:], clock())
            record.former = nil
            (state.offsets, state.begun) = ([:], uptime())
        }
        let added = partitions.filter { record.ends[$0] == nil }
        if added.isEmpty && isOpen { return }
        for partition in added { record.ends[partition] = .zero }
        try store(record, &state, id)
    }

    /// Adds a group's offsets to the producer's transaction: they take effect when it is committed.
    package func commit(
        _ offsets: [TopicPartition: GroupOffset], of group: String, _ id: String, _ producer: ProducerIdentity
    ) throws(BrokerError) {
        try checkStorable(offsets, of: group)
        let partition = TopicPartition(Self.offsetsTopic, try partitionForOffsets(of: group))
        try withSettled(id, as: producer) { state throws(BrokerError) in
            try enlist([partition], &state, id)
            try add(offsets, of: group, in: partition, &state, by: producer)
        }
    }

    /// Appends a group's offsets to a partition that the transaction writes to.
    func add(
        _ offsets: [TopicPartition: GroupOffset], of group: String, in partition: TopicPartition,
        _ state: inout Transactions.State, by producer: ProducerIdentity
    ) throws(BrokerError) {
        let records = offsets.sorted { $0.key < $1.key }
            .map { GroupRecord.offset(OffsetRecord(group: group, partition: $0.key, offset: $0.value)) }
        let log = try self.partition(partition)
        try groups.inOrder { state throws(BrokerError) in
            try prepare(&state)
            _ = try append(records[...], to: log, by: producer.unnumberedStamp)
            for record in records { state.coordinator.replay(record, in: producer.id) }
        }
        state.offsets[group, default: [:]].merge(offsets) { $1 }
    }

    /// Commits or aborts the producer's transaction. On return a commit is as durable as `durability` promises. Blocks.
    package func endTransaction(_ id: String, _ producer: ProducerIdentity, commit: Bool) throws(BrokerError) {
        let isDecided = try transactions.withState(id) { state throws(BrokerError) in
            guard try check(state, id, producer).status == .ongoing else { return false }
            try decide(&state, id, commit: commit)
            return true
        }
        // What was decided here stands, even if a newer producer carries it out first.
        try withSettled(id, as: isDecided ? nil : producer) { state throws(BrokerError) in
            guard !isDecided, let status = state.record?.status, status.isDecided, status.isCommit != commit else {
                return
            }
            throw .invalidTransaction(id: id, reason: "the transaction has already ended with the opposite outcome")
        }
    }

    /// Runs `body` when no decision of the id still has to be carried out; carries out such a decision first. Blocks on
    /// its sync, with no lock held: another thread may then carry it out first.
    /// - Parameter producer: must be the id's newest producer; nil: any.
    private func withSettled<Answer: Sendable>(
        _ id: String, as producer: ProducerIdentity?,
        _ body: (inout Transactions.State) throws(BrokerError) -> Answer
    ) throws(BrokerError) -> Answer {
        while true {
            let (answer, number) = try transactions.withState(id) { state throws(BrokerError) -> (Answer?, Int) in
                if let producer { _ = try check(state, id, producer) }
                guard try isSettled(&state, id) else { return (nil, state.number) }
                return (try body(&state), state.number)
            }
            if let answer { return answer }
            try flush()
            noteDurable(id, number)
        }
    }

    /// Carries out an outstanding decision, if it is durable.
    /// - Returns: false if its sync is still pending.
    func isSettled(_ state: inout Transactions.State, _ id: String) throws(BrokerError) -> Bool {
        guard let status = state.record?.status, status == .prepareCommit || status == .prepareAbort else {
            return true
        }
        guard state.isDurable else { return false }
        try complete(&state, id)
        return true
    }

    /// Marks the decision of this number, if it is still the last, as durable.
    func noteDurable(_ id: String, _ number: Int) {
        transactions.withState(id) { if $0.number == number { $0.isDurable = true } }
    }

    /// - Returns: the recorded state of the id. Throws unless `producer` is its newest.
    func check(
        _ state: Transactions.State, _ id: String, _ producer: ProducerIdentity
    ) throws(BrokerError) -> TransactionRecord {
        guard let record = state.record else {
            throw .invalidTransaction(id: id, reason: "it has no producer yet")
        }
        #if SABOTAGE
            if files.sabotage.contains(.staleEpochAccepted) { return record }
        #endif
        guard record.producer == producer else { throw .producerFenced(id: id) }
        return record
    }

    /// Records how the open transaction ends; it is carried out by `complete`, a commit once it is durable.
    func decide(_ state: inout Transactions.State, _ id: String, commit: Bool) throws(BrokerError) {
        guard var record = state.record else { return }
        record.status = commit ? .prepareCommit : .prepareAbort
        for name in record.ends.keys.sorted() {
            do throws(BrokerError) {
                record.ends[name] = try partition(name).endOffset()
            } catch .unknownTopic, .unknownPartition {
                record.ends[name] = nil
            }
        }
        if commit {
            // After a crash the records that were read must be there too, not only those that were written. Whatever
            // position a client names, only records that exist now can be required.
            for (name, read) in state.offsets.values.joined() where record.ends[name] == nil {
                guard let end = try? partition(name).endOffset() else { continue }
                record.reads[name] = min(read.offset, end)
                #if SABOTAGE
                    if files.sabotage.contains(.positionsBelieved) { record.reads[name] = read.offset }
                #endif
            }
        }
        try store(record, &state, id)
        state.number += 1
        // An abort whose record is lost is an abort nevertheless: its records cannot be read before a decision.
        state.isDurable = !commit
        #if SABOTAGE
            if files.sabotage.contains(.decisionNotSynced) { state.isDurable = true }
        #endif
    }

    private func isOpen(_ record: TransactionRecord) -> Bool {
        #if SABOTAGE
            if files.sabotage.contains(.openTransactionForgotten) { return false }
        #endif
        return record.status == .ongoing
    }

    /// Where a decision's markers go, in order.
    private func markedPartitions(_ record: TransactionRecord) -> [TopicPartition] {
        #if SABOTAGE
            if files.sabotage.contains(.markerLost) { return Array(record.ends.keys.sorted().dropFirst()) }
        #endif
        return record.ends.keys.sorted()
    }

    /// Carries a decision out.
    func complete(_ state: inout Transactions.State, _ id: String) throws(BrokerError) {
        guard var record = state.record else { return }
        let isCommit = record.status.isCommit
        for name in markedPartitions(record) {
            if name.topic == Self.offsetsTopic {
                try groups.inOrder { groups throws(BrokerError) in
                    try writeMarker(name, record, isCommit: isCommit, fences: !isCommit)
                    groups.coordinator.replayMarker(
                        of: record.producer.id, isCommit: isCommit, partition: name.partition.number)
                }
            } else {
                try writeMarker(name, record, isCommit: isCommit, fences: !isCommit)
            }
        }
        record.status = isCommit ? .completeCommit : .completeAbort
        var completed = Transactions.State(record: record, used: uptime(), number: state.number)
        // An abort that is complete and has no partitions is what a recovery writes: that all before it is carried out.
        if isCommit || !record.ends.isEmpty { try store(record, &completed, id) }
        state = completed
    }

    /// - Parameter fences: writes the marker even if the producer has not written there yet, so that it cannot do so
    ///   later.
    func writeMarker(
        _ name: TopicPartition, _ record: TransactionRecord, isCommit: Bool, fences: Bool = false
    ) throws(BrokerError) {
        do throws(BrokerError) {
            let (partition, marker) = (try partition(name), TransactionMarker(isCommit: isCommit))
            if fences { return try partition.write(marker, of: record.producer) }
            let end = record.ends[name] ?? .zero
            let isKnown = end != TransactionRecord.unknownEnd
            try partition.end(record.producer, before: isKnown ? end : Offset(.max), marker)
        } catch .unknownTopic, .unknownPartition {
            // The topic was deleted with the transaction's records; it may have been recreated with fewer partitions.
        }
    }

    /// Aborts a producer's open transaction with the next epoch, which fences it in every partition that it wrote to.
    func takeOver(_ state: inout Transactions.State, _ id: String) throws(BrokerError) {
        if let epoch = state.record?.producer.epoch, epoch < .max { state.record?.producer.epoch = epoch + 1 }
        try decide(&state, id, commit: false)
        try complete(&state, id)
    }

    /// Aborts transactions that exceed their timeout, and those that no client can end; expires unused producers.
    /// - Throws: the first failure, after all were tried.
    package func abortExpired() throws(BrokerError) {
        let now = uptime()
        var failure: BrokerError?
        for slot in transactions.all {
            do throws(BrokerError) {
                try withSettled(slot.id, as: nil) { state throws(BrokerError) in
                    guard let record = state.record, record.status == .ongoing,
                        now - state.begun > .milliseconds(record.timeoutMs)
                    else { return }
                    #if SABOTAGE
                        if files.sabotage.contains(.expiredCommitted) {
                            try decide(&state, slot.id, commit: true)
                            return try complete(&state, slot.id)
                        }
                        if files.sabotage.contains(.expiredLeftOpen) { return }
                    #endif
                    try takeOver(&state, slot.id)
                }
            } catch {
                failure = failure ?? error
            }
        }
        do throws(BrokerError) { try abortUnknown(opens: false) } catch { failure = failure ?? error }
        do throws(BrokerError) { try expireProducers() } catch { failure = failure ?? error }
        if let failure { throw failure }
    }

    // MARK: On disk

    /// Makes this the id's record, in the topic and in memory.
    /// - Parameter earlier: a record to be written before it, so that neither exists without the other.
    func store(
        _ record: TransactionRecord, after earlier: TransactionRecord? = nil, _ state: inout Transactions.State,
        _ id: String
    ) throws(BrokerError) {
        let now = clock()
        let records = [earlier, record].compactMap { record in
            var record = record
            record?.updated = now
            return record
        }
        if topic(Self.transactionsTopic) == nil { try createTransactionsTopic() }
        let number = transactionsPartition(of: id)
        try append(id, records, to: try partition(TopicPartition(Self.transactionsTopic, number)))
        (state.record, state.used) = (records.last, uptime())
    }

    /// Appends records of an id in one batch.
    /// - Parameter records: nil marks the id as deleted in this partition.
    func append(
        _ id: String, _ records: [TransactionRecord?], to partition: BrokerPartition<Files>
    ) throws(BrokerError) {
        var builder = RecordBatchBuilder(capacity: 1_024)
        var key = ByteWriter()
        TransactionRecord.encodeKey(id, &key)
        for record in records {
            var value = ByteWriter()
            record?.encode(&value)
            builder.append(
                key: key.bytes, value: record == nil ? nil : value.bytes, timestamp: record?.updated ?? clock(),
                headers: record?.headers ?? Headers())
        }
        try partition.appendOwn(builder.finish())
    }

    func transactionsPartition(of id: String) -> Int32 {
        coordinatorPartition(
            of: id, among: topic(Self.transactionsTopic)?.partitionCount ?? Self.offsetsPartitionCount)
    }

    func createTransactionsTopic() throws(BrokerError) {
        let topic = TopicMetadata(
            name: Self.transactionsTopic, partitionCount: Self.offsetsPartitionCount,
            configuration: ["cleanup.policy": "compact"])
        do {
            try create([topic])
        } catch .topicExists {
            // Another producer created the topic first.
        }
    }
}
