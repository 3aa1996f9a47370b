import Foundation
import MoldauClient
import MoldauRecords
import MoldauServer
import Testing

let topic = Topic<String, String>("t")

/// Reads everything that the topic holds.
func everything(
    of broker: TestBroker, partitions: Int32 = 1, count: Int, _ change: (inout ConsumerOptions) -> Void = { _ in }
) async throws -> [ConsumerRecord<String?, String?>] {
    var options = ConsumerOptions()
    options.offsetReset = .earliest
    change(&options)
    let consumer = try Consumer(
        [Topic<String?, String?>("t")], assigned: Set((0..<partitions).map { TopicPartition("t", $0) }),
        cluster: broker.client, options: options)
    var records: [ConsumerRecord<String?, String?>] = []
    let end = ContinuousClock.now + .seconds(20)
    while records.count < count, ContinuousClock.now < end {
        records += try await consumer.poll()
    }
    records += try await consumer.poll(within: .milliseconds(100))
    await consumer.close()
    return records
}

@Suite struct ProducerTests {
    @Test(arguments: [ProducerOptions.Acks.none, .leader, .all])
    func `sent records are read in order`(acks: ProducerOptions.Acks) async throws {
        try await withBroker(topics: ["t": 1]) { broker in
            var options = ProducerOptions()
            options.acks = acks
            let producer = try Producer(to: topic, cluster: broker.client, options: options)
            for number in 0..<100 {
                let position = try await producer.send("k", "\(number)", headers: [Header("h", "\(number)")])
                #expect(position.partition == TopicPartition("t", 0))
                #expect(position.offset == (acks == .none ? nil : Offset(Int64(number))))
            }
            await producer.close()
            let records = try await everything(of: broker, count: 100)
            #expect(records.map(\.value) == (0..<100).map { "\($0)" })
            #expect(records.map(\.offset) == (0..<100).map { Offset($0) })
            #expect(records.allSatisfy { $0.key == "k" && $0.headers.count == 1 })
        }
    }

    @Test(arguments: ProducerOptions.Compression.allCases)
    func `batches are compressed`(compression: ProducerOptions.Compression) async throws {
        try await withBroker(topics: ["t": 1]) { broker in
            var options = ProducerOptions()
            options.compression = compression
            let producer = try Producer(to: topic, cluster: broker.client, options: options)
            for number in 0..<1_000 { _ = try await producer.enqueue("key \(number)", "value \(number)") }
            await producer.close()
            let records = try await everything(of: broker, count: 1_000)
            #expect(records.map(\.value) == (0..<1_000).map { "value \($0)" })
        }
    }

    @Test func `keys choose the partition as in Kafka's producers`() async throws {
        try await withBroker(topics: ["t": 4]) { broker in
            let producer = try Producer(to: topic, cluster: broker.client)
            for number in 0..<50 {
                let position = try await producer.enqueue("key \(number)", "").position()
                let wanted = Array("key \(number)".utf8).withUnsafeBytes { Partitioner.partition(ofKey: $0, count: 4) }
                #expect(position.partition.partition == wanted)
            }
            let third = try await producer.send("key", "", partition: Partition(3))
            #expect(third.partition == TopicPartition("t", 3))
            await #expect(throws: ClientError.unknownPartition(TopicPartition("t", 4), partitionCount: 4)) {
                try await producer.send("key", "", partition: Partition(4))
            }
            await producer.close()
        }
    }

    @Test func `null keys and values stay null`() async throws {
        try await withBroker(topics: ["t": 1]) { broker in
            let producer = try Producer(to: Topic<String?, String?>("t"), cluster: broker.client)
            try await producer.send(nil, "")
            try await producer.send("", nil)
            await producer.close()
            let records = try await everything(of: broker, count: 2)
            #expect(records.map(\.key) == [nil, ""] && records.map(\.value) == ["", nil])
        }
    }

    @Test func `a producer continues after its broker was down, without duplicates`() async throws {
        try await withBroker(topics: ["t": 2]) { broker in
            var options = ProducerOptions()
            options.batchSize = 1_000
            let producer = try Producer(to: topic, cluster: broker.client, options: options)
            let sending = Task {
                var acknowledgements: [Acknowledgement] = []
                for number in 0..<2_000 {
                    acknowledgements.append(
                        try await producer.enqueue("k", "\(number)", partition: Partition(Int32(number % 2))))
                    if number % 20 == 0 { try await Task.sleep(for: .milliseconds(10)) }
                }
                return acknowledgements
            }
            for _ in 0..<3 {
                try await Task.sleep(for: .milliseconds(150))
                try await broker.stop()
                try await Task.sleep(for: .milliseconds(50))
                try await broker.start()
            }
            for acknowledgement in try await sending.value { _ = try await acknowledgement.position() }
            await producer.close()
            let records = try await everything(of: broker, partitions: 2, count: 2_000)
            for partition in 0..<2 {
                let there = records.filter { $0.partition == TopicPartition("t", Int32(partition)) }
                #expect(there.compactMap(\.value) == (0..<1_000).map { "\($0 * 2 + partition)" })
            }
        }
    }

    @Test func `senders wait while the buffer is full`() async throws {
        try await withBroker(topics: ["t": 1]) { broker in
            var options = ProducerOptions()
            options.bufferMemory = 32 << 10
            let producer = try Producer(to: topic, cluster: broker.client, options: options)
            let value = String(repeating: "x", count: 1_000)
            try await withThrowingTaskGroup(of: Void.self) { group in
                for _ in 0..<20 {
                    group.addTask { for _ in 0..<50 { _ = try await producer.enqueue("k", value) } }
                }
                try await group.waitForAll()
            }
            await producer.close()
            #expect(try await everything(of: broker, count: 1_000).count == 1_000)
        }
    }

    @Test func `an unreachable cluster is reported after max.block.ms`() async throws {
        // No server listens there.
        var options = ProducerOptions()
        options.maxBlock = .milliseconds(200)
        let client = ClientOptions(bootstrapServers: [BrokerAddress(host: "127.0.0.1", port: 1)])
        let producer = try Producer(to: topic, cluster: client, options: options)
        do {
            try await producer.send("k", "v")
            Issue.record("the record was sent")
        } catch let error as ClientError {
            #expect(error.remedy == .retry, "\(error)")
            guard case .notReachable = error else {
                Issue.record("\(error)")
                return
            }
        }
        await producer.close()
    }

    /// A broker without automatic topic creation, and a producer that waits this long for a topic.
    private func withoutTopic(
        _ maxBlock: Duration, _ body: (TestBroker, Producer<String, String>) async throws -> Void
    ) async throws {
        var options = ServerOptions()
        options.createsTopics = false
        try await withBroker(options, topics: ["other": 1]) { broker in
            var options = ProducerOptions()
            options.maxBlock = maxBlock
            // The cluster is known, and the topic is new.
            let producer = try Producer(to: Topic<String, String>("other"), cluster: broker.client, options: options)
            try await producer.send("k", "v")
            try await body(broker, producer.also(to: topic))
            await producer.close()
        }
    }

    @Test func `a record waits for its topic until it is created`() async throws {
        try await withoutTopic(.seconds(60)) { broker, producer in
            async let sent = producer.send("k", "v")
            try await Task.sleep(for: .milliseconds(500))
            try broker.create("t", partitions: 1)
            #expect(try await sent.offset == .zero)
        }
    }

    @Test func `a missing topic is reported after max.block.ms`() async throws {
        try await withoutTopic(.seconds(2)) { _, producer in
            let begin = ContinuousClock.now
            await #expect(throws: ClientError.unknownTopic("t")) { try await producer.send("k", "v") }
            #expect(ContinuousClock.now - begin >= .seconds(2))
        }
    }

    @Test func `a record that is too large, and a closed producer, are reported`() async throws {
        try await withBroker(topics: ["t": 1]) { broker in
            var options = ProducerOptions()
            options.maxRequestSize = 2_000
            options.maxBlock = .seconds(1)
            let producer = try Producer(to: topic, cluster: broker.client, options: options)
            await #expect(throws: ClientError.recordTooLarge(bytes: 3_033, limit: 2_000)) {
                try await producer.send("k", String(repeating: "x", count: 3_000))
            }
            try await producer.send("k", "v")
            await producer.close()
            await #expect(throws: ClientError.closed) { try await producer.send("k", "v") }
        }
    }

    @Test func `conflicting settings are refused`() {
        var options = ProducerOptions()
        options.idempotence = true
        options.acks = .leader
        #expect(throws: ClientError.self) {
            try Producer(to: topic, cluster: ClientOptions(bootstrapServers: "a:1"), options: options)
        }
        #expect(throws: ClientError.self) { try ClientOptions(bootstrapServers: "nowhere") }
    }
}
