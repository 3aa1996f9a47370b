import Foundation
import MoldauCluster
import MoldauClusterEmbedded
import MoldauLog
import MoldauRecords
import Testing

private let words = TopicPartition("words", 0)

struct DirectoryTests {
    @Test(arguments: [Durability.sync, .os, .interval(.milliseconds(1))], [true, false])
    func `records, topics and offsets survive a reopen`(durability: Durability, closes: Bool) throws {
        let directory = try TemporaryDirectory()
        try withExtendedLifetime(try EmbeddedCluster(directory: directory.path, durability: durability)) { cluster in
            try cluster.makeAdmin().create([NewTopic("words", partitionCount: 8)])
            let producer = try cluster.makeProducer(clientID: "writer")
            for number in 0..<8 { try producer.send(["a", "b"], to: TopicPartition("words", Int32(number))) }
            try producer.flush()
            let consumer = try cluster.makeConsumer(ConsumerOptions(clientID: "reader", group: "app"))
            try consumer.commit([words: CommittedOffset(Offset(1))])
            if closes { try cluster.close() }
        }
        let cluster = try EmbeddedCluster(directory: directory.path, durability: durability)
        let consumer = try cluster.makeConsumer(ConsumerOptions(clientID: "reader", group: "app"))
        let committed = try #require(try consumer.committed([words])[words])
        try consumer.assign([words])
        try consumer.seek(words, to: committed.offset)
        #expect(try consumer.poll(wait: .zero).flatMap { try $0.values() } == ["b"])
        #expect(try consumer.bounds(of: [TopicPartition("words", 7)]).values.first == Offset.zero..<Offset(2))
        try cluster.close()
    }

    @Test func `a second cluster on the directory is refused at once, naming this process`() throws {
        let directory = try TemporaryDirectory()
        let cluster = try EmbeddedCluster(directory: directory.path)
        let error = #expect(throws: LogError.self) { try EmbeddedCluster(directory: directory.path) }
        #expect(error?.description.contains("process \(ProcessInfo.processInfo.processIdentifier) (") == true)
        try cluster.close()
        try EmbeddedCluster(directory: directory.path).close()
    }

    @Test func `a busy partition does not starve the others`() throws {
        let cluster = try EmbeddedCluster(inMemoryWithClock: { Timestamp(ms: 0) })
        try cluster.makeAdmin().create([NewTopic("words", partitionCount: 30)])
        let all = (0..<30).map { TopicPartition("words", Int32($0)) }
        let producer = try cluster.makeProducer(clientID: "writer")
        let consumer = try cluster.makeConsumer(clientID: "reader")
        let large = String(repeating: "x", count: 1_000_000)
        for partition in all { try producer.send([large], to: partition) }
        try consumer.assign(Set(all))
        for partition in all { try consumer.seek(partition, to: .zero) }
        let first = try consumer.poll(wait: .zero).map(\.partition)
        for partition in first { try producer.send([large], to: partition) }
        let second = try consumer.poll(wait: .zero).map(\.partition)
        #expect(first.count < 30)
        #expect(Set(first + second) == Set(all))
    }
}
