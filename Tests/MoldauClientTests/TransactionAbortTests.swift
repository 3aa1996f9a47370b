import MoldauRecords
import MoldauWire
import Testing

@testable import MoldauClient

/// Transactions with a coordinator that answers as Kafka's does.
@Suite struct TransactionAbortTests {
    private struct Stop: Error {}

    private let cluster = FakeCoordinator()

    private func producer(maxBlock: Duration = .seconds(10)) throws -> Producer<String, String> {
        var options = ProducerOptions()
        options.transactionalID = "id"
        options.linger = .zero
        options.maxBlock = maxBlock
        return Producer(topic, try ProducerSender(options, cluster.client, cluster), nil)
    }

    private let offsets = [TopicPartition("t", 0): Offset(1)]
    private let member = ConsumerGroupMetadata(group: "g", generation: 1, memberID: "m", instanceID: nil)

    /// The coordinator APIs that were called once the first transaction had begun.
    private var asked: [ApiKey] {
        let apis = cluster.seen.map(\.api).filter {
            [.initProducerId, .addPartitionsToTxn, .addOffsetsToTxn, .endTxn].contains($0)
        }
        return Array(apis.dropFirst())
    }

    @Test(arguments: [false, true])
    func `a transaction that fails while adding a partition is aborted before the next one`(isLost: Bool) async throws {
        let producer = try producer()
        cluster.fail(.addPartitionsToTxn, isLost ? .unanswered : .late(.milliseconds(200)))
        await #expect(throws: Stop.self) {
            try await producer.transaction { _ in
                _ = try await producer.enqueue("k", "no")
                try await cluster.arrival(of: .addPartitionsToTxn)
                throw Stop()
            }
        }
        try await producer.transaction { _ in try await producer.send("k", "yes") }
        #expect(asked.suffix(4) == [.endTxn, .initProducerId, .addPartitionsToTxn, .endTxn])
        await producer.close()
    }

    @Test func `a transaction that is cancelled while adding offsets is aborted before the next one`() async throws {
        let producer = try producer()
        cluster.fail(.addOffsetsToTxn, .late(.milliseconds(200)))
        let first = Task { try await producer.transaction { try await $0.commit(offsets, of: member) } }
        try await cluster.arrival(of: .addOffsetsToTxn)
        first.cancel()
        await #expect(throws: CancellationError.self) { try await first.value }
        try await producer.transaction { _ in try await producer.send("k", "yes") }
        #expect(asked == [.addOffsetsToTxn, .endTxn, .initProducerId, .addPartitionsToTxn, .endTxn])
        await producer.close()
    }

    @Test func `an unanswered abort is requested again before the next transaction`() async throws {
        let producer = try producer(maxBlock: .milliseconds(300))
        await #expect(throws: Stop.self) {
            try await producer.transaction { _ in
                try await producer.send("k", "no")
                cluster.ignore(.endTxn, true)
                throw Stop()
            }
        }
        cluster.ignore(.endTxn, false)
        try await producer.transaction { _ in try await producer.send("k", "yes") }
        let unanswered = asked.prefix { $0 != .initProducerId }
        #expect(unanswered.first == .addPartitionsToTxn && unanswered.dropFirst().allSatisfy { $0 == .endTxn })
        await producer.close()
    }

    @Test func `a transaction to which nothing could be added does not block the next one`() async throws {
        let producer = try producer()
        cluster.fail(.addPartitionsToTxn, .refused(.topicAuthorizationFailed))
        await #expect(throws: ClientError.self) {
            try await producer.transaction { _ in try await producer.send("k", "no") }
        }
        try await producer.transaction { _ in try await producer.send("k", "yes") }
        await producer.close()
    }

    /// ILLEGAL_GENERATION, UNKNOWN_MEMBER_ID, REBALANCE_IN_PROGRESS, STALE_MEMBER_EPOCH, TRANSACTION_ABORTABLE,
    /// INVALID_TXN_STATE
    @Test(arguments: [22, 25, 27, 113, 120, 48] as [Int16])
    func `offsets refused after a rebalance fail only the current transaction`(code: Int16) async throws {
        let producer = try producer()
        cluster.fail(.txnOffsetCommit, .refused(ErrorCode(rawValue: code)))
        let error = await #expect(throws: ClientError.self) {
            try await producer.transaction { try await $0.commit(offsets, of: member) }
        }
        #expect(error?.remedy == .abort, "\(String(describing: error))")
        try await producer.transaction { try await $0.commit(offsets, of: member) }
        await producer.close()
    }

    /// A blocking producer, whose transaction begins with the offsets.
    @Test(
        arguments: [ApiKey.addOffsetsToTxn, .txnOffsetCommit, .endTxn],
        [ErrorCode.transactionAbortable, .invalidTxnState, .invalidProducerIDMapping])
    func `a transaction of offsets only fails by itself, and the next one succeeds`(api: ApiKey, code: ErrorCode)
        async throws
    {
        var options = ProducerOptions()
        options.transactionalID = "id"
        let producer = BatchProducer(try ProducerSender(options, cluster.client, cluster))
        nonisolated(unsafe) let sender = producer  // Used by one thread at a time.
        let (cluster, offsets, member) = (cluster, offsets.mapValues { AdminClient.OffsetAndMetadata($0) }, member)
        try await onThread {
            cluster.fail(api, .refused(code))
            let error = #expect(throws: ClientError.self) { try sender.commit(offsets) { try $0(member) } }
            #expect(error?.remedy == .abort, "\(String(describing: error))")
            try sender.abort()
            try sender.commit(offsets) { try $0(member) }
            sender.close()
        }
    }

    @Test func `a static member whose instance id was taken over is fenced`() async throws {
        let producer = try producer()
        cluster.fail(.txnOffsetCommit, .refused(.fencedInstanceID))
        let named = ConsumerGroupMetadata(group: "g", generation: 1, memberID: "m", instanceID: "first")
        await #expect(throws: ClientError.fenced(id: "first")) {
            try await producer.transaction { try await $0.commit(offsets, of: named) }
        }
        await producer.close()
    }

    @Test(arguments: [ApiKey.produce, .endTxn], [ErrorCode.transactionAbortable, .invalidTxnState])
    func `an abortable error fails only the current transaction`(api: ApiKey, code: ErrorCode) async throws {
        let producer = try producer()
        cluster.fail(api, .refused(code))
        let error = await #expect(throws: ClientError.self) {
            try await producer.transaction { _ in try await producer.send("k", "no") }
        }
        #expect(error?.remedy == .abort, "\(String(describing: error))")
        try await producer.transaction { _ in try await producer.send("k", "yes") }
        await producer.close()
    }

    /// In later versions partitions are added implicitly, and each transaction has an epoch of its own (KIP-890).
    @Test func `all requests of a transaction have versions in which partitions are added explicitly`() async throws {
        let producer = try producer()
        try await producer.transaction { transaction in
            try await producer.send("k", "v")
            try await transaction.commit(offsets, of: member)
        }
        let highest = Dictionary(cluster.seen.map { ($0.api, $0.maxVersion) }, uniquingKeysWith: max)
        #expect(highest[.addPartitionsToTxn] == 3 && highest[.produce] == 11 && highest[.addOffsetsToTxn] == 3)
        #expect(highest[.txnOffsetCommit] == 4 && highest[.endTxn] == 4)
        await producer.close()
    }
}
