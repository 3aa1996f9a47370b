import Foundation
import MoldauClient
import MoldauClientEmbedded
import MoldauRecords
import Synchronization
import Testing

/// Clients of a broker in this process, without a socket.
@Suite struct EmbeddedTests {
    private let partition = TopicPartition("t", 0)

    /// A broker in memory with a topic `t`.
    private func withMemory(partitions: Int32 = 1, _ body: (ClientOptions) async throws -> Void) async throws {
        let cluster = try EmbeddedCluster(inMemoryWithClock: EmbeddedCluster.systemClock)
        let client = ClientOptions.embedded(cluster)
        let admin = try AdminClient(cluster: client)
        try await admin.createTopics([.init("t", partitions: partitions)]).all()
        await admin.close()
        try await body(client)
        try await cluster.close()
    }

    private func options(_ group: String? = nil) -> ConsumerOptions {
        var options = ConsumerOptions()
        options.group = group
        options.offsetReset = .earliest
        options.heartbeatInterval = .milliseconds(100)
        return options
    }

    private func read(_ consumer: Consumer<String, String>, _ count: Int) async throws -> [String] {
        try await consumer.read(count).map(\.value)
    }

    @Test(arguments: [ProducerOptions.Acks.none, .leader, .all])
    func `sent records are read in order`(acks: ProducerOptions.Acks) async throws {
        try await withMemory { client in
            var sending = ProducerOptions()
            sending.acks = acks
            let producer = try Producer(to: topic, cluster: client, options: sending)
            for number in 0..<1_000 { _ = try await producer.enqueue("k", "\(number)") }
            await producer.close()
            let consumer = try Consumer([topic], assigned: [partition], cluster: client, options: options())
            #expect(try await read(consumer, 1_000) == (0..<1_000).map { "\($0)" })
            // At the end of the log, the poll waits for new records.
            async let next = read(consumer, 1)
            let other = try Producer(to: topic, cluster: client)
            try await other.send("k", "last")
            #expect(try await next == ["last"])
            await other.close()
            await consumer.close()
        }
    }

    @Test(.timeLimit(.minutes(2))) func `members of a group share partitions, and resume at committed offsets`()
        async throws
    {
        try await withMemory(partitions: 2) { client in
            let producer = try Producer(to: topic, cluster: client)
            for number in 0..<10 { try await producer.send("k", "\(number)", partition: Partition(Int32(number % 2))) }
            let one = try Consumer([topic], cluster: client, options: options("g"))
            #expect(try await read(one, 10).count == 10)
            let two = try Consumer([topic], cluster: client, options: options("g"))
            try await withThrowingTaskGroup(of: Void.self) { group in
                for consumer in [one, two] { group.addTask { for try await _ in consumer.records {} } }
                let end = ContinuousClock.now + .seconds(40)
                while two.assignment.count != 1 || one.assignment.count != 1, ContinuousClock.now < end {
                    try await Task.sleep(for: .milliseconds(20))
                }
                #expect(one.assignment.count == 1 && one.assignment.isDisjoint(with: two.assignment))
                group.cancelAll()
                try await group.waitForAll()
            }
            await one.close()
            for number in 10..<12 { try await producer.send("k", "\(number)", partition: Partition(Int32(number % 2))) }
            #expect(try await read(two, 2).sorted() == ["10", "11"])
            await two.close()
            await producer.close()
        }
    }

    @Test func `a transaction is visible once committed, with its offsets, and never if aborted`() async throws {
        try await withMemory { client in
            var sending = ProducerOptions()
            sending.transactionalID = "id"
            let producer = try Producer(to: topic, cluster: client, options: sending)
            struct Stop: Error {}
            await #expect(throws: Stop.self) {
                try await producer.transaction { _ in
                    try await producer.send("k", "no")
                    throw Stop()
                }
            }
            var reading = options("g")
            reading.isolation = .readCommitted
            let consumer = try Consumer([topic], assigned: [partition], cluster: client, options: reading)
            let member = try #require(consumer.groupMetadata)
            try await producer.transaction { transaction in
                try await producer.send("k", "yes")
                try await transaction.commit([TopicPartition("t", 0): Offset(1)], of: member)
            }
            #expect(try await consumer.committed([partition]) == [partition: Offset(1)])
            consumer.seekToBeginning([partition])
            #expect(try await read(consumer, 1) == ["yes"])
            await consumer.close()
            await producer.close()
        }
    }

    @Test func `records in files are read after the cluster is reopened`() async throws {
        let directory = FileManager.default.temporaryDirectory.appending(path: "moldau-\(UUID().uuidString)").path
        defer { try? FileManager.default.removeItem(atPath: directory) }
        let first = try await EmbeddedCluster(directory: directory)
        let producer = try Producer(to: topic, cluster: .embedded(first))
        let value = String(repeating: "x", count: 50_000)
        for _ in 0..<100 { _ = try await producer.enqueue("k", value) }
        await producer.close()
        try await first.close()
        let second = try await EmbeddedCluster(directory: directory)
        let consumer = try Consumer(
            [topic], assigned: [partition], cluster: .embedded(second), options: options())
        let values = try await read(consumer, 100)
        #expect(values.count == 100 && values.allSatisfy { $0 == value })
        await consumer.close()
        try await second.close()
    }

    @Test func `a closed cluster is reported, and nothing hangs`() async throws {
        let cluster = try EmbeddedCluster(inMemoryWithClock: EmbeddedCluster.systemClock)
        var client = ClientOptions.embedded(cluster)
        client.requestTimeout = .seconds(5)
        var sending = ProducerOptions()
        sending.deliveryTimeout = .seconds(2)
        sending.maxBlock = .seconds(2)
        let producer = try Producer(to: topic, cluster: client, options: sending)
        try await producer.send("k", "1")
        try await cluster.close()
        await #expect(throws: (any Error).self) { try await producer.send("k", "2") }
        await producer.close()
    }
}
