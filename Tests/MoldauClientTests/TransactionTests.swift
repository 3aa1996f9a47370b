import Foundation
import MoldauClient
import MoldauRecords
import Testing

@Suite struct TransactionTests {
    private struct Stop: Error {}

    private func producer(_ broker: TestBroker) throws -> Producer<String, String> {
        var options = ProducerOptions()
        options.transactionalID = "id"
        return try Producer(to: topic, cluster: broker.client, options: options)
    }

    private func values(_ broker: TestBroker, _ isolation: ConsumerOptions.Isolation, _ count: Int) async throws
        -> [String]
    {
        try await everything(of: broker, partitions: 2, count: count) { $0.isolation = isolation }.compactMap(\.value)
    }

    @Test func `committed records are read, and aborted ones are not`() async throws {
        try await withBroker(topics: ["t": 2]) { broker in
            let producer = try producer(broker)
            try await producer.transaction { _ in
                for number in 0..<10 { _ = try await producer.enqueue("\(number)", "yes \(number)") }
            }
            await #expect(throws: Stop.self) {
                try await producer.transaction { _ in
                    for number in 0..<10 { try await producer.send("\(number)", "no \(number)") }
                    throw Stop()
                }
            }
            try await producer.transaction { _ in try await producer.send("k", "last") }
            await producer.close()
            let committed = try await values(broker, .readCommitted, 11)
            #expect(Set(committed) == Set((0..<10).map { "yes \($0)" } + ["last"]) && committed.count == 11)
            #expect(try await values(broker, .readUncommitted, 21).count == 21)
        }
    }

    @Test func `offsets are committed with the transaction's results, or not at all`() async throws {
        try await withBroker(topics: ["t": 2]) { broker in
            let producer = try producer(broker)
            var options = ConsumerOptions()
            options.group = "g"
            options.commitsAutomatically = false
            let partition = TopicPartition("t", 0)
            let consumer = try Consumer([topic], assigned: [partition], cluster: broker.client, options: options)
            let metadata = try #require(consumer.groupMetadata)
            try await producer.transaction { transaction in
                try await producer.send("k", "v")
                try await transaction.commit([partition: Offset(3)], of: metadata)
            }
            #expect(try await consumer.committed([partition]) == [partition: Offset(3)])
            await #expect(throws: Stop.self) {
                try await producer.transaction { transaction in
                    try await transaction.commit([partition: Offset(9)], of: metadata)
                    throw Stop()
                }
            }
            #expect(try await consumer.committed([partition]) == [partition: Offset(3)])
            await consumer.close()
            await producer.close()
        }
    }

    @Test func `a second producer with the same id fences the first, whose transaction is aborted`() async throws {
        try await withBroker(topics: ["t": 2]) { broker in
            let first = try producer(broker)
            let second = try producer(broker)
            await #expect(throws: ClientError.fenced(id: "id")) {
                try await first.transaction { _ in
                    try await first.send("k", "first")
                    try await second.transaction { _ in try await second.send("k", "second") }
                }
            }
            await #expect(throws: ClientError.fenced(id: "id")) { try await first.transaction { _ in } }
            await first.close()
            await second.close()
            #expect(try await values(broker, .readCommitted, 1) == ["second"])
        }
    }

    @Test func `initializing a producer fences the previous one, even before its first transaction`() async throws {
        try await withBroker(topics: ["t": 2]) { broker in
            let first = try producer(broker)
            let second = try producer(broker)
            await #expect(throws: ClientError.fenced(id: "id")) {
                try await first.transaction { _ in
                    try await first.send("k", "first")
                    try await second.initTransactions()
                }
            }
            try await second.transaction { _ in try await second.send("k", "second") }
            await first.close()
            await second.close()
            #expect(try await values(broker, .readCommitted, 1) == ["second"])
        }
    }

    @Test func `a transaction whose offsets could not be committed is not committed`() async throws {
        try await withBroker(topics: ["t": 2]) { broker in
            let producer = try producer(broker)
            var options = ConsumerOptions(group: "g")
            options.commitsAutomatically = false
            let member = try Consumer([topic], cluster: broker.client, options: options)
            while member.assignment.isEmpty { _ = try await member.poll(within: .milliseconds(100)) }
            let old = try #require(member.groupMetadata)
            await member.close()
            await #expect(throws: ClientError.self) {
                try await producer.transaction { transaction in
                    try await producer.send("k", "v")
                    // The member has left; ignoring that error must not commit half of a transaction.
                    try? await transaction.commit([TopicPartition("t", 0): Offset(1)], of: old)
                }
            }
            try await producer.transaction { _ in try await producer.send("k", "after") }
            await producer.close()
            #expect(try await values(broker, .readCommitted, 1) == ["after"])
        }
    }

    @Test func `records outside of a transaction, and nested transactions, are refused`() async throws {
        try await withBroker(topics: ["t": 2]) { broker in
            let producer = try producer(broker)
            await #expect(throws: ClientError.self) { try await producer.send("k", "v") }
            try await producer.transaction { _ in
                await #expect(throws: ClientError.self) { try await producer.transaction { _ in } }
                try await producer.send("k", "v")
            }
            await producer.close()
            #expect(try await values(broker, .readCommitted, 1) == ["v"])
        }
    }
}
