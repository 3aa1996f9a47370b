import MoldauCluster
import MoldauClusterKafka
import MoldauRecords
import Testing

/// Batches that are sent to a broker in another process.
struct KafkaProducerTests {
    /// Reads a partition from its beginning until that many records are read.
    private func values(of partition: TopicPartition, count: Int, on cluster: KafkaCluster) throws -> [[UInt8]] {
        let consumer = try cluster.makeConsumer(clientID: "test")
        defer { consumer.close() }
        try consumer.assign([partition])
        try consumer.seek(partition, to: .zero)
        var found: [[UInt8]] = []
        _ = try waitUntil {
            for batches in try consumer.poll(wait: .milliseconds(100)) {
                var reader = RecordBatchReader(batches.bytes.bytes, from: batches.firstOffset)
                while let record = try reader.next() {
                    found.append(Array(record.value ?? .init(start: nil, count: 0)))
                }
            }
            return found.count >= count
        }
        return found
    }

    @Test func `a record may be as large as its topic allows`() async throws {
        try await withBrokerProcess(topics: [:]) { broker in
            let cluster = try broker.cluster()
            let (large, small) = (TopicPartition("large", 0), TopicPartition("small", 0))
            let admin = try cluster.makeAdmin()
            try admin.create([
                NewTopic("large", partitionCount: 1, configuration: ["max.message.bytes": "\(8 << 20)"]),
                NewTopic("small", partitionCount: 1),
            ])
            let value = [UInt8](repeating: 7, count: 3 << 20)
            var batch = RecordBatchBuilder()
            value.withUnsafeBytes { batch.append(key: nil, value: $0, timestamp: Timestamp(ms: 1)) }
            let producer = try cluster.makeProducer(clientID: "test")
            for topic in [large, small] { #expect(try producer.partitionCount(of: topic.topic) == 1) }
            try producer.send(batch.finish(), to: large)
            try producer.flush()
            #expect(producer.acknowledgedEnd(of: large) == Offset(1))
            #expect(throws: ClusterError.recordTooLarge(small, bytes: batch.byteCount, limit: 1_048_588)) {
                try producer.send(batch.finish(), to: small)
            }
            producer.close()
            #expect(try values(of: large, count: 1, on: cluster).map(\.count) == [3 << 20])
        }
    }

    @Test func `only the refused records of a batch are left out, and each is reported`() async throws {
        try await withBrokerProcess(topics: [:]) { broker in
            let cluster = try broker.cluster()
            let partition = TopicPartition("compacted", 0)
            try cluster.makeAdmin().create([
                NewTopic("compacted", partitionCount: 1, configuration: ["cleanup.policy": "compact"])
            ])
            var batch = RecordBatchBuilder()
            for number: UInt8 in 0..<10 {
                [number].withUnsafeBytes { byte in
                    let lacksKey = number == 3 || number == 7
                    batch.append(key: lacksKey ? nil : byte, value: byte, timestamp: Timestamp(ms: 1))
                }
            }
            let producer = try cluster.makeProducer(clientID: "test")
            #expect(try producer.partitionCount(of: "compacted") == 1)
            try producer.send(batch.finish(), to: partition)
            for _ in 0..<2 {
                let error = #expect(throws: ClusterError.self) { try producer.flush() }
                #expect(error?.partition == partition && error?.remedy == .splitBatch)
            }
            try producer.flush()
            producer.close()
            let found = try values(of: partition, count: 8, on: cluster)
            #expect(found == [0, 1, 2, 4, 5, 6, 8, 9].map { [$0] })
        }
    }
}
