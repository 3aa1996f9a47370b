public import MoldauRecords
internal import MoldauWire
internal import Synchronization

/// A transaction that goes on.
public struct Transaction: Sendable {
    let sender: ProducerSender

    /// Makes offsets of a group part of the transaction: they are committed if the transaction is. Call it once all
    /// records that result from what was read have been sent.
    /// - Throws: `ClientError`; `CancellationError`.
    public func commit(_ offsets: [TopicPartition: Offset], of group: ConsumerGroupMetadata) async throws {
        try await sender.add(offsets.mapValues { AdminClient.OffsetAndMetadata($0) }, of: group)
    }
}

/// Which member of a group a consumer is: goes with offsets that are committed within a transaction, so that a member
/// that was taken for dead cannot commit (KIP-447).
public struct ConsumerGroupMetadata: Hashable, Sendable {
    let group: String
    let generation: Int32
    let memberID: String
    let instanceID: String?

    /// A member of a group.
    /// - Parameter generation: −1 for a caller that is no member.
    package init(group: String, generation: Int32, memberID: String, instanceID: String?) {
        (self.group, self.generation, self.memberID, self.instanceID) = (group, generation, memberID, instanceID)
    }
}

extension Producer {
    /// Fences older producers of this `transactional.id`, and waits until what they left open is aborted: what a group
    /// has committed does not change behind one's back any more. A transaction begins so by itself; call it before, if
    /// you look for committed offsets, as where partitions are assigned by hand. The same after a transaction has
    /// failed.
    /// - Throws: `ClientError`, `fenced` if another producer with this `transactional.id` has begun;
    ///   `CancellationError`.
    public func initTransactions() async throws { try await transactions.initTransactions() }

    /// Runs `body` within a transaction. What is sent within becomes readable all at once when `body` returns, or never
    /// if it throws; so do offsets that it commits. One transaction of a producer goes on at a time.
    ///
    /// ```swift
    /// try await producer.transaction { transaction in
    ///     try await producer.send("42", "a result")
    ///     try await transaction.commit(offsets, of: metadata)
    /// }
    /// ```
    /// - Throws: what `body` throws, and `ClientError`; the transaction is aborted then. `ClientError.fenced` if
    ///   another producer with this `transactional.id` has begun.
    @discardableResult
    public func transaction<Result>(
        _ body: (Transaction) async throws -> Result
    ) async throws -> Result {
        try await transactions.transaction { try await body(Transaction(sender: transactions)) }
    }
}

extension Consumer {
    /// Group and member, for offsets that are committed within a transaction: read it for each commit, since it changes
    /// with the group's members. nil without a group.
    public var groupMetadata: ConsumerGroupMetadata? { session.groupMetadata }
}

extension ConsumerSession {
    var groupMetadata: ConsumerGroupMetadata? {
        guard let group = options.group else { return nil }
        return state.withLock(\.member)?.metadata
            ?? ConsumerGroupMetadata(group: group, generation: -1, memberID: "", instanceID: options.instanceID)
    }
}
