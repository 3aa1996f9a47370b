import MoldauClient
import MoldauRecords
import Synchronization
import Testing

/// No caller waits for an answer that cannot arrive any more.
@Suite struct ClosingTests {
    @Test(.timeLimit(.minutes(1))) func `pending records of a released producer fail`() async throws {
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

    @Test(.timeLimit(.minutes(1))) func `closing in a cancelled task fails the undelivered records`() async throws {
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
    func `a sender cancelled while waiting for buffer space leaves the space to the next one`() async throws {
        try await withBroker(topics: ["t": 1]) { broker in
            var options = ProducerOptions()
            options.batchSize = 1_024
            options.bufferMemory = 1_024
            options.linger = .zero
            options.maxBlock = .seconds(50)
            let producer = try Producer(to: topic, cluster: broker.client, options: options)
            try await producer.send("k", "0")
            try await broker.stop()
            // While this one is buffered, there is no space for any of the next.
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
