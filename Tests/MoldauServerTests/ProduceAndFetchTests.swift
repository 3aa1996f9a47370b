import Foundation
import MoldauLog
import MoldauRecords
import MoldauServer
import MoldauWire
import Testing

@Suite struct ProduceAndFetchTests {
    /// Below 16 KiB batches are sent from memory, above from their file.
    @Test(arguments: [1, 1_000, 16 << 10, 100_000, 3_000_000])
    func `produced records are fetched`(byteCount: Int) async throws {
        try await withServer { address in
            let client = try WireClient(address)
            let value = (0..<byteCount).map { UInt8(truncatingIfNeeded: $0 &* 31) }
            for offset in 0..<3 { #expect(try client.produce(value, to: "t").baseOffset == Offset(Int64(offset))) }
            let fetched = try client.fetch("t", from: 1)
            #expect(fetched.highWatermark == Offset(3))
            guard case .bytes(let bytes) = fetched.records else {
                Issue.record("no records")
                return
            }
            var reader = RecordBatchReader(bytes.bytes, from: Offset(1))
            var count = 0
            while let record = try reader.next() {
                #expect(record.value.map { $0.elementsEqual(value) } == true)
                count += 1
            }
            #expect(count == 2)
        }
    }

    @Test func `a fetch returns at most the requested bytes, but at least one batch`() async throws {
        try await withServer { address in
            let client = try WireClient(address)
            for _ in 0..<5 { _ = try client.produce([UInt8](repeating: 1, count: 50_000), to: "t") }
            func count(_ maxBytes: Int32) throws -> Int {
                try client.fetch("t", maxBytes: maxBytes).records.byteCount / 50_000
            }
            #expect(try count(1) == 1)
            #expect(try count(101_000) == 2)
            #expect(try count(1 << 20) == 5)
        }
    }

    @Test(arguments: [Int16(0), 1]) func `records are soon readable even if no producer waits for durability`(
        acks: Int16
    ) async throws {
        try await withServer(durability: .sync) { address in
            let client = try WireClient(address)
            if acks == 0 {
                var builder = RecordBatchBuilder(capacity: 100)
                [UInt8(1)].withUnsafeBytes { builder.append(key: nil, value: $0, timestamp: Timestamp(ms: 1)) }
                let batch = WireBytes(SharedBytes(copying: builder.finish()))
                let other = try WireClient(address)
                try other.send(
                    ProduceRequest {
                        $0.topicData = [
                            .init {
                                $0.name = "t"
                                $0.partitionData = [.init { $0.records = .bytes(batch) }]
                            }
                        ]
                    }, version: 9)
            } else {
                _ = try client.produce([1], to: "t", acks: acks)
            }
            #expect(try client.fetch("t", waitMs: 10_000).records.byteCount > 0)
        }
    }

    @Test func `a fetch waits for records, and is answered when they arrive`() async throws {
        try await withServer { address in
            let (reader, writer) = (try WireClient(address), try WireClient(address))
            try reader.send(WireClient.fetch("t", from: 0, maxBytes: 1 << 20, waitMs: 30_000), version: 12)
            usleep(100_000)
            _ = try writer.produce([1, 2, 3], to: "t")
            let begun = ContinuousClock.now
            let answer = try reader.receive(FetchResponse.self)
            #expect(ContinuousClock.now - begun < .seconds(10))
            #expect(answer.responses.first?.partitions.first?.records.byteCount ?? 0 > 0)
        }
    }

    @Test func `an offset out of range is refused without bounds, as by Kafka`() async throws {
        try await withServer { address in
            let answer = try WireClient(address).fetch("t", from: 5)
            #expect(answer.errorCode == .offsetOutOfRange)
            #expect(answer.highWatermark == Offset(-1) && answer.logStartOffset == Offset(-1))
        }
    }

    /// Sends a batch of records without a header, each with a key or none, and a timestamp.
    private func produce(
        _ records: [(key: String?, timestamp: Int64)], to topic: String, _ client: WireClient, version: Int16 = 9
    ) throws -> ProduceResponse.PartitionResponse {
        var builder = RecordBatchBuilder(capacity: 1_000)
        for record in records {
            "value".utf8.withContiguousStorageIfAvailable { value in
                let value = UnsafeRawBufferPointer(value)
                let timestamp = Timestamp(ms: record.timestamp)
                if let key = record.key {
                    Array(key.utf8).withUnsafeBytes { builder.append(key: $0, value: value, timestamp: timestamp) }
                } else {
                    builder.append(key: nil, value: value, timestamp: timestamp)
                }
            }
        }
        let batch = WireBytes(SharedBytes(copying: builder.finish()))
        let response = try client.call(
            ProduceRequest {
                $0.acks = -1
                $0.topicData = [
                    .init {
                        $0.name = topic
                        $0.partitionData = [.init { $0.records = .bytes(batch) }]
                    }
                ]
            }, version: version)
        return try #require(response.responses.first?.partitionResponses.first)
    }

    private func create(_ topic: String, _ settings: [String: String], _ client: WireClient) throws {
        let created = try client.call(
            CreateTopicsRequest {
                $0.topics = [
                    .init {
                        $0.name = topic
                        $0.numPartitions = 1
                        $0.replicationFactor = 1
                        $0.configs = settings.map { name, value in
                            .init {
                                $0.name = name
                                $0.value = value
                            }
                        }
                    }
                ]
            }, version: 5)
        #expect(created.topics.map(\.errorCode) == [.none])
    }

    @Test func `the log append time of records is returned`() async throws {
        try await withServer { address in
            let client = try WireClient(address)
            try create("stamped", ["message.timestamp.type": "LogAppendTime"], client)
            let stamped = try produce([("a", 5)], to: "stamped", client)
            let fetched = try client.fetch("stamped")
            guard case .bytes(let bytes) = fetched.records else {
                Issue.record("no records")
                return
            }
            #expect(stamped.logAppendTimeMs == (try RecordBatchHeader(bytes.bytes).maxTimestamp.ms))
            #expect(stamped.logAppendTimeMs > 5)
            #expect(try produce([("a", 5)], to: "t", client).logAppendTimeMs == -1)
        }
    }

    @Test func `records without a key are listed when a compacted topic refuses their batch`() async throws {
        try await withServer { address in
            let client = try WireClient(address)
            try create("compacted", ["cleanup.policy": "compact"], client)
            let refused = try produce([("a", 1), (nil, 1), ("b", 1), (nil, 1)], to: "compacted", client)
            #expect(refused.errorCode == .invalidRecord && refused.baseOffset == Offset(-1))
            #expect(refused.errorMessage == "One or more records have been rejected")
            #expect(refused.recordErrors.map(\.batchIndex) == [1, 3])
            #expect(
                refused.recordErrors.allSatisfy {
                    $0.batchIndexErrorMessage
                        == "Compacted topic cannot accept message without key in topic partition compacted-0."
                })
            #expect(try produce([("a", 1)], to: "compacted", client).errorCode == .none)
        }
    }

    @Test func `records with timestamps out of bounds are listed`() async throws {
        try await withServer { address in
            let client = try WireClient(address)
            try create("bounded", ["message.timestamp.before.max.ms": "3600000"], client)
            let now = Int64(Date().timeIntervalSince1970 * 1_000)
            let refused = try produce([("a", now), ("a", 7), ("a", now + 1), ("a", 9)], to: "bounded", client)
            #expect(refused.errorCode == .invalidTimestamp)
            #expect(refused.errorMessage == "One or more records have been rejected due to invalid timestamp")
            #expect(refused.recordErrors.map(\.batchIndex) == [1, 3])
            let told = try #require(refused.recordErrors.first?.batchIndexErrorMessage)
            let expected = "Timestamp 7 of message with offset 1 is out of range. The timestamp should be within ["
            #expect(told.hasPrefix(expected), "\(told)")
            #expect(try produce([("a", 7)], to: "bounded", client, version: 7).errorCode == .invalidTimestamp)
        }
    }
}
