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
    private static var producerIDBlock: Int64 { 1_000 }
    private var producerIDPath: String { "\(directory)/producer-ids" }

    /// Makes a producer for a transactional id. An older producer's open transaction is aborted, and it can write no
    /// more. Durable on return. Blocks.
    /// - Parameter timeout: transactions that are open for longer are aborted.
    package func makeProducer(_ id: String, timeout: Duration) throws(BrokerError) -> ProducerIdentity {
        guard !id.isEmpty, id.utf8.count <= Int(Int16.max) else {
            throw .invalidTransaction(id: id, reason: "a transactional id has 1 to 32767 bytes")
        }
        let timeoutMs = Int32(clamping: timeout.milliseconds)
        let number = transactionsPartition(of: id)
        if let cause = transactions.damage(of: number) {
            throw .unreadable(
                holder: "the transactional id '\(id)'", TopicPartition(Self.transactionsTopic, number), cause)
        }
        let slot = transactions.slot(id)
        let producer = try slot.state.withLock { state throws(BrokerError) in
            var record: TransactionRecord
            if let known = state.record {
                if isOpen(known) {
                    try takeOver(&state, id)
                } else if known.status == .prepareCommit || known.status == .prepareAbort {
                    try complete(&state, id)
                }
                record = state.record ?? known
                if record.producer.epoch == .max {
                    record.producer = ProducerIdentity(id: try newProducerID(), epoch: 0)
                } else {
                    record.producer.epoch += 1
                }
            } else {
                record = TransactionRecord(
                    producer: ProducerIdentity(id: try newProducerID(), epoch: 0), timeoutMs: timeoutMs)
            }
            transactions.note(record.producer.id, of: id)
            (record.status, record.ends, record.reads, record.timeoutMs) = (.empty, [:], [:], timeoutMs)
            state = Transactions.State(record: record)
            try store(record, id)
            return record.producer
        }
        try flush()
        return producer
    }

    /// The id of the newest producer of a transactional id; nil before the first.
    package func producerID(of id: String) -> Int64? { transactions.newestProducer(of: id) }

    /// Adds partitions to the producer's transaction; begins one if none is open.
    package func enlist(
        _ partitions: [TopicPartition], _ id: String, _ producer: ProducerIdentity
    ) throws(BrokerError) {
        for name in partitions {
            if Self.isInternal(name.topic) { throw .internalTopic(name.topic) }
            _ = try partition(name)
        }
        try transactions.slot(id).state.withLock { state throws(BrokerError) in
            try enlist(partitions, &state, id, producer)
        }
    }

    private func enlist(
        _ partitions: [TopicPartition], _ state: inout Transactions.State, _ id: String, _ producer: ProducerIdentity
    ) throws(BrokerError) {
        _ = try check(state, id, producer)
        // An earlier attempt to complete the last transaction may have failed; it may work now.
        try completeDecided(&state, id)
        var record = try check(state, id, producer)
        if record.status != .ongoing {
            (record.status, record.ends, record.reads, record.started) = (.ongoing, [:], [:], clock())
            (state.offsets, state.begun) = ([:], uptime())
        }
        let added = partitions.filter { record.ends[$0] == nil }
        if added.isEmpty && state.record?.status == .ongoing { return }
        for partition in added { record.ends[partition] = .zero }
        try store(record, id)
        state.record = record
    }

    /// Adds a group's offsets to the producer's transaction: they take effect when it is committed.
    package func commit(
        _ offsets: [TopicPartition: GroupOffset], of group: String, _ id: String, _ producer: ProducerIdentity
    ) throws(BrokerError) {
        try checkStorable(offsets, of: group)
        let number = try partitionForOffsets(of: group)
        let partition = TopicPartition(Self.offsetsTopic, number)
        try transactions.slot(id).state.withLock { state throws(BrokerError) in
            try enlist([partition], &state, id, producer)
            let records = offsets.sorted { $0.key < $1.key }
                .map { GroupRecord.offset(OffsetRecord(group: group, partition: $0.key, offset: $0.value)) }
            let stamp = ProducerStamp(
                id: producer.id, epoch: producer.epoch, baseSequence: -1, isTransactional: true)
            let log = try self.partition(partition)
            try groups.inOrder { state throws(BrokerError) in
                try prepare(&state)
                _ = try append(records[...], to: log, by: stamp)
                for record in records { state.coordinator.replay(record, in: producer.id) }
            }
            state.offsets[group, default: [:]].merge(offsets) { $1 }
        }
    }

    /// Commits or aborts the producer's transaction. On return a commit is as durable as `durability` promises. Blocks.
    package func endTransaction(_ id: String, _ producer: ProducerIdentity, commit: Bool) throws(BrokerError) {
        try transactions.slot(id).state.withLock { state throws(BrokerError) in
            let record = try check(state, id, producer)
            if record.status == .ongoing { return try decide(&state, id, commit: commit) }
            try completeDecided(&state, id)
            if record.status.isDecided, record.status.isCommit != commit {
                throw .invalidTransaction(id: id, reason: "the transaction has ended the other way")
            }
        }
    }

    private func check(
        _ state: Transactions.State, _ id: String, _ producer: ProducerIdentity
    ) throws(BrokerError) -> TransactionRecord {
        guard let record = state.record else {
            throw .invalidTransaction(id: id, reason: "no producer was made for it")
        }
        #if SABOTAGE
            if files.sabotage.contains(.staleEpochAccepted) { return record }
        #endif
        guard record.producer == producer else { throw .producerFenced(id: id) }
        return record
    }

    private func decide(_ state: inout Transactions.State, _ id: String, commit: Bool) throws(BrokerError) {
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
        try store(record, id)
        state.record = record
        // An abort whose record is lost is an abort all the same: its records cannot be read before a decision.
        if commit { try flushDecision() }
        try complete(&state, id)
    }

    /// Makes a commit, and all that it decides on, durable.
    private func flushDecision() throws(BrokerError) {
        #if SABOTAGE
            if files.sabotage.contains(.decisionNotSynced) { return }
        #endif
        try flush()
    }

    /// Carries out a decision if an earlier attempt failed.
    private func completeDecided(_ state: inout Transactions.State, _ id: String) throws(BrokerError) {
        guard let status = state.record?.status, status == .prepareCommit || status == .prepareAbort else { return }
        // The decision may not be durable yet.
        if status == .prepareCommit { try flush() }
        try complete(&state, id)
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
        try store(record, id)
        state = Transactions.State(record: record)
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
    private func takeOver(_ state: inout Transactions.State, _ id: String) throws(BrokerError) {
        if let epoch = state.record?.producer.epoch, epoch < .max { state.record?.producer.epoch = epoch + 1 }
        try decide(&state, id, commit: false)
    }

    /// Aborts transactions that exceed their timeout, and those that nobody can end.
    /// - Throws: the first failure, after all were tried.
    package func abortExpired() throws(BrokerError) {
        let now = uptime()
        var failure: BrokerError?
        for slot in transactions.all {
            do throws(BrokerError) {
                try slot.state.withLock { state throws(BrokerError) in
                    try completeDecided(&state, slot.id)
                    guard let record = state.record, record.status == .ongoing,
                        now - state.begun > .milliseconds(record.timeoutMs)
                    else { return }
                    #if SABOTAGE
                        if files.sabotage.contains(.expiredCommitted) {
                            return try decide(&state, slot.id, commit: true)
                        }
                    #endif
                    try takeOver(&state, slot.id)
                }
            } catch {
                failure = failure ?? error
            }
        }
        do throws(BrokerError) { try abortUnknown(opens: false) } catch { failure = failure ?? error }
        if let failure { throw failure }
    }

    // MARK: On disk

    func store(_ record: TransactionRecord, _ id: String) throws(BrokerError) {
        var record = record
        record.updated = clock()
        if topic(Self.transactionsTopic) == nil { try createTransactionsTopic() }
        let number = transactionsPartition(of: id)
        try append(id, record, to: try partition(TopicPartition(Self.transactionsTopic, number)))
    }

    /// - Parameter record: nil marks the id as deleted in this partition.
    func append(_ id: String, _ record: TransactionRecord?, to partition: BrokerPartition<Files>) throws(BrokerError) {
        var builder = RecordBatchBuilder(capacity: 1_024)
        var key = ByteWriter()
        var value = ByteWriter()
        TransactionRecord.encodeKey(id, &key)
        record?.encode(&value)
        builder.append(
            key: key.bytes, value: record == nil ? nil : value.bytes, timestamp: record?.updated ?? clock(),
            headers: record?.headers ?? Headers())
        try partition.appendOwn(builder.finish())
    }

    func transactionsPartition(of id: String) -> Int32 {
        coordinatorPartition(
            of: id, among: topic(Self.transactionsTopic)?.partitionCount ?? Self.offsetsPartitionCount)
    }

    private func createTransactionsTopic() throws(BrokerError) {
        let topic = TopicMetadata(
            name: Self.transactionsTopic, partitionCount: Self.offsetsPartitionCount,
            configuration: ["cleanup.policy": "compact"])
        do {
            try create([topic])
        } catch .topicExists {
            // Another producer created the topic first.
        }
    }

    /// A new producer id. Ids are reserved in blocks, durably, so that a crash never leads to an id being given out
    /// twice.
    private func newProducerID() throws(BrokerError) -> Int64 {
        try transactions.producerIDs.withLock { ids throws(BrokerError) in
            if ids.isEmpty {
                do throws(LogError) {
                    let noted = try files.number(at: producerIDPath)
                    if noted == nil && files.exists(producerIDPath) {
                        throw .damagedFile(path: producerIDPath, reason: "it has changed since it was written")
                    }
                    // If the file is lost, the ids in use show which ones were given out.
                    let first = max(noted ?? 0, transactions.firstUnusedProducer)
                    guard first >= 0, first <= .max - Self.producerIDBlock else {
                        throw .damagedFile(path: producerIDPath, reason: "no producer's id is left after \(first)")
                    }
                    try files.replace(producerIDPath, with: first + Self.producerIDBlock, in: directory, sync: true)
                    ids = first..<(first + Self.producerIDBlock)
                } catch {
                    throw .storage(error)
                }
            }
            defer { ids = (ids.lowerBound + 1)..<ids.upperBound }
            return ids.lowerBound
        }
    }
}
