import Logging
import MoldauClient
import MoldauClientServiceLifecycle
import MoldauRecords
import ServiceLifecycle
import Synchronization
import Testing

/// Reads records, with a delay for each.
private struct Worker: Service {
    let consumer: Consumer<String, String>
    let seen: Seen
    var pause = Duration.milliseconds(20)

    func run() async throws {
        try await withGracefulShutdownHandler {
            for try await record in consumer.records {
                try await Task.sleep(for: pause)
                seen.values.withLock { $0.append(record.value) }
            }
        } onGracefulShutdown: {
            consumer.endReading()
        }
    }
}

private final class Seen: Sendable {
    let values = Mutex<[String]>([])
    var count: Int { values.withLock { $0.count } }
}

@Suite struct EndingTests {
    private let partition = TopicPartition("t", 0)

    private func consumer(_ broker: TestBroker) throws -> Consumer<String, String> {
        var options = ConsumerOptions(group: "g")
        options.offsetReset = .earliest
        options.autoCommitInterval = .seconds(3_600)
        return try Consumer([topic], cluster: broker.client, options: options)
    }

    private func wait(until isDone: () -> Bool) async throws {
        let end = ContinuousClock.now + .seconds(40)
        while !isDone(), ContinuousClock.now < end { try await Task.sleep(for: .milliseconds(5)) }
    }

    @Test(.timeLimit(.minutes(2)))
    func `a service that shuts down finishes its current record and commits exactly what it processed`() async throws {
        try await withBroker(topics: ["t": 1]) { broker in
            try await fill(broker, 0..<400)
            let (consumer, seen) = (try consumer(broker), Seen())
            let worker = Worker(consumer: consumer, seen: seen)
            let group = ServiceGroup(services: [consumer, worker], logger: Logger(label: "test"))
            try await withThrowingTaskGroup(of: Void.self) { tasks in
                tasks.addTask { try await group.run() }
                try await wait { seen.count >= 5 }
                await group.triggerGracefulShutdown()
                try await tasks.waitForAll()
            }
            let count = seen.count
            #expect(count >= 5 && count < 400)
            let next = try self.consumer(broker)
            #expect(try await next.committed([partition]) == [partition: Offset(Int64(count))])
            await next.close()
        }
    }

    @Test(.timeLimit(.minutes(2)))
    func `a consumer service finishes its current record, and resumes after it`() async throws {
        try await withBroker(topics: ["t": 1]) { broker in
            try await fill(broker, 0..<100)
            let seen = Seen()
            for _ in 0..<2 {
                let before = seen.count
                let service = ConsumerService(try consumer(broker)) { record in
                    try await Task.sleep(for: .milliseconds(5))
                    seen.values.withLock { $0.append(record.value) }
                }
                let group = ServiceGroup(services: [service], logger: Logger(label: "test"))
                try await withThrowingTaskGroup(of: Void.self) { tasks in
                    tasks.addTask { try await group.run() }
                    try await wait { seen.count >= before + 5 }
                    await group.triggerGracefulShutdown()
                    try await tasks.waitForAll()
                }
            }
            let values = seen.values.withLock { $0 }
            #expect(values.count >= 10 && values == (0..<values.count).map { "\($0)" })
        }
    }

    @Test(.timeLimit(.minutes(2))) func `finishing a consumer waits for the task that reads`() async throws {
        try await withBroker(topics: ["t": 1]) { broker in
            try await fill(broker, 0..<100)
            let (consumer, seen) = (try consumer(broker), Seen())
            try await withThrowingTaskGroup(of: Void.self) { tasks in
                tasks.addTask { try await Worker(consumer: consumer, seen: seen).run() }
                try await wait { seen.count >= 5 }
                await consumer.finish(within: .seconds(40))
                try await tasks.waitForAll()
            }
            let next = try self.consumer(broker)
            #expect(seen.count < 100)
            #expect(try await next.committed([partition]) == [partition: Offset(Int64(seen.count))])
            await next.close()
        }
    }

    @Test(.timeLimit(.minutes(2))) func `a record that is processed for too long is read again`() async throws {
        try await withBroker(topics: ["t": 1]) { broker in
            try await fill(broker, 0..<10)
            let consumer = try consumer(broker)
            var first: [ConsumerRecord<String, String>] = []
            while first.isEmpty { first = try await consumer.poll() }
            let beginning = ContinuousClock.now
            await consumer.finish(within: .milliseconds(100))
            #expect(ContinuousClock.now - beginning < .seconds(20))
            await #expect(throws: ClientError.closed) { try await consumer.poll() }
            let next = try self.consumer(broker)
            var again: [ConsumerRecord<String, String>] = []
            while again.isEmpty { again = try await next.poll() }
            #expect(again.first?.value == "0")
            await next.close()
        }
    }

    @Test(.timeLimit(.minutes(2))) func `a producer's service delivers all sent records before it ends`() async throws {
        try await withBroker(topics: ["t": 1]) { broker in
            var options = ProducerOptions()
            options.linger = .seconds(60)
            let producer = try Producer(to: topic, cluster: broker.client, options: options)
            let group = ServiceGroup(services: [producer], logger: Logger(label: "test"))
            try await withThrowingTaskGroup(of: Void.self) { tasks in
                tasks.addTask { try await group.run() }
                for number in 0..<10 { _ = try await producer.enqueue("k", "\(number)") }
                await group.triggerGracefulShutdown()
                try await tasks.waitForAll()
            }
            #expect(try await everything(of: broker, count: 10).map(\.value) == (0..<10).map { "\($0)" })
        }
    }

    @Test(.timeLimit(.minutes(2))) func `a wakeup ends a waiting poll, or else the next one`() async throws {
        try await withBroker(topics: ["t": 1]) { broker in
            let consumer = try Consumer([topic], assigned: [partition], cluster: broker.client)
            let beginning = ContinuousClock.now
            async let polled = consumer.poll(within: .seconds(60))
            try await Task.sleep(for: .milliseconds(200))
            consumer.wakeup()
            #expect(try await polled.isEmpty)
            consumer.wakeup()
            #expect(try await consumer.poll(within: .seconds(60)).isEmpty)
            #expect(ContinuousClock.now - beginning < .seconds(50))
            // The one after that waits again.
            try await fill(broker, 0..<1)
            consumer.seekToBeginning([partition])
            #expect(try await consumer.poll(within: .seconds(60)).map(\.value) == ["0"])
            await consumer.close()
        }
    }
}
