public import MoldauRecords
internal import MoldauWire
internal import Synchronization

/// An open transaction.
public struct Transaction: Sendable {
    let sender: ProducerSender

    /// Adds a group's offsets to the transaction: they are committed if and only if the transaction is. Call it once
    /// all records that result from the records read have been sent.
    /// - Throws: `ClientError`; `CancellationError`.
    public func commit(_ offsets: [TopicPartition: Offset], of group: ConsumerGroupMetadata) async throws {
        try await sender.add(offsets.mapValues { AdminClient.OffsetAndMetadata($0) }, of: group)
    }
}

/// Identifies a consumer as a group member: accompanies offsets that are committed within a transaction, so that a
/// member that was considered dead cannot commit (KIP-447).
public struct ConsumerGroupMetadata: Hashable, Sendable {
    let group: String
    let generation: Int32
    let memberID: String
    let instanceID: String?

    /// A member of a group.
    /// - Parameter generation: −1 for a caller that is not a member.
    package init(group: String, generation: Int32, memberID: String, instanceID: String?) {
        (self.group, self.generation, self.memberID, self.instanceID) = (group, generation, memberID, instanceID)
    }
}

extension Producer {
    /// Fences older producers with this `transactional.id`, and waits until their open transactions are aborted: after
    /// that, committed offsets do not change unexpectedly. The first transaction does the same; call it before, if you
    /// read committed offsets, for example with manually assigned partitions. Likewise after a failed transaction.
    /// - Throws: `ClientError`; `fenced` if a newer producer with this `transactional.id` exists; `CancellationError`.
    public func initTransactions() async throws { try await transactions.initTransactions() }

    /// Runs `body` within a transaction. The records sent within it, and the offsets that it commits, take effect
    /// atomically when `body` returns; none do if it throws. A producer has one open transaction at a time.
    ///
    /// ```swift
    /// try await producer.transaction { transaction in
    ///     try await producer.send("42", "a result")
    ///     try await transaction.commit(offsets, of: metadata)
    /// }
    /// ```
    /// - Throws: what `body` throws, and `ClientError`; the transaction is aborted then. `ClientError.fenced` if a
    ///   newer producer with this `transactional.id` exists.
    @discardableResult
    public func transaction<Result>(
        _ body: (Transaction) async throws -> Result
    ) async throws -> Result {
        try await transactions.transaction { try await body(Transaction(sender: transactions)) }
    }
}

extension Consumer {
    /// Identifies the group and member for offsets committed within a transaction: read it for each commit, since it
    /// changes with each rebalance. nil without a group.
    public var groupMetadata: ConsumerGroupMetadata? { session.groupMetadata }
}

extension ConsumerSession {
    var groupMetadata: ConsumerGroupMetadata? {
        guard let group = options.group else { return nil }
        return state.withLock(\.member)?.metadata
            ?? ConsumerGroupMetadata(group: group, generation: -1, memberID: "", instanceID: options.instanceID)
    }
}
