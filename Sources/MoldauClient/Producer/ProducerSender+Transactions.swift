// A transaction, by the protocol of KIP-98 and KIP-360:
//
//     InitProducerId ─▶ ( AddPartitionsToTxn ─▶ Produce … │ AddOffsetsToTxn ─▶ TxnOffsetCommit ) ─▶ EndTxn
//          ▲                                                                                         │
//          └───────────────────── after an abort: a new epoch, for all that may be on its way ◀──────┘

internal import MoldauRecords
internal import MoldauWire

extension ProducerSender {
    /// Fences older producers with the transactional id.
    func initTransactions() async throws {
        guard options.transactionalID != nil else {
            throw ClientError.invalidSetting("transactional.id", reason: "transactions need one")
        }
        try await identify()
    }

    /// Runs `body` within a transaction: commits it, or aborts it if `body` throws.
    func transaction<Result>(_ body: () async throws -> Result) async throws -> Result {
        try await initTransactions()
        try beginScope()
        let result: Result
        do {
            result = try await body()
            try await commit()
        } catch ClientError.commitUnknown(let reason) {
            // A transaction that could be aborted now was not committed before.
            if await abort() { throw ClientError.transactionFailed(reason: reason) }
            throw ClientError.commitUnknown(reason: reason)
        } catch {
            await abort()
            throw error
        }
        endScope()
        return result
    }

    /// Commits the transaction, if it has begun.
    /// - Throws: `ClientError`; then the transaction must be aborted.
    func commit() async throws {
        try await flush()
        let (error, isEmpty) = withMachine { ($0.transactionError ?? $0.fatalError, !$0.hasTransaction) }
        if let error { throw error }
        if isEmpty { return }
        // Once the commit was requested, its outcome must be determined: cancelling the task has no effect from here. A
        // thread may wait for this, so it must not run on Swift's pool.
        try await Task(executorPreference: OwnThreads.shared) { [self] in
            do {
                try await end(committed: true)
            } catch let error as ClientError {
                throw error.isRetriable ? ClientError.commitUnknown(reason: "\(error)") : error.inTransaction()
            }
        }.value
        withMachine { $0.endTransaction() }
    }

    /// Aborts the transaction. If the cluster does not answer within `max.block.ms`, the abort is requested again
    /// before the next transaction; the cluster also aborts it by itself after `transaction.timeout.ms`.
    /// - Returns: whether the cluster has confirmed the abort.
    @discardableResult
    func abort() async -> Bool {
        // If the task is cancelled, the abort must continue.
        let isAborted = await Task(executorPreference: OwnThreads.shared) { [self] in
            withMachine { machine in
                if machine.transactionError == nil {
                    machine.transactionError = .transactionFailed(reason: "it is being aborted")
                }
            }
            try? await flush()
            let isOpen = withMachine { $0.hasTransaction && $0.fatalError == nil }
            let isAborted = isOpen ? (try? await end(committed: false)) != nil : false
            withMachine { machine in
                if isAborted { machine.hasTransaction = false }
                machine.renewIdentity()
            }
            return isAborted
        }.value
        endScope()
        return isAborted
    }

    private func end(committed: Bool) async throws {
        guard let stamp = withMachine({ $0.stamp }) else { return }
        let request = endRequest(stamp, committed: committed)
        let key = CoordinatorKey.transaction(request.transactionalID)
        try await ask(request, key, maxVersion: Self.endVersion, "to end the transaction", \.errorCode)
    }

    /// From version 5 on each transaction has an epoch of its own, which is not supported here.
    static var endVersion: Int16 { 4 }

    func endRequest(_ stamp: ProducerStamp, committed: Bool) -> EndTxnRequest {
        EndTxnRequest {
            $0.transactionalID = options.transactionalID ?? ""
            $0.producerID = stamp.id
            $0.producerEpoch = stamp.epoch
            $0.committed = committed
        }
    }

    /// Adds a group's offsets to the transaction, which can then only be committed with them.
    func add(
        _ offsets: [TopicPartition: AdminClient.OffsetAndMetadata], of metadata: ConsumerGroupMetadata
    ) async throws {
        do {
            // A request that begins a transaction must be answered before that can be aborted: cancelling the task has
            // no effect until then.
            try await Task(executorPreference: OwnThreads.shared) { [self] in
                try await tryToAdd(offsets, of: metadata)
            }.value
            try Task.checkCancellation()
        } catch {
            withMachine { machine in
                if machine.transactionError == nil {
                    machine.transactionError = .transactionFailed(reason: "offsets were not added to it: \(error)")
                }
            }
            throw (error as? ClientError)?.inTransaction(of: metadata) ?? error
        }
    }

    /// As `add`, for a caller that may retry: a failure does not fail the transaction.
    func tryToAdd(
        _ offsets: [TopicPartition: AdminClient.OffsetAndMetadata], of metadata: ConsumerGroupMetadata
    ) async throws {
        guard let stamp = withMachine({ $0.stamp }), let id = options.transactionalID else {
            throw ClientError.transactionFailed(reason: "the producer has no id")
        }
        let request = AddOffsetsToTxnRequest {
            $0.transactionalID = id
            $0.producerID = stamp.id
            $0.producerEpoch = stamp.epoch
            $0.groupID = metadata.group
        }
        withMachine { $0.hasTransaction = true }
        try await ask(request, .transaction(id), maxVersion: 3, "to add offsets to the transaction", \.errorCode)
        let commit = TxnOffsetCommitRequest {
            $0.transactionalID = id
            $0.groupID = metadata.group
            $0.producerID = stamp.id
            $0.producerEpoch = stamp.epoch
            $0.generationID = metadata.generation
            $0.memberID = metadata.memberID
            $0.groupInstanceID = metadata.memberID.isEmpty ? nil : metadata.instanceID
            $0.topics = offsets.keys.byTopic.map { topic, numbers in
                .init {
                    $0.name = topic
                    $0.partitions = numbers.map { number in
                        .init {
                            $0.partitionIndex = number
                            $0.committedOffset = offsets[TopicPartition(topic, number)]?.offset ?? .zero
                            $0.committedMetadata = offsets[TopicPartition(topic, number)]?.metadata ?? ""
                        }
                    }
                }
            }
        }
        let key = CoordinatorKey.group(metadata.group)
        try await ask(commit, key, maxVersion: 4, "to commit offsets within the transaction") { response in
            response.topics.lazy.flatMap(\.partitions).map(\.errorCode).first { $0 != .none } ?? .none
        }
    }

    /// Sends a request to a coordinator, for at most `max.block.ms`; retries errors that may pass.
    private func ask<Request: WireRequest>(
        _ request: Request, _ key: CoordinatorKey, maxVersion: Int16, _ what: String,
        _ code: (Request.Response) -> ErrorCode
    ) async throws {
        try await cluster.ask(
            request, coordinatorOf: key, maxVersion: maxVersion, within: options.maxBlock,
            pauses: Backoff(first: .milliseconds(20), longest: cluster.options.retryBackoffMax),
            lost: { withMachine { $0.hasStragglers = true } }, code: code
        ) { code in
            code == .none ? nil : .of(transactional: code, options.transactionalID ?? "", what)
        }
    }
}
