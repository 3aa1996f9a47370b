import Foundation
import MoldauClient
import MoldauRecords
import Synchronization
import Testing

/// Sends `0`, `1`, … to the topic, over its partitions in turn.
func fill(_ broker: TestBroker, _ numbers: Range<Int>, partitions: Int32 = 1) async throws {
    let producer = try Producer(to: topic, cluster: broker.client)
    for number in numbers {
        _ = try await producer.enqueue("k", "\(number)", partition: Partition(Int32(number) % partitions))
    }
    await producer.close()
}

private final class Counter: Sendable { let count = Mutex(0) }

@Suite struct ConsumerTests {
    private func options(_ reset: ConsumerOptions.OffsetReset, group: String? = nil) -> ConsumerOptions {
        var options = ConsumerOptions()
        options.group = group
        options.offsetReset = reset
        return options
    }

    private func consumer(_ broker: TestBroker, _ options: ConsumerOptions) throws -> Consumer<String, String> {
        try Consumer([topic], assigned: [TopicPartition("t", 0)], cluster: broker.client, options: options)
    }

    private func read(_ consumer: Consumer<String, String>, _ count: Int) async throws -> [String] {
        var values: [String] = []
        let end = ContinuousClock.now + .seconds(20)
        while values.count < count, ContinuousClock.now < end { values += try await consumer.poll().map(\.value) }
        return values
    }

    @Test func `reading begins where the offset reset policy says`() async throws {
        try await withBroker(topics: ["t": 1]) { broker in
            try await fill(broker, 0..<10)
            let first = try consumer(broker, options(.earliest))
            #expect(try await read(first, 10) == (0..<10).map { "\($0)" })
            #expect(first.position(TopicPartition("t", 0)) == Offset(10) && first.lag(TopicPartition("t", 0)) == 0)
            await first.close()
            let last = try consumer(broker, options(.latest))
            #expect(try await last.poll(within: .milliseconds(500)).isEmpty)
            try await fill(broker, 10..<12)
            #expect(try await read(last, 2) == ["10", "11"])
            await last.close()
            let nowhere = try consumer(broker, options(.none))
            do {
                _ = try await nowhere.poll()
                Issue.record("the poll succeeded")
            } catch ClientError.noPosition(let partition, _) {
                #expect(partition == TopicPartition("t", 0))
            }
            nowhere.seek(TopicPartition("t", 0), to: Offset(5))
            #expect(try await read(nowhere, 7) == (5..<12).map { "\($0)" })
            await nowhere.close()
        }
    }

    @Test func `an offset out of range is reset`() async throws {
        try await withBroker(topics: ["t": 1]) { broker in
            try await fill(broker, 0..<10)
            let consumer = try consumer(broker, options(.earliest))
            consumer.seek(TopicPartition("t", 0), to: Offset(1_000))
            #expect(try await read(consumer, 10).count == 10)
            await consumer.close()
        }
    }

    @Test func `a poll returns at most max.poll.records, and seek and pause take effect at once`() async throws {
        try await withBroker(topics: ["t": 1]) { broker in
            try await fill(broker, 0..<100)
            var options = options(.earliest)
            options.maxPollRecords = 7
            let (consumer, partition) = (try consumer(broker, options), TopicPartition("t", 0))
            #expect(try await consumer.poll(within: .seconds(10)).map(\.value) == (0..<7).map { "\($0)" })
            #expect(try await consumer.poll(within: .seconds(10)).map(\.value) == (7..<14).map { "\($0)" })
            consumer.seek(partition, to: Offset(50))
            #expect(try await consumer.poll(within: .seconds(10)).first?.value == "50")
            consumer.pause([partition])
            #expect(try await consumer.poll(within: .milliseconds(300)).isEmpty)
            consumer.resume([partition])
            #expect(try await consumer.poll(within: .seconds(10)).first?.value == "57")
            consumer.seekToBeginning([partition])
            #expect(try await consumer.poll(within: .seconds(10)).first?.value == "0")
            await consumer.close()
        }
    }

    @Test func `records are appended and read as bytes, without serdes`() async throws {
        try await withBroker(topics: ["t": 1]) { broker in
            var small = ProducerOptions()
            small.batchSize = 1_000
            small.bufferMemory = 4_000
            let producer = try Producer(to: topic, cluster: broker.client, options: small)
            var sent = 0
            var last: Acknowledgement?
            while sent < 1_000 {
                try await producer.withAppender { appender in
                    while sent < 1_000 {
                        let taken = try withUnsafeBytes(of: Int64(sent)) { try appender.append(key: nil, value: $0) }
                        guard let taken else { return }
                        (last, sent) = (taken, sent + 1)
                    }
                }
                try await producer.waitForRoom()
            }
            #expect(try await last?.position().offset == Offset(999))
            await producer.close()
            let consumer = try consumer(broker, options(.earliest))
            var read: [Int64] = []
            let end = ContinuousClock.now + .seconds(20)
            while read.count < 1_000, ContinuousClock.now < end {
                guard let batch = try await consumer.pollBatch() else { continue }
                #expect(batch.partition == TopicPartition("t", 0))
                try batch.forEach { record in
                    #expect(record.key == nil && record.offset == Offset(Int64(read.count)))
                    read.append(record.value?.loadUnaligned(as: Int64.self) ?? -1)
                }
                #expect(batch.nextOffset == Offset(Int64(read.count)))
            }
            #expect(read == (0..<1_000).map { Int64($0) })
            await consumer.close()
        }
    }

    @Test func `a record that cannot be decoded is reported, and can be skipped`() async throws {
        try await withBroker(topics: ["t": 1]) { broker in
            let producer = try Producer(to: Topic<String, [UInt8]>("t"), cluster: broker.client)
            for bytes in [[97], [0xff], [98]] as [[UInt8]] { try await producer.send("k", bytes) }
            await producer.close()
            let consumer = try consumer(broker, options(.earliest))
            #expect(try await read(consumer, 1) == ["a"])
            for _ in 0..<2 {
                do {
                    _ = try await consumer.poll()
                    Issue.record("the record was decoded")
                } catch ClientError.unreadable(let partition, let offset, _) {
                    #expect(partition == TopicPartition("t", 0) && offset == Offset(1))
                }
            }
            consumer.seek(TopicPartition("t", 0), to: Offset(2))
            #expect(try await read(consumer, 1) == ["b"])
            await consumer.close()
        }
    }

    @Test func `a consumer continues after its broker was down`() async throws {
        try await withBroker(topics: ["t": 1]) { broker in
            try await fill(broker, 0..<10)
            let consumer = try consumer(broker, options(.earliest))
            #expect(try await read(consumer, 10).count == 10)
            try await broker.stop()
            #expect(try await consumer.poll(within: .milliseconds(300)).isEmpty)
            try await broker.start()
            try await fill(broker, 10..<20)
            #expect(try await read(consumer, 10) == (10..<20).map { "\($0)" })
            await consumer.close()
        }
    }

    @Test func `a consumer resumes at its group's committed offset`() async throws {
        try await withBroker(topics: ["t": 1]) { broker in
            try await fill(broker, 0..<10)
            var options = options(.earliest, group: "g")
            options.commitsAutomatically = false
            let first = try consumer(broker, options)
            _ = try await read(first, 10)
            try await first.commit([TopicPartition("t", 0): Offset(4)])
            await first.close()
            let second = try consumer(broker, options)
            #expect(try await read(second, 6) == (4..<10).map { "\($0)" })
            #expect(try await second.committed([TopicPartition("t", 0)]) == [TopicPartition("t", 0): Offset(4)])
            await second.close()
        }
    }

    @Test func `a loop over records ends when the consumer is closed or the task is cancelled`() async throws {
        try await withBroker(topics: ["t": 1]) { broker in
            try await fill(broker, 0..<10)
            let consumer = try consumer(broker, options(.earliest))
            let seen = Counter()
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask { for try await _ in consumer.records { seen.count.withLock { $0 += 1 } } }
                let end = ContinuousClock.now + .seconds(40)
                while seen.count.withLock({ $0 }) < 10, ContinuousClock.now < end {
                    try await Task.sleep(for: .milliseconds(20))
                }
                group.cancelAll()
                try await group.waitForAll()
            }
            #expect(seen.count.withLock { $0 } == 10)
            let other = Task {
                for try await _ in consumer.records {}
                return true
            }
            try await Task.sleep(for: .milliseconds(200))
            await consumer.close()
            #expect(try await other.value)
        }
    }
}
