import MoldauClient
import MoldauRecords
import Synchronization
import Testing

@Suite struct PollingTests {
    private let partition = TopicPartition("t", 0)

    @Test(.timeLimit(.minutes(1))) func `a rebalance listener can seek in assigned partitions before they are read`()
        async throws
    {
        try await withBroker(topics: ["t": 1]) { broker in
            try await fill(broker, 0..<10)
            let holder = Mutex<Consumer<String, String>?>(nil)
            let seek: @Sendable (Rebalance) -> Void = { [partition] event in
                guard case .assigned = event else { return }
                holder.withLock { $0 }?.seek(partition, to: Offset(5))
            }
            var options = ConsumerOptions(group: "g")
            options.offsetReset = .earliest
            options.onRebalance = { seek($0) }
            let consumer = try Consumer([topic], cluster: broker.client, options: options)
            holder.withLock { $0 = consumer }
            var records: [ConsumerRecord<String, String>] = []
            while records.isEmpty { records = try await consumer.poll() }
            #expect(records.first?.value == "5")
            await consumer.close()
            holder.withLock { $0 = nil }
        }
    }

    @Test(.timeLimit(.minutes(1))) func `a poll does not wait for automatic commits`() async throws {
        try await withBroker(topics: ["t": 1]) { broker in
            try await fill(broker, 0..<10)
            var options = ConsumerOptions(group: "g")
            options.offsetReset = .earliest
            options.autoCommitInterval = .milliseconds(1)
            options.apiTimeout = .seconds(30)
            let consumer = try Consumer([topic], assigned: [partition], cluster: broker.client, options: options)
            var count = 0
            while count < 10 { count += try await consumer.poll().count }
            try await broker.stop()
            let beginning = ContinuousClock.now
            for _ in 0..<3 { #expect(try await consumer.poll(within: .milliseconds(100)).isEmpty) }
            #expect(ContinuousClock.now - beginning < .seconds(20))
            try await broker.start()
            try await consumer.commit()
            #expect(try await consumer.committed([partition]) == [partition: Offset(10)])
            await consumer.close()
        }
    }

    @Test func `a synchronous commit completes after earlier asynchronous ones`() async throws {
        try await withBroker(topics: ["t": 1]) { broker in
            let consumer = try Consumer(
                [topic], assigned: [partition], cluster: broker.client, options: ConsumerOptions(group: "g"))
            let done = Mutex<[Int64]>([])
            let note: @Sendable (Int64) -> Void = { offset in done.withLock { $0.append(offset) } }
            for offset in Int64(0)..<20 {
                consumer.commitLater([partition: Offset(offset)]) { if case .success = $0 { note(offset) } }
            }
            try await consumer.commit([partition: Offset(99)])
            #expect(done.withLock { $0 } == Array(0..<20))
            #expect(try await consumer.committed([partition]) == [partition: Offset(99)])
            await consumer.close()
        }
    }
}
