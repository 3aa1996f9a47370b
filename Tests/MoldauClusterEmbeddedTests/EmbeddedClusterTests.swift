import Foundation
import MoldauBroker
import MoldauCluster
import MoldauClusterEmbedded
import MoldauLog
import MoldauRecords
import Synchronization
import Testing

private let words = TopicPartition("words", 0)

private func makeCluster(partitions: Int32 = 1) throws -> EmbeddedCluster {
    let cluster = try EmbeddedCluster(inMemoryWithClock: { Timestamp(ms: 1_000) })
    try cluster.makeAdmin().create([NewTopic("words", partitionCount: partitions)])
    return cluster
}

private func makeReader(_ cluster: EmbeddedCluster, _ partition: TopicPartition, at offset: Int64 = 0) throws
    -> any Consumer
{
    let consumer = try cluster.makeConsumer(clientID: "reader")
    try consumer.assign([partition])
    try consumer.seek(partition, to: Offset(offset))
    return consumer
}

struct EmbeddedClusterTests {
    @Test func `a consumer polls what a producer sends`() throws {
        let cluster = try makeCluster()
        let producer = try cluster.makeProducer(clientID: "writer")
        try producer.send(["a", "b"], to: words)
        try producer.send(["c"], to: words)
        let consumer = try makeReader(cluster, words, at: 1)
        let fetched = try consumer.poll(wait: .zero)
        #expect(try fetched.flatMap { try $0.values() } == ["b", "c"])
        #expect(fetched.first?.end == Offset(3))
        #expect(consumer.position(words) == Offset(3))
        #expect(try consumer.poll(wait: .zero).isEmpty)
    }

    @Test func `changed topic settings apply at once, to open partitions and to others`() throws {
        let cluster = try makeCluster(partitions: 2)
        let admin = try cluster.makeAdmin()
        let producer = try cluster.makeProducer(clientID: "writer")
        let long = String(repeating: "x", count: 500)
        try producer.send([long], to: words)
        try admin.configure("words", ["max.message.bytes": "300", "retention.ms": "5"])
        for number in 0..<2 {
            let error = #expect(throws: ClusterError.self) {
                try producer.send([long], to: TopicPartition("words", Int32(number)))
            }
            guard case .recordTooLarge(_, _, limit: 300)? = error else {
                return #expect(Bool(false), "\(error as Any)")
            }
        }
        try admin.configure("words", ["max.message.bytes": nil])
        try producer.send([long], to: words)
        #expect(try admin.describe(["words"])["words"]?.configuration == ["retention.ms": "5"])
        #expect(
            throws: ClusterError.invalidSettings(
                topic: "words",
                reason: "Invalid value x for configuration retention.ms: Not a number of type LONG")
        ) {
            try admin.configure("words", ["retention.ms": "x"])
        }
        #expect(throws: ClusterError.unknownTopic("orders")) { try admin.configure("orders", [:]) }
    }

    /// Otherwise a misspelled setting would silently have no effect.
    @Test func `unknown settings of topics are refused, except for our own`() throws {
        let admin = try makeCluster().makeAdmin()
        let unknown = "Unknown topic config name: retention"
        #expect(throws: ClusterError.invalidTopic(name: "orders", reason: unknown)) {
            try admin.create([NewTopic("orders", partitionCount: 1, configuration: ["retention": "1"])])
        }
        #expect(try admin.describe(["orders"]).isEmpty)
        #expect(throws: ClusterError.invalidSettings(topic: "words", reason: unknown)) {
            try admin.configure("words", ["retention": "1"])
        }
        try admin.create([NewTopic("orders", partitionCount: 1, configuration: ["moldau.store": "1"])])
        try admin.configure("words", ["retention": nil, "moldau.store": "2"])
    }

    @Test func `an error in one partition does not affect the others`() throws {
        let cluster = try makeCluster(partitions: 3)
        let partitions = (0..<3).map { TopicPartition("words", Int32($0)) }
        let producer = try cluster.makeProducer(clientID: "writer")
        for partition in partitions { try producer.send(["a"], to: partition) }
        let consumer = try cluster.makeConsumer(clientID: "reader")
        try consumer.assign(Set(partitions))
        for partition in partitions { try consumer.seek(partition, to: partition == partitions[1] ? Offset(9) : .zero) }
        #expect(try consumer.poll(wait: .zero).map(\.partition) == [partitions[0]])
        #expect(throws: ClusterError.self) { try consumer.poll(wait: .zero) }
        try consumer.seek(partitions[1], to: .zero)
        #expect(try consumer.poll(wait: .zero).map(\.partition) == [partitions[1], partitions[2]])
    }

    @Test func `a sent batch is acknowledged by the flush`() throws {
        let cluster = try makeCluster()
        let producer = try cluster.makeProducer(clientID: "writer")
        try producer.send(["a", "b"], to: words)
        #expect(producer.acknowledgedEnd(of: words) == nil)
        try producer.flush()
        #expect(producer.acknowledgedEnd(of: words) == Offset(2))
    }

    @Test func `a waiting poll ends when something is appended`() throws {
        let cluster = try makeCluster()
        let consumer = try makeReader(cluster, words)
        let thread = Thread {
            Thread.sleep(forTimeInterval: 0.02)
            try? cluster.makeProducer(clientID: "late").send(["late"], to: words)
        }
        thread.start()
        let fetched = try consumer.poll(wait: .seconds(10))
        #expect(try fetched.flatMap { try $0.values() } == ["late"])
    }

    @Test func `a wakeup before a poll ends its wait`() throws {
        let cluster = try makeCluster()
        let consumer = try makeReader(cluster, words)
        consumer.wakeup.signal()
        let begin = ContinuousClock.now
        #expect(try consumer.poll(wait: .seconds(10)).isEmpty)
        #expect(ContinuousClock.now - begin < .seconds(5))
    }

    @Test func `a poll without data returns empty after its wait`() throws {
        let consumer = try makeReader(try makeCluster(), words)
        let begin = ContinuousClock.now
        #expect(try consumer.poll(wait: .milliseconds(30)).isEmpty)
        #expect(ContinuousClock.now - begin >= .milliseconds(30))
    }

    @Test func `paused partitions and partitions without a position return nothing`() throws {
        let cluster = try makeCluster(partitions: 3)
        let all = Set((0..<3).map { TopicPartition("words", Int32($0)) })
        let producer = try cluster.makeProducer(clientID: "writer")
        for partition in all.sorted() { try producer.send(["\(partition)"], to: partition) }
        let consumer = try cluster.makeConsumer(clientID: "reader")
        try consumer.assign(all)
        try consumer.seek(TopicPartition("words", 0), to: .zero)
        try consumer.seek(TopicPartition("words", 1), to: .zero)
        consumer.pause([TopicPartition("words", 1)])
        #expect(try consumer.poll(wait: .zero).flatMap { try $0.values() } == ["words-0"])
        consumer.resume([TopicPartition("words", 1)])
        #expect(try consumer.poll(wait: .zero).flatMap { try $0.values() } == ["words-1"])
    }

    @Test func `a partition that stays assigned keeps its position`() throws {
        let cluster = try makeCluster(partitions: 2)
        let other = TopicPartition("words", 1)
        let consumer = try makeReader(cluster, words, at: 0)
        try cluster.makeProducer(clientID: "writer").send(["a"], to: words)
        _ = try consumer.poll(wait: .zero)
        try consumer.assign([words, other])
        #expect(consumer.position(words) == Offset(1))
        #expect(consumer.position(other) == nil)
        try consumer.assign([other])
        #expect(consumer.position(words) == nil)
    }

    @Test func `committed offsets are returned with their metadata, separately for each group`() throws {
        let cluster = try makeCluster()
        let consumer = try cluster.makeConsumer(ConsumerOptions(clientID: "reader", group: "app"))
        #expect(try consumer.committed([words]).isEmpty)
        try consumer.commit([words: CommittedOffset(Offset(7), metadata: "AgAA")])
        #expect(try consumer.committed([words]) == [words: CommittedOffset(Offset(7), metadata: "AgAA")])
        let other = try cluster.makeConsumer(ConsumerOptions(clientID: "other", group: "another"))
        #expect(try other.committed([words]).isEmpty)
    }

    @Test func `a group accepts one member, which gets everything at once and can be replaced`() throws {
        let cluster = try makeCluster()
        let worker = IdleWorker()
        let first = try cluster.join(group: "app", worker)
        #expect(!first.isShared && worker.shares == [])
        first.rebalance()
        #expect(worker.shares == [[1, 2, 3]])
        #expect(throws: ClusterError.groupInUse("app")) { try cluster.join(group: "app", IdleWorker()) }
        _ = try cluster.join(group: "another", IdleWorker())
        first.leave()
        let second = try cluster.join(group: "app", IdleWorker())
        // Leaving a second time does not remove another member.
        first.leave()
        #expect(throws: ClusterError.groupInUse("app")) { try cluster.join(group: "app", IdleWorker()) }
        withExtendedLifetime(second) {}
    }

    @Test func `an application's open consumers are listed as members of its group`() throws {
        let broker = try Broker(
            MemoryFileSystem(), directory: "data", durability: .os, clock: { Timestamp(ms: 1_000) })
        let cluster = EmbeddedCluster(broker)
        try cluster.makeAdmin().create([NewTopic("words", partitionCount: 2)])
        func members() -> [String: Int] {
            let found = Mutex<[String: Int]>([:])
            broker.ask(.describe(group: "app")) { result in
                guard case .success(.describe(let group)) = result else { return }
                let sizes = group.members.map { ($0.client.id, $0.assignment.count) }
                found.withLock { $0 = Dictionary(sizes) { $1 } }
            }
            return found.withLock { $0 }
        }
        let membership = try cluster.join(group: "app", IdleWorker())
        let consumer = try cluster.makeConsumer(ConsumerOptions(clientID: "app-1", group: "app"))
        try consumer.assign([])
        #expect(members() == ["app-1": 10])
        try consumer.assign([words, TopicPartition("words", 1)])
        // The topic's name with its length, the number of partitions, and two partitions.
        #expect(members() == ["app-1": 10 + 7 + 4 + 8])
        consumer.close()
        #expect(members() == ["app": 10])
        membership.leave()
        #expect(members() == [:])
    }

    @Test func `a membership ends when its last reference is gone`() throws {
        let cluster = try makeCluster()
        withExtendedLifetime(try cluster.join(group: "app", IdleWorker())) {}
        _ = try cluster.join(group: "app", IdleWorker())
    }

    /// Both producers of a transactional id have the same producer id until its epochs run out.
    @Test func `an open transaction is read only by a consumer that names its id and reads ahead`() throws {
        let cluster = try makeCluster()
        let own = try cluster.makeConsumer(
            ConsumerOptions(clientID: "own", readsAhead: .everywhere(), readsTransactionsOf: "app-1"))
        let other = try makeReader(cluster, words)
        let patient = try cluster.makeConsumer(
            ConsumerOptions(
                clientID: "patient", readsAhead: .everywhere(except: [words.topic]), readsTransactionsOf: "app-1"))
        try patient.assign([words])
        try patient.seek(words, to: .zero)
        try own.assign([words])
        try own.seek(words, to: .zero)
        #expect(try own.poll(wait: .zero).isEmpty)
        let producer = try cluster.makeTransactionalProducer(
            TransactionalProducerOptions(clientID: "writer", id: "app-1", timeout: .seconds(10)))
        var builder = RecordBatchBuilder()
        builder.producer = producer.stamp(for: words)
        builder.append(key: nil, value: nil, timestamp: Timestamp(ms: 0))
        try producer.send(builder.finish(), to: words)
        #expect(try own.poll(wait: .zero).count == 1)
        #expect(try other.poll(wait: .zero).isEmpty)
        #expect(try patient.poll(wait: .zero).isEmpty)
        try producer.commit([:], of: GroupMetadata(group: "app"))
        #expect(try other.poll(wait: .zero).count == 1)
        #expect(try patient.poll(wait: .zero).count == 1)
    }

    @Test func `offsets are found by timestamp`() throws {
        let cluster = try makeCluster()
        let consumer = try makeReader(cluster, words)
        try cluster.makeProducer(clientID: "writer").send(["a", "b", "c"], to: words, at: 100)
        #expect(try consumer.offset(in: words, atOrAfter: Timestamp(ms: 0)) == .zero)
        #expect(try consumer.offset(in: words, atOrAfter: Timestamp(ms: 101)) == Offset(1))
        #expect(try consumer.offset(in: words, atOrAfter: Timestamp(ms: 103)) == nil)
    }

    @Test func `deleted records raise the lower bound and are out of range`() throws {
        let cluster = try makeCluster()
        try cluster.makeProducer(clientID: "writer").send(["a", "b", "c"], to: words)
        try cluster.makeAdmin().deleteRecords(before: [words: Offset(2)])
        let consumer = try makeReader(cluster, words)
        #expect(try consumer.bounds(of: [words]) == [words: Offset(2)..<Offset(3)])
        #expect(throws: ClusterError.offsetOutOfRange(words, requested: .zero, held: Offset(2)..<Offset(3))) {
            try consumer.poll(wait: .zero)
        }
    }

    @Test func `topics are created, described and deleted`() throws {
        let admin = try makeCluster(partitions: 4).makeAdmin()
        try admin.create([NewTopic("counts", partitionCount: 1, configuration: ["cleanup.policy": "compact"])])
        #expect(try admin.topics().map(\.name) == ["counts", "words"])
        #expect(try admin.describe(["words", "nothing"]).mapValues(\.partitionCount) == ["words": 4])
        #expect(throws: ClusterError.topicExists("words")) { try admin.create([NewTopic("words", partitionCount: 1)]) }
        try admin.delete(["words"])
        #expect(try admin.topics().map(\.name) == ["counts"])
        #expect(throws: ClusterError.unknownTopic("words")) { try admin.delete(["words"]) }
    }

    @Test(arguments: ["", ".", "..", "a b", "a/b", "é", String(repeating: "x", count: 250)])
    func `an invalid topic name is refused`(name: String) throws {
        let admin = try makeCluster().makeAdmin()
        #expect(throws: ClusterError.self) { try admin.create([NewTopic(name, partitionCount: 1)]) }
    }

    @Test func `a producer continues after its topic was deleted and created again`() throws {
        let cluster = try makeCluster()
        let producer = try cluster.makeProducer(clientID: "writer")
        let admin = try cluster.makeAdmin()
        try producer.send(["old"], to: words)
        try admin.delete(["words"])
        #expect(throws: ClusterError.unknownTopic("words")) { try producer.send(["lost"], to: words) }
        try admin.create([NewTopic("words", partitionCount: 1)])
        try producer.send(["new"], to: words)
        #expect(try makeReader(cluster, words).poll(wait: .zero).flatMap { try $0.values() } == ["new"])
    }

    @Test func `operations on a closed cluster fail`() throws {
        let cluster = try makeCluster()
        let producer = try cluster.makeProducer(clientID: "writer")
        try producer.send(["a"], to: words)
        try cluster.close()
        #expect(throws: ClusterError.closed) { try producer.send(["b"], to: words) }
    }
}
