import MoldauBroker
import MoldauLog
import MoldauRecords
import Testing

private let words = TopicPartition("words", 0)

struct TopicIdentityTests {
    @Test func `a topic keeps its id over restarts, and stores it in its partitions' metadata files`() throws {
        let files = MemoryFileSystem()
        var broker = try openBroker(files)
        try broker.create([TopicMetadata(name: "words", partitionCount: 1)])
        let id = try #require(broker.topic("words")?.id)
        try broker.append(["a"], to: words)
        try broker.close()
        #expect(
            try files.contents(of: "data/words-0/partition.metadata") == Array("version: 0\ntopic_id: \(id)\n".utf8))
        broker = try openBroker(files)
        #expect(broker.topic("words")?.id == id)
        #expect(try broker.values(of: words) == ["a"])
    }

    @Test func `a topic that is created again gets another id, even if the old id is requested`() throws {
        let broker = try openBroker(MemoryFileSystem())
        try broker.create([TopicMetadata(name: "words", partitionCount: 1)])
        let first = try #require(broker.topic("words"))
        try broker.delete("words")
        try broker.create([first])
        #expect(broker.topic("words")?.id != nil)
        #expect(broker.topic("words")?.id != first.id)
    }

    @Test func `topics of a directory without topic ids get permanent ids`() throws {
        let files = MemoryFileSystem()
        let old = #"{"topics":[{"configuration":{},"name":"words","partitionCount":1}],"version":1}"#
        try files.open("data/topics.json").write(Array(old.utf8), at: 0)
        let id = try #require(try openBroker(files).topic("words")?.id)
        #expect(try openBroker(files).topic("words")?.id == id)
    }

    @Test func `topic ids missing from the topics file are read from the partition directories`() throws {
        let files = MemoryFileSystem()
        let broker = try openBroker(files)
        try broker.create([TopicMetadata(name: "words", partitionCount: 2)])
        try broker.append(["a"], to: TopicPartition("words", 1))
        let id = try #require(broker.topic("words")?.id)
        let old = #"{"topics":[{"configuration":{},"name":"words","partitionCount":2}],"version":1}"#
        try files.replace("data/topics.json", with: Array(old.utf8), in: "data", sync: true)
        #expect(try openBroker(files).topic("words")?.id == id)
    }

    @Test(arguments: [true, false])
    func `records of another topic with the same name are refused, and other partitions are read`(closes: Bool) throws {
        let files = MemoryFileSystem()
        let broker = try openBroker(files)
        try broker.create([TopicMetadata(name: "words", partitionCount: 2)])
        let second = TopicPartition("words", 1)
        try broker.append(["a"], to: words)
        try broker.append(["b"], to: second)
        let id = try #require(broker.topic("words")?.id)
        if closes { try broker.close() }
        let other = TopicID(high: 1, low: 2)
        try files.replace(
            "data/words-0/partition.metadata", with: Array("version: 0\ntopic_id: \(other)".utf8), in: "data",
            sync: true)
        let reopened = try openBroker(files)
        #expect(try reopened.values(of: second) == ["b"])
        let refusal = BrokerError.log(words, .foreignRecords(directory: "data/words-0", held: other, expected: id))
        #expect(throws: refusal) { try reopened.values(of: words) }
        #expect(throws: refusal) { try reopened.append(["c"], to: words) }
    }
}
