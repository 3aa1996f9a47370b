import MoldauRecords
import MoldauWire
import Testing

/// Transactions as clients use them where `transaction.version` is 2: without a request that begins them (KIP-890).
@Suite struct TransactionEpochTests {
    private static func produce(_ value: UInt8, by client: WireClient, as producer: InitProducerIdResponse) throws
        -> ErrorCode?
    {
        var builder = RecordBatchBuilder()
        builder.producer = ProducerStamp(
            id: producer.producerID, epoch: producer.producerEpoch, baseSequence: 0, isTransactional: true)
        [value].withUnsafeBytes { builder.append(key: nil, value: $0, timestamp: Timestamp(ms: 1)) }
        let batch = WireBytes(SharedBytes(copying: builder.finish()))
        let request = ProduceRequest {
            ($0.transactionalID, $0.acks, $0.timeoutMs) = ("x", -1, 10_000)
            $0.topicData = [
                .init {
                    $0.name = "t"
                    $0.partitionData = [.init { $0.records = .bytes(batch) }]
                }
            ]
        }
        return try client.call(request, version: 12).responses.first?.partitionResponses.first?.errorCode
    }

    private static func commit(_ offset: Int64, by client: WireClient, as producer: InitProducerIdResponse) throws
        -> ErrorCode?
    {
        let request = TxnOffsetCommitRequest {
            ($0.transactionalID, $0.groupID) = ("x", "g")
            ($0.producerID, $0.producerEpoch) = (producer.producerID, producer.producerEpoch)
            $0.topics = [
                .init {
                    $0.name = "t"
                    $0.partitions = [.init { $0.committedOffset = Offset(offset) }]
                }
            ]
        }
        return try client.call(request, version: 5).topics.first?.partitions.first?.errorCode
    }

    private static func position(_ client: WireClient) throws -> Int64? {
        let request = OffsetFetchRequest {
            $0.groups = [
                .init {
                    $0.groupID = "g"
                    $0.topics = [.init { ($0.name, $0.partitionIndexes) = ("t", [0]) }]
                }
            ]
        }
        let group = try client.call(request, version: 8).groups.first
        return group?.topics.first?.partitions.first?.committedOffset.value
    }

    @Test func `records and offsets begin a transaction, and its end returns the next epoch`() async throws {
        try await withServer { address in
            let client = try WireClient(address)
            var producer = try client.call(
                InitProducerIdRequest { ($0.transactionalID, $0.transactionTimeoutMs) = ("x", 10_000) }, version: 4)
            for (number, isCommit) in [(Int64(1), true), (2, false), (3, true)] {
                #expect(try Self.produce(UInt8(number), by: client, as: producer) == ErrorCode.none)
                #expect(try Self.commit(number, by: client, as: producer) == ErrorCode.none)
                let end = EndTxnRequest {
                    ($0.transactionalID, $0.committed) = ("x", isCommit)
                    ($0.producerID, $0.producerEpoch) = (producer.producerID, producer.producerEpoch)
                }
                let old = producer
                for _ in 0..<2 {
                    let ended = try client.call(end, version: 5)
                    #expect(ended.errorCode == .none && ended.producerID == old.producerID)
                    #expect(ended.producerEpoch == old.producerEpoch + 1)
                    producer.producerEpoch = ended.producerEpoch
                }
                #expect(try Self.produce(9, by: client, as: old) == .invalidProducerEpoch)
                #expect(try Self.commit(9, by: client, as: old) == .invalidProducerEpoch)
                #expect(try Self.position(client) == (isCommit ? number : 1))
            }
            var fetch = WireClient.fetch("t", from: 0, maxBytes: 1 << 20, waitMs: 0)
            fetch.isolationLevel = 1
            let found = try client.call(fetch, version: 12).responses.first?.partitions.first
            #expect(found?.lastStableOffset == Offset(6), "three records, each with its marker")
            #expect(found?.abortedTransactions?.count == 1)
        }
    }
}
