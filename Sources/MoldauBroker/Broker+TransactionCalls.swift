// The transaction API for external clients: for a server on event loops, where no thread may block. Each call says
// whether it calls back; those that do not never wait for the disk. The errors, and their order of precedence, are
// Kafka's, because clients act on them.
//
// A durable commit is carried out by the first caller that finds it: usually the callback of its sync.

internal import MoldauLog
package import MoldauRecords

extension Broker {
    /// Gets the answer of a call, or why it was refused.
    package typealias TransactionAnswer<Answer> = @Sendable (Result<Answer, BrokerError>) -> Void

    /// Makes a producer: without a transactional id a new one; with an id the next one of that id, which fences those
    /// before it. Calls back when it is durable, or before this returns if it is refused.
    ///
    /// If the id's transaction is open, it is aborted, and the answer is `transactionInProgress`: the client retries
    /// (KIP-98).
    /// - Parameters:
    ///   - timeoutMs: transactions that are open for longer are aborted.
    ///   - known: the producer that the client was before, which the new one replaces (KIP-360, version 3 on). If the
    ///     newest producer was already made for it, the request is a retry, and the answer is that producer.
    /// - Throws: to the callback: `BrokerError.invalidProducerRequest`, `.invalidTransactionTimeout`,
    ///   `.tooManyTransactionalIDs`, `.transactionInProgress`, `.producerFenced` if `known` is not the newest.
    package func initProducer(
        _ id: String?, timeoutMs: Int32, as known: ProducerIdentity? = nil,
        then completion: @escaping TransactionAnswer<ProducerIdentity>
    ) {
        // Whatever is missing requires the disk: it is created by the callbacks.
        guard transactions.hasProducerID, id == nil || topic(Self.transactionsTopic) != nil else {
            return callbacks.call { [self] in
                do throws(BrokerError) {
                    try reserveProducerIDs()
                    if id != nil, topic(Self.transactionsTopic) == nil { try createTransactionsTopic() }
                } catch {
                    return completion(.failure(error))
                }
                initProducer(id, timeoutMs: timeoutMs, as: known, then: completion)
            }
        }
        do throws(BrokerError) {
            let producer =
                try id.map { id throws(BrokerError) in
                    try successor(of: id, timeoutMs: timeoutMs, as: known)
                } ?? transactions.takeProducerID().map { ProducerIdentity(id: $0, epoch: 0) }
            guard let producer else {
                // Other calls have taken the last producer ids.
                return initProducer(id, timeoutMs: timeoutMs, as: known, then: completion)
            }
            if id == nil { return completion(.success(producer)) }
            #if SABOTAGE
                if files.sabotage.contains(.initAnsweredEarly) { return completion(.success(producer)) }
            #endif
            afterFlush { completion($0.map { producer }) }
        } catch {
            completion(.failure(error))
        }
    }

    /// - Returns: nil if no producer id is left.
    private func successor(
        of id: String, timeoutMs: Int32, as known: ProducerIdentity?
    ) throws(BrokerError) -> ProducerIdentity? {
        guard !id.isEmpty else { throw .invalidProducerRequest(reason: "a transactional id is empty") }
        try checkUsable(id)
        let longestMs = transactions.limits.longestTransaction.milliseconds
        guard timeoutMs > 0, Int64(timeoutMs) <= longestMs else {
            throw .invalidTransactionTimeout(ms: timeoutMs, longestMs: longestMs)
        }
        try transactions.checkRoom(for: id)
        guard id.utf8.count <= transactions.limits.maxIDBytes || transactions.newestProducer(of: id) != nil else {
            throw .invalidProducerRequest(
                reason: "a transactional id has at most \(transactions.limits.maxIDBytes) bytes")
        }
        return try transactions.withState(id) { state throws(BrokerError) in
            if let record = state.record {
                if let known, known != record.producer {
                    guard known == record.former else { throw .producerFenced(id: id) }
                    return record.producer
                }
                guard try isSettled(&state, id) else { throw .transactionInProgress(id: id) }
                if isToBeAborted(record) {
                    try takeOver(&state, id)
                    // The record names the caller, so that its retry gets the raised epoch.
                    state.record?.former = known
                    throw .transactionInProgress(id: id)
                }
            }
            let former = state.record == nil ? nil : known
            guard
                let next = state.record?.successor
                    ?? transactions.takeProducerID().map({ ProducerIdentity(id: $0, epoch: 0) })
            else { return nil }
            try begin(next, after: former, timeoutMs: timeoutMs, &state, id)
            return next
        }
    }

    private func isToBeAborted(_ record: TransactionRecord) -> Bool {
        #if SABOTAGE
            if files.sabotage.contains(.initLeavesOpen) { return false }
        #endif
        return record.status == .ongoing
    }

    /// Adds partitions to the producer's transaction; begins one if none is open. Never waits: a transaction whose
    /// beginning is lost is aborted.
    /// - Throws: `BrokerError.unknownTopic`, `.unknownPartition`, `.internalTopic` for the first partition that cannot
    ///   be added: then none is. `.unknownProducer`, `.producerFenced`, `.transactionInProgress`.
    package func addPartitions(
        _ partitions: [TopicPartition], _ id: String, _ producer: ProducerIdentity
    ) throws(BrokerError) {
        try checkEnlistable(partitions)
        try addToTransaction(partitions, id, producer)
    }

    private func addToTransaction(
        _ partitions: [TopicPartition], _ id: String, _ producer: ProducerIdentity
    ) throws(BrokerError) {
        try withTransaction(id, producer) { state throws(BrokerError) in
            guard try isSettled(&state, id) else { throw .transactionInProgress(id: id) }
            if !partitions.isEmpty { try enlist(partitions, &state, id) }
        }
    }

    /// Adds the partition of a group's offsets to the producer's transaction, as `addPartitions` does. Calls back
    /// because the topic of offsets may have to be created: otherwise before this returns.
    package func addOffsets(
        of group: String, _ id: String, _ producer: ProducerIdentity, then completion: @escaping TransactionAnswer<Void>
    ) {
        let add: @Sendable () -> Void = { [self] in
            do throws(BrokerError) {
                let number = try partitionForOffsets(of: group)
                completion(.success(try addToTransaction([TopicPartition(Self.offsetsTopic, number)], id, producer)))
            } catch {
                completion(.failure(error))
            }
        }
        if topic(Self.offsetsTopic) == nil { callbacks.call(add) } else { add() }
    }

    /// Commits or aborts the producer's transaction. Calls back when it is decided, durably, and carried out. That
    /// holds for an abort too: otherwise a client that outlives a crash would commit, with its next transaction,
    /// records that it was told are aborted.
    /// - Throws: to the callback: `BrokerError.unknownProducer`, `.producerFenced`; `.transactionInProgress` if it was
    ///   asked for before and is not done; `.invalidTransaction` if none is open, or it has ended the other way.
    package func endTransaction(
        _ id: String, _ producer: ProducerIdentity, commit: Bool, then completion: @escaping TransactionAnswer<Void>
    ) {
        #if SABOTAGE
            let producer = files.sabotage.contains(.staleEndAccepted) ? newest(of: id) ?? producer : producer
        #endif
        do throws(BrokerError) {
            let number: Int? = try withTransaction(id, producer) { state throws(BrokerError) in
                try end(&state, id, commit: commit) ? nil : state.number
            }
            guard let number else { return afterFlush(completion) }
            #if SABOTAGE
                if files.sabotage.contains(.endAnsweredEarly) {
                    completion(.success(()))
                    return afterFlush { [self] result in _ = result.flatMap { carryOut(number, id) } }
                }
            #endif
            afterFlush { [self] result in completion(result.flatMap { carryOut(number, id) }) }
        } catch {
            completion(.failure(error))
        }
    }

    /// - Returns: whether it has ended; false if the decision must become durable first.
    private func end(_ state: inout Transactions.State, _ id: String, commit: Bool) throws(BrokerError) -> Bool {
        guard let status = state.record?.status, status != .empty else {
            throw .invalidTransaction(id: id, reason: "no transaction is open")
        }
        if status == .ongoing {
            try decide(&state, id, commit: commit)
            return try isSettled(&state, id)
        }
        guard status.isCommit == commit else {
            throw .invalidTransaction(id: id, reason: "the transaction has already ended with the opposite outcome")
        }
        // What failed in an earlier attempt may work now.
        guard try isSettled(&state, id) else { throw .transactionInProgress(id: id) }
        return true
    }

    /// Carries out the decision of this number, which is durable, unless another caller already did.
    func carryOut(_ number: Int, _ id: String) -> Result<Void, BrokerError> {
        noteDurable(id, number)
        do throws(BrokerError) {
            _ = try transactions.withState(id) { state throws(BrokerError) in
                state.number == number ? try isSettled(&state, id) : true
            }
            return .success(())
        } catch {
            return .failure(error)
        }
    }

    /// Runs `body` with the state of the id, after checking that `producer` is its newest producer.
    func withTransaction<Answer: Sendable>(
        _ id: String, _ producer: ProducerIdentity,
        _ body: (inout Transactions.State) throws(BrokerError) -> Answer
    ) throws(BrokerError) -> Answer {
        let answer = try transactions.withKnownState(id) { state throws(BrokerError) in
            guard state.record?.producer.id == producer.id else {
                throw .unknownProducer(id: id, producer: producer.id)
            }
            _ = try check(state, id, producer)
            return try body(&state)
        }
        guard let answer else { throw .unknownProducer(id: id, producer: producer.id) }
        return answer
    }

    #if SABOTAGE
        private func newest(of id: String) -> ProducerIdentity? {
            transactions.withKnownState(id) { $0.record?.producer } ?? nil
        }
    #endif
}
