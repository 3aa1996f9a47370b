// Transactions that each have their own epoch (KIP-890, `transaction.version` 2): the end of one raises the epoch in
// the same record, so that nothing that was sent before the end can get into the next transaction. The answer contains
// the producer that the client is from then on.
//
// A client that lost the answer retries with the old epoch. The record names the producer that the new epoch was issued
// to, so that only that producer gets it; an epoch raised for fencing names none.

internal import MoldauLog

extension Broker {
    /// Like `endTransaction`, but the producer's next transaction has the next epoch, or another producer id once the
    /// epochs are used up. Without an open transaction, an abort raises the epoch. Calls back when that is durable and
    /// carried out, with the producer to continue as.
    /// - Throws: to the callback: as `endTransaction`.
    package func endTransactionAndEpoch(
        _ id: String, _ producer: ProducerIdentity, commit: Bool,
        then completion: @escaping TransactionAnswer<ProducerIdentity>
    ) {
        do throws(BrokerError) {
            let ended = try transactions.withKnownState(id) {
                state throws(BrokerError) -> (next: ProducerIdentity?, number: Int) in
                (try endAndRaise(&state, id, producer, commit: commit), state.number)
            }
            guard let ended else { throw .unknownProducer(id: id, producer: producer.id) }
            afterFlush { [self] result in
                switch result.flatMap({ carryOut(ended.number, id) }) {
                case .success:
                    guard let next = ended.next else { return replace(producer, id, then: completion) }
                    completion(.success(next))
                case .failure(let error): completion(.failure(error))
                }
            }
        } catch {
            completion(.failure(error))
        }
    }

    /// - Returns: the producer to continue as; nil if the epochs are used up.
    private func endAndRaise(
        _ state: inout Transactions.State, _ id: String, _ producer: ProducerIdentity, commit: Bool
    ) throws(BrokerError) -> ProducerIdentity? {
        guard let known = state.record, [known.producer.id, known.former?.id].contains(producer.id) else {
            throw .unknownProducer(id: id, producer: producer.id)
        }
        if known.former == producer {
            guard known.status.isCommit == commit else {
                throw .invalidTransaction(id: id, reason: "the transaction has already ended with the opposite outcome")
            }
            return known.producer
        }
        guard known.producer == producer else { throw .producerFenced(id: id) }
        guard try isSettled(&state, id) else { throw .transactionInProgress(id: id) }
        guard known.status == .ongoing else {
            if commit { throw .invalidTransaction(id: id, reason: "no transaction is open") }
            guard let next = known.successor else { return nil }
            try begin(next, after: producer, timeoutMs: known.timeoutMs, &state, id)
            return next
        }
        if let next = known.successor {
            var raised = known
            (raised.former, raised.producer) = (producer, next)
            state.record = raised
        }
        do throws(BrokerError) {
            try decide(&state, id, commit: commit)
        } catch {
            // Nothing is decided: the transaction still has the old epoch.
            state.record = known
            throw error
        }
        return known.successor
    }

    /// Replaces a producer that has no epochs left and no open transaction. Called by the callbacks: it may wait for
    /// the disk.
    private func replace(
        _ producer: ProducerIdentity, _ id: String, then completion: @escaping TransactionAnswer<ProducerIdentity>
    ) {
        do throws(BrokerError) {
            let next = ProducerIdentity(id: try newProducerID(), epoch: 0)
            try withTransaction(id, producer) { state throws(BrokerError) in
                guard let record = state.record, try isSettled(&state, id) else { throw .transactionInProgress(id: id) }
                try begin(next, after: producer, timeoutMs: record.timeoutMs, &state, id)
            }
            afterFlush { completion($0.map { next }) }
        } catch {
            completion(.failure(error))
        }
    }
}
