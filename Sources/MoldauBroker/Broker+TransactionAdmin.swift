// Administrative calls about transactions, for `kafka-transactions` and the admin clients.

internal import MoldauLog
package import MoldauRecords
internal import Synchronization

/// The state of one transactional id, as administrators see it.
package struct TransactionDescription: Equatable, Sendable {
    package let id: String
    package let producer: ProducerIdentity
    package let status: TransactionStatus
    package let timeoutMs: Int32
    /// When the transaction began, by the wall clock; nil if none is in progress.
    package let started: Timestamp?
    /// How long the transaction has been open; nil if none is.
    package let openFor: Duration?
    /// Where it writes to; empty if none is in progress.
    package let partitions: [TopicPartition]
}

extension Broker {
    /// All transactional ids that match, by name (ListTransactions).
    /// - Parameters:
    ///   - statuses: only those; empty: all.
    ///   - producers: only the ids of these producers; empty: all.
    ///   - openFor: only those whose transaction has been open for longer.
    package func listTransactions(
        statuses: Set<TransactionStatus> = [], producers: Set<Int64> = [], openFor: Duration? = nil
    ) -> [TransactionDescription] {
        transactions.all.compactMap { slot in
            guard let found = slot.state.withLock({ describe($0, slot.id) }) else { return nil }
            guard statuses.isEmpty || statuses.contains(found.status),
                producers.isEmpty || producers.contains(found.producer.id)
            else { return nil }
            guard let openFor else { return found }
            return found.openFor.map { $0 > openFor } ?? false ? found : nil
        }
    }

    /// The state of a transactional id (DescribeTransactions).
    /// - Throws: `BrokerError.unknownTransactionalID`.
    package func describeTransaction(_ id: String) throws(BrokerError) -> TransactionDescription {
        guard let found = transactions.withKnownState(id, { describe($0, id) }) ?? nil else {
            throw .unknownTransactionalID(id)
        }
        return found
    }

    private func describe(_ state: Transactions.State, _ id: String) -> TransactionDescription? {
        guard let record = state.record else { return nil }
        let isRunning = record.status != .empty && !record.status.isComplete
        return TransactionDescription(
            id: id, producer: record.producer, status: record.status, timeoutMs: record.timeoutMs,
            started: isRunning ? record.started : nil, openFor: isRunning ? uptime() - state.begun : nil,
            partitions: isRunning ? record.ends.keys.sorted() : [])
    }

    /// Aborts a producer's transaction that hangs in a partition (`kafka-transactions --abort`). A transaction that its
    /// coordinator knows is aborted as a whole, and its producer fenced; otherwise a part of it could still be
    /// committed. Does not block.
    /// - Throws: `BrokerError.transactionInProgress` if it is being ended; `.invalidTransaction` if this producer and
    ///   epoch have none open here.
    package func abortHanging(_ producer: ProducerIdentity, in name: TopicPartition) throws(BrokerError) {
        let partition = try partition(name)
        guard try partition.openTransactions().contains(where: { $0.producer == producer }) else {
            throw .invalidTransaction(id: "producer \(producer.id)", reason: "it has no transaction open in \(name)")
        }
        if let slot = transactions.slot(ofProducer: producer.id) {
            let isDone = try slot.state.withLock { state throws(BrokerError) in
                guard try isSettled(&state, slot.id) else { throw .transactionInProgress(id: slot.id) }
                guard let record = state.record, record.producer == producer, record.status == .ongoing,
                    record.ends[name] != nil
                else { return false }
                try takeOver(&state, slot.id)
                return true
            }
            if isDone { return }
        }
        try partition.end(producer, before: Offset(.max), TransactionMarker(isCommit: false))
    }

    /// Expires the transactional ids, and in each partition the producers, that have been unused for long.
    /// - Throws: the first failure, after all were tried.
    func expireProducers() throws(BrokerError) {
        let now = uptime()
        for partition in allPartitions() { partition.expireProducers(now: now) }
        var failure: BrokerError?
        for slot in transactions.all {
            do throws(BrokerError) {
                try slot.state.withLock { state throws(BrokerError) in try expire(&state, slot.id, now: now) }
            } catch {
                failure = failure ?? error
            }
        }
        transactions.forgetProducersOfNone()
        if let failure { throw failure }
    }

    private func expire(
        _ state: inout Transactions.State, _ id: String, now: Duration
    ) throws(BrokerError) {
        guard let record = state.record, record.status == .empty || record.status.isComplete,
            now - state.used >= transactions.limits.idExpiration
        else { return }
        let home = TopicPartition(Self.transactionsTopic, transactionsPartition(of: id))
        try append(id, [nil], to: try partition(home))
        state = Transactions.State(isGone: true)
        transactions.forget(id)
    }
}
