import Foundation
import MoldauClient
import MoldauRecords
import Synchronization
import Testing

@Suite struct SubscriptionTests {
    private func options(_ change: (inout ConsumerOptions) -> Void = { _ in }) -> ConsumerOptions {
        var options = ConsumerOptions(group: "g")
        options.offsetReset = .earliest
        change(&options)
        return options
    }

    private func send(_ broker: TestBroker, _ topic: String, _ value: String) async throws {
        let producer = try Producer(to: Topic<String, String>(topic), cluster: broker.client)
        try await producer.send("k", value)
        await producer.close()
    }

    private func read(_ consumer: Consumer<String, String>, _ count: Int) async throws -> [String] {
        try await consumer.read(count).map { "\($0.partition.topic) \($0.value)" }.sorted()
    }

    @Test(.timeLimit(.minutes(2))) func `the topics of a pattern are read, including those that are created later`()
        async throws
    {
        try await withBroker(topics: ["orders-eu": 1, "orders-us": 1, "others": 1, "orders": 1]) { broker in
            for topic in ["orders-eu", "orders-us", "others", "orders"] { try await send(broker, topic, "1") }
            var client = broker.client
            client.metadataMaxAge = .milliseconds(200)
            let consumer = try Consumer(
                matching: TopicPattern<String, String>("orders-[a-z]+"), cluster: client, options: options())
            #expect(try await read(consumer, 2) == ["orders-eu 1", "orders-us 1"])
            try broker.create("orders-asia", partitions: 2)
            try await send(broker, "orders-asia", "2")
            #expect(try await read(consumer, 1) == ["orders-asia 2"])
            #expect(Set(consumer.assignment.map(\.topic)) == ["orders-asia", "orders-eu", "orders-us"])
            await consumer.close()
        }
    }

    @Test func `an invalid pattern is refused, and internal topics match no pattern`() async throws {
        try await withBroker(topics: ["t": 1]) { broker in
            #expect(throws: ClientError.self) {
                try Consumer(
                    matching: TopicPattern<String, String>("(?=a)"), cluster: broker.client, options: options())
            }
            try await send(broker, "t", "1")
            // A commit creates the offsets topic.
            let all = try Consumer(
                matching: TopicPattern<String, String>(".*"), cluster: broker.client, options: options())
            #expect(try await read(all, 1) == ["t 1"])
            try await all.commit()
            #expect(Set(all.assignment.map(\.topic)) == ["t"])
            await all.close()
            let again = try Consumer(
                matching: TopicPattern<String, String>(".*"), cluster: broker.client, options: options())
            try await send(broker, "t", "2")
            #expect(try await read(again, 1) == ["t 2"])
            #expect(Set(again.assignment.map(\.topic)) == ["t"])
            await again.close()
        }
    }

    @Test(.timeLimit(.minutes(2)), arguments: [ConsumerOptions.Assignor.range, .cooperativeSticky])
    func `a new subscription replaces the previous one`(assignor: ConsumerOptions.Assignor) async throws {
        try await withBroker(topics: ["a": 1, "b": 1]) { broker in
            for topic in ["a", "b"] { try await send(broker, topic, "1") }
            let consumer = try Consumer(
                [Topic<String, String>("a")], cluster: broker.client, options: options { $0.assignors = [assignor] })
            #expect(try await read(consumer, 1) == ["a 1"])
            consumer.subscribe([Topic("b")])
            #expect(try await read(consumer, 1) == ["b 1"])
            #expect(consumer.assignment == [TopicPartition("b", 0)])
            try consumer.subscribe(matching: TopicPattern<String, String>("a"))
            try await send(broker, "a", "2")
            #expect(try await read(consumer, 1) == ["a 2"])
            #expect(consumer.assignment == [TopicPartition("a", 0)])
            await consumer.close()
        }
    }
}
