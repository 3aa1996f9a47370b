import MoldauClient
import MoldauRecords
import Synchronization
import Testing

/// Nobody waits for what does not come any more.
@Suite struct ClosingTests {
    @Test(.timeLimit(.minutes(1))) func `records of a producer that was let go fail`() async throws {
        try await withBroker(topics: ["t": 1]) { broker in
            func enqueue() async throws -> Acknowledgement {
                var options = ProducerOptions()
                options.linger = .seconds(90)
                return try await Producer(to: topic, cluster: broker.client, options: options).enqueue("k", "v")
            }
            let acknowledgement = try await enqueue()
            await #expect(throws: ClientError.closed) { try await acknowledgement.position() }
        }
    }

    @Test(.timeLimit(.minutes(1))) func `closing in a task that is cancelled fails what was not delivered`()
        async throws
    {
        try await withBroker(topics: ["t": 1]) { broker in
            let producer = try Producer(to: topic, cluster: broker.client)
            try await producer.send("k", "v")
            try await broker.stop()
            let acknowledgement = try await producer.enqueue("k", "v")
            let closing = Task { await producer.close() }
            closing.cancel()
            await closing.value
            await #expect(throws: ClientError.closed) { try await acknowledgement.position() }
            try await broker.start()
        }
    }

    @Test(.timeLimit(.minutes(1)))
    func `a sender that was cancelled while it waited for room lets the next one have it`() async throws {
        try await withBroker(topics: ["t": 1]) { broker in
            var options = ProducerOptions()
            options.batchSize = 1_024
            options.bufferMemory = 1_024
            options.linger = .zero
            options.maxBlock = .seconds(50)
            let producer = try Producer(to: topic, cluster: broker.client, options: options)
            try await producer.send("k", "0")
            try await broker.stop()
            // Beside this one there is never room for one of the next.
            _ = try await producer.enqueue("k", String(repeating: "1", count: 300))
            let value = String(repeating: "x", count: 900)
            let first = Task { try await producer.send("k", value) }
            try await Task.sleep(for: .milliseconds(100))
            let second = Task { try await producer.send("k", value) }
            try await Task.sleep(for: .milliseconds(100))
            first.cancel()
            await #expect(throws: CancellationError.self) { try await first.value }
            try await broker.start()
            let position = try await second.value
            #expect(position.offset == Offset(2))
            await producer.close()
        }
    }
}
