package import MoldauRecords

/// Why a batch was not delivered.
package struct BatchFailure: Error {
    /// The partition that it was sent to.
    package let partition: TopicPartition
    /// Its size in bytes.
    package let byteCount: Int
    /// The cause.
    package let underlying: ClientError
}

/// Sends whole record batches, for a thread that may block. Writes the sequence numbers of idempotence and transactions
/// into the header of each batch, and does not decode its records. Owned by one thread.
package final class BatchProducer {
    private struct Pending {
        let outcome: BatchOutcome
        let recordCount: Int
        let byteCount: Int
    }

    private let sender: ProducerSender
    private var topics: [String: Int] = [:]
    /// In the order in which they were sent.
    private var pending: [Pending] = []
    /// Failures not yet reported, the next one last.
    private var failures: [BatchFailure] = []
    private var acknowledged: [TopicPartition: Offset] = [:]
    package private(set) var isInTransaction = false

    /// Where a batch was appended.
    package struct Delivery: Sendable, Equatable {
        package let partition: TopicPartition
        /// The offset of its first record, which the others follow; nil if a retried request was answered without it,
        /// or if the batch was split and other producers' records came between its parts.
        package let baseOffset: Offset?
    }

    /// Where the records of a batch are.
    private struct Place: Sendable {
        let base: Offset?
        let end: Offset?
        let count: Int

        var isWhole: Bool { base.map { $0 + Int64(count) } == end }
    }

    /// Whether `deliveries` are kept.
    package var keepsDeliveries = false
    /// Where the batches were appended, in the order in which they were sent, if `keepsDeliveries`. The owner empties
    /// it.
    package var deliveries: [Delivery] = []

    /// A producer that connects on first use.
    /// - Throws: `ClientError.invalidSetting`.
    package convenience init(_ options: ProducerOptions, cluster: ClientOptions) throws(ClientError) {
        self.init(try ProducerSender(options, cluster, try SocketWorld(cluster)))
    }

    init(_ sender: ProducerSender) { self.sender = sender }

    /// Initializes the transactional id: fences older producers with it, and aborts their open transactions. Blocks.
    /// - Throws: `ClientError`.
    package func identify() throws {
        let sender = sender
        try waiting { try await sender.identify() }
    }

    /// Returns the number of a topic's partitions. Blocks if the topic is new.
    /// - Throws: `ClientError.unknownTopic` after `time`; after `longest` the error that prevented an answer.
    package func partitionCount(
        of topic: String, within time: Duration, unanswered longest: Duration
    ) throws -> Int32 {
        let cluster = sender.cluster
        return try waiting { try await cluster.partitionCount(of: topic, within: time, unanswered: longest) }
    }

    // MARK: Sending

    /// Sends a batch; the bytes are copied. Blocks while the buffer is full.
    ///
    /// With transactions the first batch after a commit begins the next transaction.
    /// - Throws: `BatchFailure`.
    package func send(_ batch: UnsafeRawBufferPointer, to partition: TopicPartition) throws {
        do {
            try take(batch, partition)
        } catch let error as ClientError {
            throw BatchFailure(partition: partition, byteCount: batch.count, underlying: error)
        }
    }

    private func take(_ batch: UnsafeRawBufferPointer, _ partition: TopicPartition) throws {
        try beginTransaction()
        let count = try RecordBatchHeader(batch).recordCount
        let (sender, topic) = (sender, try number(of: partition.topic))
        while true {
            if let outcome = try sender.append(batch, to: topic, partition.partition) {
                pending.append(Pending(outcome: outcome, recordCount: Int(count), byteCount: batch.count))
                return
            }
            try waiting { try await sender.waitForRoom() }
        }
    }

    private func number(of topic: String) throws -> Int {
        if let known = topics[topic] { return known }
        let sender = sender
        let number = try waiting { try await sender.topic(topic, .keyed()) }
        topics[topic] = number
        return number
    }

    /// Returns when everything sent before is delivered. Blocks.
    /// - Throws: `BatchFailure` for one batch that is not; later calls report the others.
    package func flush() throws {
        if failures.isEmpty, !pending.isEmpty { try settle() }
        if let next = failures.popLast() { throw next }
    }

    /// Waits until all batches have an outcome.
    private func settle() throws {
        let (sender, batches) = (sender, pending.map { ($0.outcome, $0.recordCount) })
        let results = try waiting {
            try await sender.flush()
            var results: [(place: Place?, errors: [ClientError])] = []
            for (outcome, count) in batches {
                do {
                    let end = try await outcome.end(of: count)
                    let base = try await outcome.place(of: 0).place.baseOffset
                    results.append((Place(base: base, end: end, count: count), []))
                } catch is ClientError {
                    results.append((nil, try await outcome.errors(of: count)))
                }
            }
            return results
        }
        for (batch, result) in zip(pending, results) {
            if let place = result.place {
                if keepsDeliveries {
                    let base = place.isWhole ? place.base : nil
                    deliveries.append(Delivery(partition: batch.outcome.partition, baseOffset: base))
                }
                guard let end = place.end else { continue }
                acknowledged[batch.outcome.partition] = max(acknowledged[batch.outcome.partition] ?? end, end)
            }
            failures += result.errors.map {
                BatchFailure(partition: batch.outcome.partition, byteCount: batch.byteCount, underlying: $0)
            }
        }
        pending = []
        // If a transaction has failed, its first cause is reported first.
        let isConsequence = { (failure: BatchFailure) in
            if case .transactionFailed = failure.underlying { true } else { false }
        }
        failures = (failures.filter { !isConsequence($0) } + failures.filter(isConsequence)).reversed()
    }

    /// The offset after the last record known to be delivered to the partition; nil if there is none.
    package func acknowledgedEnd(of partition: TopicPartition) -> Offset? { acknowledged[partition] }

    // MARK: Transactions

    private func beginTransaction() throws {
        guard sender.options.transactionalID != nil, !isInTransaction else { return }
        try identify()
        try sender.beginScope()
        isInTransaction = true
    }

    /// Commits the transaction: makes what was sent readable, and the group's offsets effective, atomically. Blocks.
    /// - Parameter asMember: calls its argument with the member whose offsets these are; and again if it throws
    ///   `ClientError` and another member id may succeed.
    /// - Throws: `ClientError` or `BatchFailure`: then the transaction must be aborted, by `abort` or by the next
    ///   producer with its id.
    package func commit(
        _ offsets: [TopicPartition: AdminClient.OffsetAndMetadata],
        asMember: ((ConsumerGroupMetadata) throws -> Void) throws -> Void
    ) throws {
        if offsets.isEmpty, !isInTransaction { return }
        try beginTransaction()
        try flush()
        let sender = sender
        if !offsets.isEmpty {
            do {
                try asMember { member in try waiting { try await sender.tryToAdd(offsets, of: member) } }
            } catch let error as ClientError {
                throw error.inTransaction()
            }
        }
        try waiting { try await sender.commit() }
        sender.endScope()
        isInTransaction = false
    }

    /// Aborts the transaction: what was sent since the last commit never becomes readable. Blocks.
    package func abort() throws {
        guard isInTransaction else { return }
        (pending, failures) = ([], [])
        let sender = sender
        _ = try waiting { await sender.abort() }
        isInTransaction = false
    }

    /// Closes the connections; aborts an open transaction first, which blocks.
    package func close() {
        // If it cannot be aborted now, the cluster aborts it after the transaction timeout.
        try? abort()
        sender.close()
    }
}
